"""The fleet: edges and their channels, as they stand now."""
