"""What scripts/soak makes of the figures."""
