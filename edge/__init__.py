"""HTTP and GraphQL at the outside: requests in, bytes out."""
