"""Sound as both sides need it: 8 kHz, mono, 20 ms at a time, in pure Python.

Samples are signed 16-bit little-endian bytes (``L16``) unless a name says otherwise. Nothing here needs numpy
or ``audioop``, which is gone from Python 3.13.
"""
