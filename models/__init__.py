"""The rows: Tortoise models, migrations, SQL functions, and the pools they are reached through."""
