"""Sessions on devices, their codes, one-time artefacts and rates, in Valkey: each operation is one step there, or did not happen."""
