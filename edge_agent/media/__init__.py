"""Sound at the edge: one clock, one kind of leg, what it plays and who listens to it.

Frames are 20 ms of s16le at 8 kHz mono (320 bytes). Everything that happens once per frame is a plain function call
on the agent's loop; only files are touched elsewhere, in threads.
"""
