"""Who somebody is: tokens, keys, later sessions, factors and risk."""
