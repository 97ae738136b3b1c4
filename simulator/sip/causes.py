"""What a refusal by SIP becomes on the GSM side (RFC 3398 §8.2.6, as far as a mobile can say it: 24.008 §10.5.4.11)."""

from __future__ import annotations

from simulator.calls import BUSY, NO_ANSWER, NORMAL, OUT_OF_ORDER, REJECTED, UNALLOCATED

CAUSES = {
    200: NORMAL, 404: UNALLOCATED, 408: OUT_OF_ORDER, 480: NO_ANSWER, 486: BUSY, 487: NORMAL, 600: BUSY, 603: REJECTED,
}  # fmt: skip


def cause_of(status: int) -> int:
    """The Q.850 cause for how the SIP side ended."""
    return CAUSES.get(status, OUT_OF_ORDER if status >= 500 else REJECTED)
