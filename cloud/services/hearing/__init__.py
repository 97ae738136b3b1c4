"""Speech recognisers: what one is, the one that needs nobody, and who listens to a call or a recording with it."""
