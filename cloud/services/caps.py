"""Caps in force: each message and call of an account is asked for here, in the transaction that enters it.

What is counted is counted in that transaction, and the alert is written by the one that uses a cap up, so both hold
across a crash. What stands above an account (its owner) counts what the account uses, and may refuse it too.
"""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cloud.numbering import country_of, special_of
from cloud.services import cap_alerts
from cloud.store import accounts, caps, numbers
from cloud.store.caps import CALLS, MESSAGES, MINUTES, Block
from cloud.store.database import Connection
from cloud.store.records import MessageRecord
from cloud.store.rows import now as clock
from telecore.bursts import Bursts
from telecore.caps import HOUR_S, Caps, Step, longest, objection, seconds_left, steps, total
from telecore.errors import Refused, UsedUp
from telecore.ids import AccountSid
from telecore.numbers import is_e164
from telecore.sip_target import SipTarget

NO_REGION, NO_DIALLING = 21408, 21215
PUMPING = 30450
DAILY_LIMIT, TOO_MANY_CALLS, TOO_OFTEN = 63038, 10004, 20429
BLOCKED_FOR = timedelta(hours=1)
REMEMBERED_S, HOMES_REMEMBERED_S = 2.0, 60.0
"""How long it is not looked up again what is set for an account, and where its numbers are."""
_KNOWN = 10_000
_SEPARATORS = re.compile(r"[-.()]")


@dataclass(frozen=True, slots=True)
class Bound:
    """An account, or the one that owns it: its caps, and whose use they bound."""

    account: AccountSid
    caps: Caps
    accounts: tuple[AccountSid, ...]


@dataclass(frozen=True, slots=True)
class Known:
    """All that bounds an account, and what is blocked for it."""

    bounds: tuple[Bound, ...]
    blocks: tuple[Block, ...]
    until: float


