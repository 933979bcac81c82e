"""Standing up: embedded stores, the commands behind the Makefile, the demo bank."""
