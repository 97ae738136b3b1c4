"""Brings up simulator, cloud and edges as separate processes: what `scripts/lab` and `scripts/demo` share."""
