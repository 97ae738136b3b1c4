"""Who may come in: the bearer key of an edge, and a limit on wrong ones."""

from __future__ import annotations

import hashlib
import hmac
from collections import OrderedDict, deque

from telecore.ids import EdgeId, is_slug

MOST_FAILURES = 10
WITHIN_S = 60.0
MOST_ADDRESSES = 4096
QUIET_S = 3600.0


def key_matches(key: str, key_sha256: str) -> bool:
    """Whether ``key`` has this SHA-256 (hex), told in constant time; an edge without a key matches nothing."""
    return bool(key_sha256) and hmac.compare_digest(hashlib.sha256(key.encode()).hexdigest(), key_sha256)


def read_authorization(header: str) -> tuple[EdgeId, str] | None:
    """``Bearer <edge>:<key>`` → edge and key; None for anything else."""
    scheme, _, credentials = header.partition(" ")
    edge, _, key = credentials.strip().partition(":")
    if scheme.lower() != "bearer" or not is_slug(edge) or not key or len(key) > 200:
        return None
    return EdgeId(edge), key


class Failures:
    """Wrong keys by address: ten within a minute close the door to that address for the rest of the minute."""

    def __init__(self) -> None:
        self._moments: OrderedDict[str, deque[float]] = OrderedDict()

    def add(self, address: str, now: float) -> bool:
        """Count one; whether it is the first of this address within an hour, and so worth a line in the log."""
        moments = self._moments.setdefault(address, deque(maxlen=MOST_FAILURES))
        first = not moments or now - moments[-1] > QUIET_S
        moments.append(now)
        self._moments.move_to_end(address)
        while len(self._moments) > MOST_ADDRESSES:
            self._moments.popitem(last=False)
        return first

    def wait_s(self, address: str, now: float) -> float:
        """Seconds for which this address is not heard, 0 when it is."""
        moments = self._moments.get(address)
        if moments is None or len(moments) < MOST_FAILURES:
            return 0.0
        return max(0.0, moments[0] + WITHIN_S - now)
