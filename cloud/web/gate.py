"""Before and behind the credentials of the API: guessing is slowed, and an account may ask so often and no oftener."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cloud.store.records import AccountRecord
from cloud.web import refusals
from cloud.web.errors import TooMany
from cloud.web.rate import REMEMBERED, RateLimit
from cloud.web.refusals import Refusals

WRONG_AT_ONCE, WRONG_EVERY_S = 30, 2.0
"""Wrong credentials from one address."""
STRANGE_AT_ONCE, STRANGE_EVERY_S = 200, 0.5
"""Wrong credentials for one account, from addresses that it has not been used from."""
SECONDS_AT_ONCE = 2
"""How much of its rate an account may use at once."""


@dataclass(frozen=True, slots=True)
class Limits:
    """``requests_per_s`` of each account that has none of its own; 0: as many as there come."""

    requests_per_s: int = 0
    guessing: bool = False


class Gate:
    """Where an account has been used with success it is counted apart from whoever else comes from that address or
    tries that account, so that guessing keeps no owner out."""

    def __init__(
        self,
        limits: Limits | None = None,
        refused: Refusals | None = None,
        *,
        exempt: Callable[[str], bool] = lambda address: False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._limits = limits or Limits()
        self.refused = refused or Refusals()
        self._exempt = exempt
        self._clock = clock
        self._wrong = RateLimit(WRONG_AT_ONCE, WRONG_EVERY_S, clock)
        self._strange = RateLimit(STRANGE_AT_ONCE, STRANGE_EVERY_S, clock)
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], None] = OrderedDict()

    def knock(self, source: str, user: str) -> None:
        """Before credentials are looked at. Raises TooMany."""
        if not self._limits.guessing:
            return
        try:
            for limit, key in self._counts(source, user):
                limit.look(key)
        except TooMany:
            self.refused.count(refusals.GUESSING, source)
            raise

    def wrong(self, source: str, user: str) -> None:
        """They were not right."""
        self.refused.count(refusals.CREDENTIALS, source)
        if self._limits.guessing:
            for limit, key in self._counts(source, user):
                limit.add(key)

    def right(self, source: str, user: str) -> None:
        """They were."""
        self._known.pop((source, user), None)
        self._known[source, user] = None
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def take(self, account: AccountRecord) -> None:
        """Count a request of the account. Raises TooMany."""
        per_s = self._limits.requests_per_s if account.requests_per_s is None else account.requests_per_s
        if per_s <= 0:
            return
        now = self._clock()
        full_at = max(self._full_at.pop(account.sid, now), now) + 1 / per_s
        late = round(full_at - now - SECONDS_AT_ONCE, 9)
        self._full_at[account.sid] = full_at if late <= 0 else full_at - 1 / per_s
        while len(self._full_at) > REMEMBERED:
            self._full_at.popitem(last=False)
        if late > 0:
            self.refused.count(refusals.RATE, account.sid)
            raise TooMany("Too many requests", late)

    def _counts(self, source: str, user: str) -> list[tuple[RateLimit, str]]:
        if (source, user) in self._known:
            return [(self._wrong, f"{user} at {source}")]
        here = [] if self._exempt(source) else [(self._wrong, source)]
        return [*here, (self._strange, user)]
