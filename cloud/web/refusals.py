"""What was turned away at the doors: counted by kind, and said in the log once a minute for each kind and source."""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping

log = logging.getLogger(__name__)

QUIET_S = 60.0
REMEMBERED = 5000

CREDENTIALS = "credentials"
LOGIN = "login"
CODE = "second_factor"
ROLE = "role"
FORGERY = "forgery"
RATE = "rate"
GUESSING = "guessing"
NOT_HTTP = "not_http"
TOO_LARGE = "too_large"
TOO_SLOW = "too_slow"
CONNECTIONS = "connections"
ADDRESS = "forbidden_address"
LINK = "media_link"
CAP = "cap"
KINDS = (
    CREDENTIALS, LOGIN, CODE, ROLE, FORGERY, RATE, GUESSING, NOT_HTTP, TOO_LARGE, TOO_SLOW, CONNECTIONS, ADDRESS, LINK,
    CAP,
)  # fmt: skip


class Refusals:
    """``source`` is an address or an account: nothing that a stranger may write at will, and never a secret."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._counts: Counter[str] = Counter(dict.fromkeys(KINDS, 0))
        self._said: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    @property
    def counts(self) -> Mapping[str, int]:
        """By kind, since the start."""
        return dict(self._counts)

    def count(self, kind: str, source: str, why: str = "") -> None:
        """One was refused."""
        self._counts[kind] += 1
        now, key = self._clock(), (kind, source)
        said_at, unsaid = self._said.pop(key, (now - QUIET_S, 0))
        if now - said_at < QUIET_S:
            self._said[key] = (said_at, unsaid + 1)
            return
        more = f" ({unsaid} more since)" if unsaid else ""
        log.warning("refused %s from %s%s%s", kind, source or "nowhere", f": {why}" if why else "", more)
        self._said[key] = (now, 0)
        while len(self._said) > REMEMBERED:
            self._said.popitem(last=False)
