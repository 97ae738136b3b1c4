"""The operator's page: edges, channels, live calls and the last messages, as they are now."""
