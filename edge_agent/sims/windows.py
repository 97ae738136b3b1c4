"""What a SIM has done lately, and the rates in it. Bounded in time and in number; pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from edge_agent.sims.signs import Doing, Kind, Sign

DAY_S = 86400.0
MOST = 2000


@dataclass(frozen=True, slots=True)
class Rates:
    """None: too little was seen. ``answered`` (ASR) and ``taken`` and ``delivered`` are shares of one, ``talk_s`` the
    mean length of an answered call (ACD), ``ring_p95_s`` the time to ringing that 95 of 100 calls kept (PDD).
    """

    answered: float | None = None
    talk_s: float | None = None
    ring_p95_s: float | None = None
    taken: float | None = None
    delivered: float | None = None


class Window:
    """The signs of the last 24 hours. ``version`` is another one whenever something was added or cleared."""

    def __init__(self) -> None:
        self.version = 0
        self._signs: deque[Sign] = deque(maxlen=MOST)

    def add(self, sign: Sign) -> None:
        self._signs.append(sign)
        self.version += 1

    def clear(self) -> None:
        self._signs.clear()
        self.version += 1

    def good_since(self, at: float) -> bool:
        """Whether something went well since then."""
        return any(sign.doing is Doing.GOOD for sign in takewhile(lambda sign: sign.at >= at, reversed(self._signs)))

    def since(self, at: float) -> list[Sign]:
        """Those not older, in order."""
        while self._signs and self._signs[0].at < at - DAY_S:
            self._signs.popleft()
        return [sign for sign in self._signs if sign.at >= at]

    def last(self, *doings: Doing, after: float = 0.0) -> list[Sign]:
        """The unbroken row of such signs at the end, the newest last; what says nothing of the SIM is passed over."""
        row: list[Sign] = []
        for sign in reversed(self._signs):
            if sign.at < after:
                break
            if sign.doing in doings:
                row.append(sign)
            elif sign.doing is Doing.GOOD:
                break
        return row[::-1]


def rates(signs: Sequence[Sign], *, least_calls: float, least_sms: float, least_reports: float) -> Rates:
    """What these signs say."""
    calls = [sign for sign in signs if sign.kind is Kind.CALL and sign.doing is not Doing.MODEM]
    sms = [sign for sign in signs if sign.kind is Kind.SMS and sign.doing in _ABOUT_THE_SIM]
    reports = [sign for sign in signs if sign.kind is Kind.REPORT]
    talks = [sign.talk_s for sign in calls if sign.talk_s is not None]
    rings = [sign.ring_s for sign in calls if sign.ring_s is not None]
    enough = len(calls) >= least_calls
    return Rates(
        answered=_share(calls, [sign for sign in calls if sign.answered]) if enough else None,
        talk_s=sum(talks) / len(talks) if enough and talks else None,
        ring_p95_s=_p95(rings) if len(rings) >= least_calls else None,
        taken=_share(sms, [sign for sign in sms if sign.doing is Doing.GOOD]) if len(sms) >= least_sms else None,
        delivered=_share(reports, [sign for sign in reports if sign.doing is Doing.GOOD])
        if len(reports) >= least_reports
        else None,
    )


_ABOUT_THE_SIM = (Doing.GOOD, Doing.SIM, Doing.DOUBTFUL)


def distinct(signs: Iterable[Sign]) -> int:
    """To how many destinations."""
    return len({sign.to for sign in signs})


def _share(all_: Sequence[Sign], some: Sequence[Sign]) -> float:
    return len(some) / len(all_)


def _p95(values: Sequence[float]) -> float:
    return sorted(values)[min(len(values) - 1, len(values) * 95 // 100)]
