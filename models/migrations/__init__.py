"""Migrations: each is a `.sql` file and the module beside it that runs it and knows the way back."""
