"""What the SIMs of one operator have in common: what is usual there, and when it is the operator that is down."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence

from edge_agent.sims import baseline
from edge_agent.sims.judge import step
from edge_agent.sims.record import SimRecord
from edge_agent.sims.rules import STOPPING, View
from edge_agent.sims.signs import Doing
from edge_agent.sims.thresholds import Thresholds
from edge_agent.sims.windows import Rates
from telecore.ids import Iccid, Plmn
from telecore.sim_health import HealthState

_OFF_AIR = frozenset({HealthState.DENIED, HealthState.SEARCHING})

_LATELY_S = 3600.0


class Operators:
    """``outages``: the operators of which so many SIMs went wrong together that none of them is blamed, and why."""

    def __init__(self, numbers: Thresholds) -> None:
        self.outages: dict[Plmn, str] = {}
        self._numbers = numbers
        self._wrong_at: dict[Iccid, float] = {}
        self._ill: set[Iccid] = set()

    def usual(self, rates: Sequence[tuple[SimRecord, Rates]]) -> list[Rates]:
        """What is usual for each of these SIMs, in their order; each one's own habits follow what it does now."""
        found = []
        for record, own in rates:
            siblings = [
                other_rates
                for other, other_rates in rates
                if other is not record and other.operator == record.operator and record.operator is not None
            ]
            found.append(baseline.usual(siblings, record.usual))
            if HealthState.DEGRADED not in record.held:
                record.usual = baseline.drift(record.usual, own)
        return found

    def watch(self, views: Sequence[tuple[SimRecord, View]], now: float) -> bool:
        """Find outages, and forgive what was seen during one that is over. Whether anything was forgiven."""
        sims: Counter[Plmn] = Counter()
        wrong: defaultdict[Plmn, int] = defaultdict(int)
        for record, view in views:
            if record.operator is None or record.iccid is None:
                continue
            sims[record.operator] += 1
            self._note(record, record.iccid, view, now)
            wrong[record.operator] += now - self._wrong_at.get(record.iccid, -1e9) < self._numbers.outage_window_s
        forgiven = False
        for operator, count in sims.items():
            if baseline.outage(wrong[operator], count, self._numbers):
                text = f"{wrong[operator]} of {count} SIMs of operator {operator} went wrong together: no SIM is blamed"
                self.outages[operator] = text
            elif self.outages.pop(operator, None):
                _forgive([record for record, _ in views if record.operator == operator], now)
                forgiven = True
        return forgiven

    def _note(self, record: SimRecord, iccid: Iccid, view: View, now: float) -> None:
        """Remember when this SIM went wrong, if it did now."""
        entered = step(record.held, view).entered.keys()
        if entered & _OFF_AIR or HealthState.DEGRADED in entered and iccid not in self._ill:
            self._wrong_at[iccid] = now
        elif entered & STOPPING:
            rows = (*view.sim_row, *view.doubtful_row, *view.congestion_row)
            self._wrong_at[iccid] = max((sign.at for sign in rows), default=now)
        if HealthState.DEGRADED in entered:
            self._ill.add(iccid)
        else:
            self._ill.discard(iccid)


def siblings_succeed(record: SimRecord, all_: Sequence[SimRecord], now: float) -> bool:
    """Whether other SIMs of its operator carried something within the last hour, and none of them is being refused."""
    siblings = [
        other
        for other in all_
        if other is not record and other.operator is not None and other.operator == record.operator
    ]
    refused = any(other.window.last(Doing.SIM, Doing.DOUBTFUL) for other in siblings)
    return not refused and any(other.window.good_since(now - _LATELY_S) for other in siblings)


def _forgive(records: Sequence[SimRecord], now: float) -> None:
    """What was seen during an outage is not held against anybody afterwards."""
    for record in records:
        record.rows_from = now
        record.window.clear()
