"""Self-tests on wish and by schedule: which two SIMs, whether they may, and what is told of it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Protocol

from edge_agent.config import SelfTestConfig
from edge_agent.contracts import CallFacts, Channel, Gate, IncomingCall, Permit, SmsPart, Witness
from edge_agent.media.clock import MediaClock
from edge_agent.self_test.call import CallTrial, Waits
from edge_agent.self_test.figures import CallFigures, SmsFigures, pairs
from edge_agent.self_test.sms import WITHIN_S, SmsTrials
from edge_agent.spool import Spool
from telecore.commands import RunSelfTest
from telecore.errors import Busy, InvalidRequest, NoNetwork, NoRoute, TelecoreError
from telecore.events import SelfTestDone
from telecore.ids import E164, Address, ChannelId, CommandId
from telecore.model import ChannelState, ChannelStatus
from telecore.sim_health import HealthState

log = logging.getLogger(__name__)

LOOK_S = 60.0
_TAIL = 7
"""Digits at the end by which a caller is known, however the network writes its number."""
_TESTABLE = frozenset({HealthState.COOLDOWN, HealthState.SUSPECT_BLOCKED, HealthState.DEGRADED, HealthState.PROBATION})
"""States that a test may end, or explain: they do not forbid it, unless a person decided so."""


class Lines(Protocol):
    """The channels of the site: those that are open, how all of them stand, and their SIMs' numbers."""

    def channel(self, channel: ChannelId) -> Channel | None: ...
    def statuses(self) -> tuple[ChannelStatus, ...]: ...
    def number(self, channel: ChannelId) -> E164 | None: ...