class CapKeeper:
    """Called within transactions, on the store's thread. ``defaults`` are of accounts that nobody owns.

    What is done about special numbers and runs a subaccount has of its owner, unless it is set for itself.
    """

    def __init__(self, defaults: Caps | None = None, *, now: Callable[[], datetime] = clock) -> None:
        self.defaults = defaults or Caps()
        self._now = now
        self._known: dict[AccountSid, Known] = {}
        self._homes: dict[AccountSid, tuple[float, frozenset[str]]] = {}
        self._bursts, self._trees = Bursts(), Bursts()
        self.refused: deque[tuple[AccountSid, str]] = deque(maxlen=10_000)
        """Account and reason, for whoever counts them on the loop."""

    # ------------------------------------------------------------------ what is asked

    def destination(self, conn: Connection, account: AccountSid, to: str, code: int = NO_REGION) -> None:
        """Raises Refused with ``code`` for a number that the account may not reach, 30450 for a blocked one."""
        known = self._of(conn, account)
        special = self._special(conn, account, to)
        for bound in known.bounds:
            why = objection(bound.caps, to, special)
            if why:
                raise self._refused(account, Refused(_not_allowed(to, why, code), code=code))
        block = next((b for b in known.blocks if to.startswith(b.prefix) and b.until > self._now()), None)
        if block is not None:
            message = f"Numbers that begin with {block.prefix} are blocked until {block.until:%H:%M} UTC: {block.why}"
            raise self._refused(account, Refused(message, code=PUMPING if code == NO_REGION else code))

    def allow(self, conn: Connection, record: MessageRecord) -> None:
        """A message that is about to be entered; a scheduled one counts when it is due. Raises as ``message`` does."""
        if record.send_at is None:
            self.message(conn, record.account, record.recipient, record.segments, urgent=record.urgent)
        else:
            self.destination(conn, record.account, record.recipient)

    def message(self, conn: Connection, account: AccountSid, to: str, segments: int, *, urgent: bool = False) -> None:
        """One more. Raises Refused 21408, 30450; UsedUp 63038, 20429: then nothing of it is counted."""
        self.destination(conn, account, to)
        at = self._now()
        bounds = self._of(conn, account).bounds
        asked = _Asked(conn, account, bounds, to, MESSAGES, at, urgent)
        taken = [(bound, step) for bound in bounds for step in self._message_steps(conn, bound, segments, at)]
        self._allow(asked, [step for _, step in taken])
        self._often(asked)
        if taken:
            caps.count(conn, account, MESSAGES, segments, at)
        for bound, step in taken:
            cap_alerts.tell_step(conn, bound.account, step, at)
        self._watch(asked)

    def call(self, conn: Connection, account: AccountSid, to: str, *, urgent: bool = False, already: int = 0) -> None:
        """One more, beside ``already`` of the same dial. Raises Refused 21215; UsedUp 10004, 20429."""
        self.destination(conn, account, to, NO_DIALLING)
        at = self._now()
        bounds = self._of(conn, account).bounds
        asked = _Asked(conn, account, bounds, to, CALLS, at, urgent)
        taken = [(bound, step) for bound in bounds for step in self._call_steps(conn, bound, at, already)]
        self._allow(asked, [step for _, step in taken])
        self._often(asked)
        for bound, step in taken:
            if not step.window_s:
                cap_alerts.tell_step(conn, bound.account, step, at)
        self._watch(asked)

    def burst(
        self, conn: Connection, account: AccountSid, to: str, prefix: str, why: str, *, tree: bool = False
    ) -> None:
        """A pattern that no customer makes: told, and blocked as the account has it, for its subaccounts too.

        Where it is not known what is its home, as with senders that are names, nowhere is abroad. ``tree``: it and its
        subaccounts made it together, so what is home to one of them is home.
        """
        at, bounds = self._now(), self._of(conn, account).bounds
        wanted = {bound.caps.bursts for bound in bounds}
        if wanted == {"off"}:
            return
        country, home = country_of(to), self._home_of_tree(conn, account) if tree else self.home(conn, account)
        abroad = bool(country) and bool(home) and country not in home
        blocks = "block" in wanted or (abroad and "foreign" in wanted)
        if blocks:
            caps.block(conn, Block(account, prefix, why, at + BLOCKED_FOR))
            self.forget()
        cap_alerts.tell_burst(conn, account, prefix, why, at, blocked_for=BLOCKED_FOR if blocks else None)

    # ------------------------------------------------------------------ what there is

    def bounds(self, conn: Connection, account: AccountSid) -> tuple[Bound, ...]:
        """The account's own first."""
        return self._of(conn, account).bounds

    def top(self, conn: Connection, account: AccountSid) -> AccountSid:
        """The account that owns it; itself, if nobody does."""
        return self._of(conn, account).bounds[-1].account

    def used(self, conn: Connection, bound: Bound) -> dict[str, Step]:
        """Each cap that is set, with what it has had."""
        at = self._now()
        found = (*self._message_steps(conn, bound, 0, at), *self._call_steps(conn, bound, at, 0, amount=0))
        return {step.cap: step for step in found}

    def minutes(self, conn: Connection, bound: Bound, at: datetime) -> tuple[Step, ...]:
        """Of calls that are over, and of those that go on."""
        if not (bound.caps.minutes_per_hour or bound.caps.minutes_per_day):
            return ()
        going_on = sum(
            -(-max(0, int((at - call.answered_at).total_seconds())) // 60)
            for call in caps.live(conn, bound.accounts)
            if call.answered_at is not None
        )
        ended = total(caps.uses(conn, bound.accounts, MINUTES), at)
        return steps(bound.caps, MINUTES, ended.plus(going_on), 0)

    def home(self, conn: Connection, account: AccountSid) -> frozenset[str]:
        """The countries of its numbers, and of those of the account that owns it."""
        until, found = self._homes.get(account, (0.0, frozenset()))
        if until <= time.monotonic():
            owners = {bound.account for bound in self._of(conn, account).bounds}
            some = [number for owner in sorted(owners) for number in numbers.one_of_each_beginning(conn, owner)]
            found = frozenset(country_of(number) for number in some) - {""}
            if len(self._homes) >= _KNOWN:
                self._homes = {}
            self._homes[account] = (time.monotonic() + HOMES_REMEMBERED_S, found)
        return found

    def _home_of_tree(self, conn: Connection, top: AccountSid) -> frozenset[str]:
        below = accounts.below(conn, top)
        return self.home(conn, top).union(*(self.home(conn, account) for account in below))

    def forget(self) -> None:
        """Something was set: look it up again."""
        self._known = {}

    # ------------------------------------------------------------------ how it is done

    def _of(self, conn: Connection, account: AccountSid) -> Known:
        known = self._known.get(account)
        if known is None or known.until <= time.monotonic():
            if len(self._known) >= _KNOWN:
                self.forget()
            known = self._known[account] = self._look_up(conn, account)
        return known

    def _look_up(self, conn: Connection, account: AccountSid) -> Known:
        record = accounts.get(conn, account)
        owner = record.owner if record is not None else None
        if owner is not None:
            above = self._bound(conn, owner, self.defaults, (owner, *accounts.below(conn, owner)))
            base = Caps(special=above.caps.special, bursts=above.caps.bursts)
            bounds = [self._bound(conn, account, base, (account,)), above]
        else:
            own = self._bound(conn, account, self.defaults, (account,))
            bounds = [replace(own, accounts=(account, *accounts.below(conn, account))) if counts(own.caps) else own]
        blocks = tuple(block for bound in bounds for block in caps.blocks(conn, bound.account))
        return Known(tuple(bounds), blocks, time.monotonic() + REMEMBERED_S)

    def _bound(self, conn: Connection, account: AccountSid, base: Caps, tree: tuple[AccountSid, ...]) -> Bound:
        return Bound(account, base.with_changes(caps.settings(conn, account)), tree)

    def _special(self, conn: Connection, account: AccountSid, to: str) -> str:
        """A short code may be special in any of the countries that the account's numbers are of."""
        if to.startswith("+") or not to:
            return special_of(to)
        found = (special_of(to, country) for country in sorted(self.home(conn, account)))
        return next((special for special in found if special), "")

    def _message_steps(self, conn: Connection, bound: Bound, amount: int, at: datetime) -> tuple[Step, ...]:
        if not (bound.caps.messages_per_hour or bound.caps.messages_per_day):
            return ()
        return steps(bound.caps, MESSAGES, total(caps.uses(conn, bound.accounts, MESSAGES), at), amount)

    def _call_steps(
        self, conn: Connection, bound: Bound, at: datetime, already: int, amount: int = 1
    ) -> tuple[Step, ...]:
        found = self.minutes(conn, bound, at)
        if not bound.caps.calls_at_once:
            return found
        now = len(caps.live(conn, bound.accounts)) + already
        return (*found, Step("calls_at_once", bound.caps.calls_at_once, now, now + amount, 0))

    def _allow(self, asked: _Asked, taken: Sequence[Step]) -> None:
        """Raises UsedUp for the first cap that is used up, unless this goes above what is counted."""
        full = next((step for step in taken if step.refused), None)
        if full is None or (asked.urgent and self._goes_above(asked)):
            return
        code = {"messages": DAILY_LIMIT, "calls": TOO_MANY_CALLS}.get(full.cap.partition("_")[0], TOO_OFTEN)
        if full.cap.endswith("_per_number"):
            code = TOO_OFTEN
        wait_s = seconds_left(asked.at, full.window_s) if full.window_s else 1.0
        raise self._refused(asked.account, UsedUp(_used_up(full, asked.at, wait_s), wait_s, code=code))

    def _often(self, asked: _Asked) -> None:
        """To one number, and to those of one beginning: counted here. Raises UsedUp."""
        targets: list[tuple[Bound, str, Step]] = []
        for bound in asked.bounds:
            for cap, target, most in _targets(bound.caps, asked.what, asked.to):
                before = caps.reached(asked.conn, bound.account, asked.what, target, asked.at)
                targets.append((bound, target, Step(cap, most, before, before + 1, HOUR_S)))
        self._allow(asked, [step for _, _, step in targets])
        for bound, target, step in targets:
            caps.put_reached(asked.conn, bound.account, asked.what, target, in_hour=step.after, at=asked.at)
            cap_alerts.tell_step(asked.conn, bound.account, step, asked.at)

    def _goes_above(self, asked: _Asked) -> bool:
        """A warning to a country where the account has a number, for whoever pumps does it abroad."""
        goes = all(bound.caps.warnings == "home" for bound in asked.bounds)
        return goes and country_of(asked.to) in self.home(asked.conn, asked.account)

    def _watch(self, asked: _Asked) -> None:
        """Who moves a number from one subaccount to the next makes a run in none of them, but in all together."""
        at, top = asked.at.timestamp(), asked.bounds[-1].account
        prefix = self._bursts.reached(asked.account, asked.what, asked.to, at)
        if prefix is not None:
            why = f"{asked.what} go to a run of its numbers"
            self.burst(asked.conn, asked.account, asked.to, prefix, why)
        together = self._trees.reached(top, asked.what, asked.to, at)
        if together is not None and (prefix is None or top != asked.account):
            why = f"{asked.what} of the account and its subaccounts go to a run of its numbers"
            self.burst(asked.conn, top, asked.to, together, why, tree=True)

    def _refused(self, account: AccountSid, error: Refused) -> Refused:
        self.refused.append((account, error.message))
        return error


@dataclass(frozen=True, slots=True)
class _Asked:
    """One more message or call, of whom and to whom. ``what``: ``messages`` or ``calls``."""

    conn: Connection
    account: AccountSid
    bounds: tuple[Bound, ...]
    to: str
    what: str
    at: datetime
    urgent: bool


def dialled(to: str, sip: SipTarget | None) -> str:
    """The number that a call goes to; of a SIP URI the one that its user part may be."""
    if sip is None:
        return to
    user = _SEPARATORS.sub("", sip.user.partition(";")[0]).removeprefix("00")
    number = user if user.startswith("+") else f"+{user}"
    return number if is_e164(number) else ""


def counts(found: Caps) -> bool:
    """Whether it bounds what an account does at a time, in an hour or in a day."""
    per_time = (found.messages_per_hour, found.messages_per_day, found.minutes_per_hour, found.minutes_per_day)
    return any(per_time) or found.calls_at_once > 0


def _targets(found: Caps, what: str, to: str) -> list[tuple[str, str, int]]:
    """Caps of how often: their names, what is counted, and how much. A SIP URI that is no number is none to count."""
    often = []
    per_number = found.messages_per_number if what == MESSAGES else found.calls_per_number
    if per_number and to:
        often.append((f"{what}_per_number", to, per_number))
    prefix = longest(found.prefixes, to)
    if prefix is not None and found.prefixes[prefix]:
        often.append((f"prefixes.{prefix}", f"{prefix}…", found.prefixes[prefix]))
    return often


def _not_allowed(to: str, why: str, code: int) -> str:
    if code == NO_REGION:
        return f"Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {to} {why}"
    return f"Account not authorized to call {to}, which {why}"


def _used_up(full: Step, at: datetime, wait_s: float) -> str:
    if not full.window_s:
        return f"The account's cap {full.cap} of {full.most} is reached; a call must end first"
    over = at + timedelta(seconds=wait_s)
    return f"The account's cap {full.cap} of {full.most} is used up until {over:%Y-%m-%d %H:%M} UTC"
