"""How a run is interrupted."""

from __future__ import annotations

import signal


def heed_interrupts() -> None:
    """SIGINT interrupts, also where a shell began it with ``&``: such programs are told to ignore it, and so is all
    that they begin."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
