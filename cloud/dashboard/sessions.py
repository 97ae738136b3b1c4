"""Who is logged in. Sessions live in memory: a restart logs everybody out, a copy of the disk logs nobody in."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

LIFE_S = 12 * 3600.0
MOST = 1000


@dataclass(frozen=True, slots=True)
class Session:
    """``csrf`` must come back in every form."""

    operator: str
    csrf: str
    until: float


class Sessions:
    """``clock`` counts seconds and never jumps."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._by_token: OrderedDict[str, Session] = OrderedDict()

    def begin(self, operator: str) -> str:
        """A new session; the token for its cookie."""
        token = secrets.token_urlsafe(32)
        self._by_token[token] = Session(operator, secrets.token_urlsafe(32), self._clock() + LIFE_S)
        while len(self._by_token) > MOST:
            self._by_token.popitem(last=False)
        return token

    def get(self, token: str) -> Session | None:
        session = self._by_token.get(token)
        if session is not None and session.until <= self._clock():
            del self._by_token[token]
            return None
        return session

    def end(self, token: str) -> None:
        self._by_token.pop(token, None)
