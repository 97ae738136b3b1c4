"""A disk that is slow, full, broken or cut from its power, between a real process and the real one (LD_PRELOAD)."""
