"""What every floor may use: money, ids, errors, clock, settings. Imports nothing of ours."""
