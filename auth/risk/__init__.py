"""Risk: what is unusual about a login or an operation, from rules that can be explained and played again."""
