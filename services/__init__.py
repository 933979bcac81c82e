"""The rules of the bank. No GraphQL, no HTTP."""
