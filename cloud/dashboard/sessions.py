"""Who is logged in. Sessions live in memory: a restart logs everybody out, a copy of the disk logs nobody in."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

LIFE_S = 12 * 3600.0
IDLE_S = 3600.0
MOST = 1000

IN, CODE, ENROL = "in", "code", "enrol"
"""Logged in; the password was right and a code is wanted; a second factor has to be set up before anything else."""


@dataclass(frozen=True, slots=True)
class Session:
    """``csrf`` must come back in every form; ``id`` names the session to people and opens nothing.

    ``stamp``: the operator's when it began. ``begun`` and ``seen`` are of the clock of ``Sessions``.
    """

    operator: str
    csrf: str
    id: str
    role: str = "operator"
    account: str | None = None
    stamp: str = ""
    stage: str = IN
    source: str = ""
    program: str = ""
    begun: float = 0.0
    seen: float = 0.0


class Sessions:
    """``clock`` counts seconds and never jumps. A session ends ``idle_s`` after it was last used, and of age."""

    def __init__(self, clock: Callable[[], float], *, idle_s: float = IDLE_S, life_s: float = LIFE_S) -> None:
        self._clock = clock
        self._idle_s = idle_s
        self._life_s = life_s
        self._by_token: OrderedDict[str, Session] = OrderedDict()

    @property
    def life_s(self) -> float:
        return self._life_s

    def begin(self, operator: str, **known: str | None) -> str:
        """A new session; the token for its cookie. ``known``: other fields of it."""
        token, now = secrets.token_urlsafe(32), self._clock()
        made = Session(operator, secrets.token_urlsafe(32), secrets.token_hex(8), begun=now, seen=now)
        self._by_token[token] = replace(made, **known)  # type: ignore[arg-type]
        while len(self._by_token) > MOST:
            self._by_token.popitem(last=False)
        return token

    def get(self, token: str, *, used: bool = True) -> Session | None:
        """The session, if it has not ended; ``used``: by a person, not by a page that renews itself."""
        session, now = self._by_token.get(token), self._clock()
        if session is None:
            return None
        if now - session.begun >= self._life_s or now - session.seen >= self._idle_s:
            del self._by_token[token]
            return None
        if used:
            session = self._by_token[token] = replace(session, seen=now)
        return session

    def restamp(self, token: str, stamp: str) -> None:
        """Let this one outlive a change that its own operator made."""
        if (session := self._by_token.get(token)) is not None:
            self._by_token[token] = replace(session, stamp=stamp)

    def end(self, token: str) -> None:
        self._by_token.pop(token, None)

    def end_of(self, operator: str, *, id_: str = "", but: str = "") -> int:
        """End the operator's sessions: the one with this id, or all but the one with that token; how many it were."""
        ended = [
            token
            for token, session in self._by_token.items()
            if session.operator == operator and (session.id == id_ if id_ else token != but)
        ]
        for token in ended:
            del self._by_token[token]
        return len(ended)

    def of(self, operator: str | None = None) -> list[Session]:
        """Those that have not ended, of one operator or of all, the newest first."""
        found = [self.get(token, used=False) for token in reversed(list(self._by_token))]
        return [session for session in found if session is not None and operator in (None, session.operator)]
