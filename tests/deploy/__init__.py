"""Standing up: the embedded stores, and a bank that is run, ended and killed."""
