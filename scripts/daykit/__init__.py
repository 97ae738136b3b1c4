"""A simulated day in minutes: the agent and the phone network in one process, on a clock that jumps."""