class SelfTest:
    """``tested(channel, passed)`` is told of each test of a sending SIM. Quotas count tests like other traffic."""

    def __init__(
        self,
        spool: Spool,
        lines: Lines,
        config: SelfTestConfig,
        *,
        gate: Gate,
        witness: Witness,
        clock: MediaClock,
        tested: Callable[[ChannelId, bool], None],
        waits: Waits | None = None,
        sms_within_s: float = WITHIN_S,
        wall: Callable[[], float] = time.time,
        look_s: float = LOOK_S,
    ) -> None:
        self._spool = spool
        self._lines = lines
        self._config = config
        self._gate = gate
        self._witness = witness
        self._clock = clock
        self._tested = tested
        self._waits = waits or Waits()
        self._sms_within_s = sms_within_s
        self._wall = wall
        self._look_s = look_s
        self._sms = SmsTrials(self._is_own)
        self._ringing: dict[ChannelId, tuple[E164, asyncio.Future[IncomingCall]]] = {}
        self._at_work: dict[ChannelId, int] = {}

    def takes_part(self, part: SmsPart) -> bool:
        """Whether this SMS is a test of ours, and nobody's message. Asked before it is kept for the cloud."""
        return self._sms.takes(part)

    def takes_call(self, call: IncomingCall) -> bool:
        """Whether this call is the test that is expected on that line. Asked before it is offered to the cloud."""
        expected = self._ringing.get(call.channel)
        if expected is None or expected[1].done() or not _same(call.caller, expected[0]):
            return False
        expected[1].set_result(call)
        return True

    def busy(self, channel: ChannelId) -> int:
        """How many legs of test calls this line carries."""
        return self._at_work.get(channel, 0)

    async def perform(self, command: RunSelfTest) -> SelfTestDone:
        """Test now; the event is in the spool when this returns.

        Raises InvalidRequest, NoNetwork, Busy, or NoRoute when the SIM may not carry it; then nothing was begun.
        """
        return await self._test(command.channel, command.receiver, command.sms, command.call, command.id)

    async def test(self, sender: ChannelId, receiver: ChannelId, *, sms: bool, call: bool) -> SelfTestDone:
        """The same for somebody on site."""
        return await self._test(sender, receiver, sms, call, None)

    async def run(self) -> None:
        """Test by the schedule: one pair after the other."""
        every_h = self._config.every_h
        while True:
            if every_h is not None:
                await self._look(every_h * 3600)
            await asyncio.sleep(self._look_s)

    async def _look(self, every_s: float) -> None:
        facts = await self._spool.sim_facts()
        now = self._wall()
        ready = [status for status in self._lines.statuses() if self._may_be_asked(status)]
        for sender, receiver in pairs([status.channel for status in ready]):
            sim = next((status.sim for status in ready if status.channel == sender), None)
            last = facts.get(sim.iccid, {}).get("self_test") if sim is not None else None
            if sim is None or (last is not None and last <= now < last + every_s):
                continue
            try:
                await self.test(sender, receiver, sms=self._config.sms, call=self._config.call)
            except TelecoreError as error:
                log.info("%s is not tested now: %s", sender, error)

    async def _test(
        self, sender: ChannelId, receiver: ChannelId, sms: bool, call: bool, command: CommandId | None
    ) -> SelfTestDone:
        to = self._check(sender, receiver, sms=sms, call=call)
        await self._remember(sender)
        with self._working(sender, receiver):
            sms_figures = await self._try_sms(sender, receiver, to) if sms else None
            call_figures = await self._try_call(sender, receiver, to) if call else None
        event = _event(sender, receiver, sms_figures, call_figures, command)
        log.info("self-test from %s to %s: %s", sender, receiver, event.text)
        self._tested(sender, event.passed)
        await self._spool.append(event)
        return event

    async def _remember(self, sender: ChannelId) -> None:
        """Before it begins: a test that costs money and cannot be told is not repeated each minute."""
        status = self._status(sender)
        if status is not None and status.sim is not None:
            await self._spool.put_sim_fact(status.sim.iccid, "self_test", self._wall())

    def _check(self, sender: ChannelId, receiver: ChannelId, *, sms: bool, call: bool) -> E164:
        """The receiver's number. Raises before anything is begun."""
        if sender == receiver or not (sms or call):
            raise InvalidRequest("a self-test is an SMS or a call, between two different channels")
        for channel in (sender, receiver):
            status = self._status(channel)
            if status is None or status.state is not ChannelState.REGISTERED or self._lines.channel(channel) is None:
                raise NoNetwork(f"{channel} has no network now")
            if status.busy_legs or channel in self._at_work:
                raise Busy(f"{channel} is busy")
        number = self._lines.number(receiver)
        if number is None or (call and self._lines.number(sender) is None):
            raise InvalidRequest("both SIMs must have a number: give it as number: of the device in agent.yaml")
        if sms:
            self._ask(sender, self._gate.sms(sender, number))
        if call:
            self._ask(sender, self._gate.call(sender, number))
        return number

    def _ask(self, sender: ChannelId, permit: Permit) -> None:
        status = self._status(sender)
        over_quota = status is not None and status.usage is not None and bool(status.usage.limit)
        health = status.health if status is not None else None
        testable = health is not None and health.state in _TESTABLE and not health.forced
        if not permit.granted and (over_quota or not testable):
            raise NoRoute(permit.reason, code=permit.code)

    async def _try_sms(self, sender: ChannelId, receiver: ChannelId, to: E164) -> SmsFigures:
        found = self._lines.channel(sender)
        if found is None or found.sms is None:
            return SmsFigures(problem=f"{sender} sends no SMS")
        return await self._sms.run(
            found.sms, receiver, to, lambda: self._witness.sms_sent(sender, to), self._sms_within_s
        )

    async def _try_call(self, sender: ChannelId, receiver: ChannelId, to: E164) -> CallFigures:
        found, own = self._lines.channel(sender), self._lines.number(sender)
        if found is None or found.voice is None or own is None:
            return CallFigures(problem=f"{sender} places no calls")
        ringing: asyncio.Future[IncomingCall] = asyncio.get_running_loop().create_future()
        self._ringing[receiver] = own, ringing
        trial = CallTrial(self._clock, ringing, self._waits)
        try:
            figures = await trial.run(found.voice, to)
        finally:
            del self._ringing[receiver]
        facts = CallFacts(sender, to, True, trial.cause, figures.ring_s, trial.talk_s, lasted_s=trial.lasted_s)
        self._witness.call_ended(facts)
        return figures

    @contextmanager
    def _working(self, *channels: ChannelId) -> Iterator[None]:
        self._at_work.update(dict.fromkeys(channels, 1))
        try:
            yield
        finally:
            for channel in channels:
                del self._at_work[channel]

    def _may_be_asked(self, status: ChannelStatus) -> bool:
        return status.state is ChannelState.REGISTERED and self._lines.number(status.channel) is not None

    def _status(self, channel: ChannelId) -> ChannelStatus | None:
        return next((status for status in self._lines.statuses() if status.channel == channel), None)

    def _is_own(self, address: str) -> bool:
        own = [self._lines.number(status.channel) for status in self._lines.statuses()]
        return any(number is not None and _same(Address(address), number) for number in own)


def _same(address: Address | None, number: E164) -> bool:
    return address is not None and len(address) >= _TAIL and address[-_TAIL:] == number[-_TAIL:]


def _event(
    sender: ChannelId,
    receiver: ChannelId,
    sms: SmsFigures | None,
    call: CallFigures | None,
    command: CommandId | None,
) -> SelfTestDone:
    parts = [part for part in (sms, call) if part is not None]
    return SelfTestDone(
        command=command,
        sender=sender,
        receiver=receiver,
        passed=all(part.passed for part in parts),
        text="; ".join(part.sentence() for part in parts),
        sms_s=sms.seconds if sms else None,
        ring_s=call.ring_s if call else None,
        answer_s=call.answer_s if call else None,
        heard_to=call.heard_to if call else None,
        heard_back=call.heard_back if call else None,
    )
