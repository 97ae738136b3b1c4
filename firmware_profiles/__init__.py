"""Data, not code: what each model of modem does differently. See README.md."""
