"""Work that no request waits for: hash chain, hold expiry, outbox relay."""
