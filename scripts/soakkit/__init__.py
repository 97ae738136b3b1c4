"""`scripts/soak`: runs what tests/faults holds, one test after the other, and makes one table of the figures."""
