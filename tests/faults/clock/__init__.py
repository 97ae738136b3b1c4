"""The system's clock of real processes, set wrong while they run (LD_PRELOAD)."""
