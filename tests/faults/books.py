"""The books of a run: what was asked and accepted, what arrived, what was told; and whether they balance.

Pure: it is given what the network, the application and the API say, and looks at nothing itself.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

UNKNOWN = 30008
"""Twilio's code for "unknown error": it may have been sent."""
MESSAGE_FINAL = ("delivered", "undelivered", "failed")
MESSAGE_ORDER = ("accepted", "queued", "sending", "sent", *MESSAGE_FINAL)
CALL_FINAL = ("completed", "busy", "failed", "no-answer", "canceled")
CALL_ORDER = ("queued", "initiated", "ringing", "in-progress", *CALL_FINAL)
SIM_LIVE = ("dialing", "ringing", "answered")

Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One request to the application: which hook, what it said, and the token that a repetition would share."""

    hook: str
    params: Mapping[str, str]
    token: str


@dataclass(slots=True)
class Facts:
    """What is so at the end. ``inboxes``: handset → texts; ``network``: the simulator's calls, by their id."""

    messages: Sequence[Row] = ()
    calls: Sequence[Row] = ()
    inboxes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    network: Mapping[str, Row] = field(default_factory=dict)
    told: Sequence[Told] = ()
    busy: Sequence[str] = ()


@dataclass(slots=True)
class Balance:
    """``lost``, ``doubled`` and ``wrong`` are sentences, each a broken promise."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def faults(self) -> list[str]:
        return self.lost + self.doubled + self.wrong

    def figures(self) -> dict[str, int | float | str]:
        """For the report."""
        broken = {"lost": len(self.lost), "doubled": len(self.doubled), "wrong": len(self.wrong)}
        return {**broken, **{name: self.counts[name] for name in sorted(self.counts)}}


@dataclass(slots=True)
class Books:
    """Written while it happens. Texts are unlike each other, so that each is known wherever it turns up."""

    sms_asked: dict[str, str] = field(default_factory=dict)
    """Text → handset, for every request that was made, answered or not."""
    sms_accepted: dict[str, str] = field(default_factory=dict)
    """Text → SID, for those that were answered with 201."""
    sms_in: dict[str, str] = field(default_factory=dict)
    """Text → number, of what the network took from a handset."""
    calls_asked: Counter[str] = field(default_factory=Counter)
    """Handset → requests to call it."""
    calls_accepted: dict[str, str] = field(default_factory=dict)
    """SID → handset."""

    reports_may_be_lost: bool = False
    """Where modems are troubled a delivery report may never come; its message stays ``sent``, which is the truth."""

    def balance(self, facts: Facts) -> Balance:
        out = Balance()
        _Outbound(self, facts, out).check()
        _Inbound(self, facts, out).check()
        _Calls(self, facts, out).check()
        _callbacks(facts, out)
        out.wrong += [f"a channel is still busy: {what}" for what in facts.busy]
        return out


@dataclass(slots=True)
class _Outbound:
    books: Books
    facts: Facts
    out: Balance

    def check(self) -> None:
        rows = _by([row for row in self.facts.messages if row["direction"] != "inbound"], "body")
        copies = Counter(text for texts in self.facts.inboxes.values() for text in texts)
        self.out.counts["sms_asked"] += len(self.books.sms_asked)
        for text, handset in self.books.sms_asked.items():
            self._one(text, handset, rows.get(text, []), copies[text])

    def _one(self, text: str, handset: str, rows: Sequence[Row], copies: int) -> None:
        what = f"outbound SMS {text[:12]!r} to {handset}"
        sid = self.books.sms_accepted.get(text)
        if copies > 1:
            self.out.doubled.append(f"{what} arrived {copies} times: {[row['status'] for row in rows]}")
        if len(rows) > 1:
            self.out.doubled.append(f"{what} has {len(rows)} records")
        if not rows:
            if sid is not None:
                self.out.lost.append(f"{what} was accepted as {sid} and is not there")
            elif copies:
                self.out.wrong.append(f"{what} arrived and has no record")
            return
        self.out.counts["sms_accepted"] += 1
        self.out.counts["sms_accepted_without_an_answer"] += sid is None
        self._row(f"{what} {rows[0]['sid']}", rows[0], copies)

    def _row(self, what: str, row: Row, copies: int) -> None:
        status, code = row["status"], row["error_code"]
        if status == "sent" and self.books.reports_may_be_lost:
            self.out.counts["sms_without_report"] += 1
            return
        if status not in MESSAGE_FINAL:
            self.out.lost.append(f"{what} is still {status}")
            return
        unknown = status == "failed" and code == UNKNOWN
        self.out.counts["sms_unknown" if unknown else f"sms_{status}"] += 1
        if status == "delivered" and copies == 0:
            self.out.lost.append(f"{what} is told as delivered and did not arrive")
        if status != "delivered" and code is None:
            self.out.wrong.append(f"{what} is {status} without a reason")
        if status != "delivered" and copies and not unknown:
            self.out.wrong.append(f"{what} is told as {status} ({code}) and arrived")


@dataclass(slots=True)
class _Inbound:
    books: Books
    facts: Facts
    out: Balance

    def check(self) -> None:
        rows = _by([row for row in self.facts.messages if row["direction"] == "inbound"], "body")
        told = defaultdict(list)
        for one in self.facts.told:
            if one.hook == "sms":
                told[one.params.get("Body", "")].append(one)
        self.out.counts["sms_in"] += len(self.books.sms_in)
        for text, number in self.books.sms_in.items():
            self._one(f"inbound SMS {text[:12]!r} to {number}", rows.get(text, []), told.get(text, []))
        for text in set(rows) - set(self.books.sms_in):
            self.out.wrong.append(f"inbound SMS {text[:30]!r} was sent by nobody")

    def _one(self, what: str, rows: Sequence[Row], told: Sequence[Told]) -> None:
        if not rows:
            self.out.lost.append(f"{what} is not there")
        if len(rows) > 1:
            self.out.doubled.append(f"{what} has {len(rows)} records: {[row['sid'] for row in rows]}")
        tokens = {one.token for one in told}
        if not tokens:
            self.out.lost.append(f"{what} was never told to the application")
        if len(tokens) > 1:
            self.out.doubled.append(f"{what} was told under {len(tokens)} tokens")
        self.out.counts["sms_in_told_again"] += max(0, len(told) - len(tokens))


@dataclass(slots=True)
class _Calls:
    books: Books
    facts: Facts
    out: Balance

    def check(self) -> None:
        for row in self.facts.calls:
            self._record(f"call {row['sid']} {row['direction']} {row['from']} → {row['to']}", row)
        sids = {row["sid"] for row in self.facts.calls}
        for sid, handset in self.books.calls_accepted.items():
            if sid not in sids:
                self.out.lost.append(f"call {sid} to {handset} was accepted and is not there")
        for sid, times in Counter(row["sid"] for row in self.facts.calls).items():
            if times > 1:
                self.out.doubled.append(f"call {sid} has {times} records")
        self._against_the_network()

    def _record(self, what: str, row: Row) -> None:
        status = row["status"]
        inbound = row["direction"] == "inbound"
        self.out.counts["calls_in" if inbound else "calls_out"] += 1
        self.out.counts["calls_completed"] += status == "completed"
        if status not in CALL_FINAL:
            self.out.wrong.append(f"{what} is still {status}")
        if status == "completed" and not (row["start_time"] and row["end_time"] and row["duration"] is not None):
            self.out.wrong.append(f"{what} is completed and its record is not complete")

    def _against_the_network(self) -> None:
        """Handset by handset: no call is placed twice, or recorded twice; what was answered has a record."""
        placed, taken = Counter[str](), Counter[str]()
        spoken_out, spoken_in = Counter[str](), Counter[str]()
        for call in self.facts.network.values():
            ours = call["to"] in self.facts.inboxes
            handset = call["to"] if ours else call["from"]
            (placed if ours else taken)[handset] += 1
            if call["answered_at"]:
                (spoken_out if ours else spoken_in)[handset] += 1
            if call["state"] in SIM_LIVE:
                self.out.wrong.append(f"{call['id']} {call['from']} → {call['to']} still lives in the network")
        rows_out = Counter(row["to"] for row in self.facts.calls if row["direction"] != "inbound")
        rows_in = Counter(row["from"] for row in self.facts.calls if row["direction"] == "inbound")
        done_out = Counter(row["to"] for row in self.facts.calls if _is_done(row, inbound=False))
        done_in = Counter(row["from"] for row in self.facts.calls if _is_done(row, inbound=True))
        self._no_more(placed, rows_out, self.out.doubled, "was dialled {} times, for {} calls")
        self._no_more(rows_out, self.books.calls_asked, self.out.doubled, "has {} records of calls to it, of {} asked")
        self._no_more(done_out, spoken_out, self.out.wrong, "has {} completed calls to it, of {} it answered")
        self._no_more(rows_in, taken, self.out.doubled, "has {} records of calls from it, which called {} times")
        self._no_more(done_in, spoken_in, self.out.wrong, "has {} completed calls from it, of {} that were answered")
        self._no_more(spoken_in, rows_in, self.out.lost, "had {} calls answered, of which {} have a record")

    @staticmethod
    def _no_more(these: Counter[str], those: Counter[str], into: list[str], words: str) -> None:
        for handset, many in these.items():
            if many > those[handset]:
                into.append(f"handset {handset} {words.format(many, those[handset])}")


def _is_done(row: Row, *, inbound: bool) -> bool:
    return row["status"] == "completed" and (row["direction"] == "inbound") == inbound


def _callbacks(facts: Facts, out: Balance) -> None:
    """Of each SID: forward only, each status under one token, and the last one is what the record says."""
    told: dict[str, list[tuple[str, Told]]] = defaultdict(list)
    for one in facts.told:
        if one.hook in ("sms_status", "call_status"):
            key, status = ("MessageSid", "MessageStatus") if one.hook == "sms_status" else ("CallSid", "CallStatus")
            told[one.params[key]].append((one.params[status], one))
    for row in [*facts.messages, *facts.calls]:
        if row["direction"] != "inbound" or row["sid"].startswith("CA"):
            _of_one(row, told.get(row["sid"], []), out)
    strangers = set(told) - {row["sid"] for row in [*facts.messages, *facts.calls]}
    out.wrong += [f"{sid} was told of and has no record" for sid in sorted(strangers)]


def _of_one(row: Row, told: Sequence[tuple[str, Told]], out: Balance) -> None:
    order = CALL_ORDER if row["sid"].startswith("CA") else MESSAGE_ORDER
    first: dict[str, str] = {}
    for status, one in told:
        first.setdefault(one.token, status)
    statuses = list(first.values())
    out.counts["callbacks"] += len(first)
    out.counts["callbacks_told_again"] += len(told) - len(first)
    if [s for s in order if s in statuses] != statuses:
        out.wrong.append(f"callbacks of {row['sid']} came as {statuses}")
    final = [status for status in statuses if status in CALL_FINAL + MESSAGE_FINAL]
    if row["status"] in CALL_FINAL + MESSAGE_FINAL and final != [row["status"]]:
        out.lost.append(f"{row['sid']} is {row['status']}, and its final callbacks were {final}, of {statuses}")


def _by(rows: Iterable[Row], key: str) -> dict[str, list[Row]]:
    out: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        out[row[key]].append(row)
    return out
