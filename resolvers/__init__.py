"""Who asks: the request's context, permission on objects, set-based loaders, a service's result as a payload."""
