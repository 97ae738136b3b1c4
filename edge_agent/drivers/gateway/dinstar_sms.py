"""SMS out through a Dinstar box: queued there by an id of ours, so that what became of it can be asked.

A send whose answer is lost is therefore not unknown at once: the box is asked for our id first. It is never sent again.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from edge_agent.contracts import Core, OnSegment, OutboundSms, StatusReport, SubmitRef
from edge_agent.drivers.gateway import dinstar_codec as codec
from edge_agent.drivers.gateway.box_values import time_of
from edge_agent.drivers.gateway.dinstar_reports import Awaited, Awaiting, Backlog, in_groups, same_number
from edge_agent.drivers.gateway.dinstar_values import Delivered, SmsResult, SmsStatus
from edge_agent.drivers.gateway.http_client import HttpClient
from edge_agent.drivers.gateway.serving import STUMBLES, Remembered
from edge_agent.drivers.gateway.whole_text import check_whole
from telecore.causes import ReportKind, report_kind
from telecore.errors import DeviceLost, DeviceRefused, OutcomeUnknown, RemoteProtocolError
from telecore.ids import Address, ChannelId
from telecore.numbers import address_of

log = logging.getLogger(__name__)

_IDS_AT_ONCE = 32
_ASKED_AT_ONCE = 4 * codec.NUMBERS_AT_ONCE
_EARLY = 500
"""Reports that overtook the result of their submit."""
_DELIVERED = 0x00
_FINAL = frozenset({SmsStatus.SENT_OK, SmsStatus.DELIVERED, SmsStatus.FAILED})


@dataclass(frozen=True, slots=True)
class SmsTimes:
    """Seconds: between two questions for results, how long the box may take to send, and how long a send whose answer
    was lost is looked for."""

    poll_s: float = 1.0
    limit_s: float = 120.0
    search_s: float = 20.0


@dataclass(slots=True)
class _Pending:
    port: int
    number: str
    done: asyncio.Future[SmsResult]
    began: float
    known: bool = False


class DinstarOutbox:
    """All submits of one box, and the reports on them."""

    def __init__(
        self,
        client: HttpClient,
        channels: Mapping[int, ChannelId],
        zone: tzinfo | None,
        *,
        times: SmsTimes,
        encoding: str = "auto",
    ) -> None:
        self._client = client
        self._channels = channels
        self._zone = zone
        self._times = times
        self._encoding = encoding
        self._pending: dict[int, _Pending] = {}
        self._wake = asyncio.Event()
        self._awaiting = Awaiting()
        self._told = Remembered()
        self._early: deque[tuple[float, Delivered]] = deque(maxlen=_EARLY)
        self._telling = asyncio.Lock()
        self._clock = asyncio.get_running_loop().time
        self._backlog = Backlog(self._clock(), datetime.now(zone))

    @property
    def awaiting(self) -> int:
        """How many messages wait for a report."""
        return len(self._awaiting)

    # ---------------------------------------------------------------------------------------------- submitting

    async def submit(self, port: int, sms: OutboundSms, on_segment: OnSegment) -> None:
        user_id = 1 + secrets.randbelow(2**31 - 1)
        pending = _Pending(port, sms.to, asyncio.get_running_loop().create_future(), self._clock())
        self._pending[user_id] = pending
        try:
            lost = await self._hand_over(user_id, port, sms)
            pending.known = lost is None
            self._wake.set()
            result = await self._outcome(pending, lost)
        finally:
            del self._pending[user_id]
        if result.status is SmsStatus.FAILED:
            _failed(result)
        refs = _refs(result)
        if sms.report and refs:
            now, channel = self._clock(), self._channels[port]
            entry = Awaited(user_id, channel, port, sms.to, refs, result.time, now, now)
            self._awaiting.add(entry)
            for at, report in self._early:
                if at >= pending.began:
                    _close(entry, report)
        for segment in range(result.count):
            await on_segment(SubmitRef(refs[segment] if refs else str(user_id), segment, result.count))

    async def _hand_over(self, user_id: int, port: int, sms: OutboundSms) -> OutcomeUnknown | None:
        """None: the box has it. An error that is returned and not raised: it may have it."""
        body = codec.send_sms(port, sms.to, sms.body, user_id, report=sms.report, encoding=self._encoding)
        try:
            answer = (await self._client.post_json(codec.SEND_SMS, body, acts=True)).json()
            if codec.failed(answer):
                return OutcomeUnknown("the box failed in a submit (500)")
            codec.envelope(answer)
        except OutcomeUnknown as error:
            return error
        except RemoteProtocolError as error:
            return OutcomeUnknown(f"the box's answer to a submit says nothing: {error}")
        return None

    async def _outcome(self, pending: _Pending, lost: OutcomeUnknown | None) -> SmsResult:
        limit_s = self._times.search_s if lost is not None else self._times.limit_s
        await asyncio.wait({pending.done}, timeout=limit_s)
        if lost is not None and pending.known:
            log.info("port %d: the answer to a submit was lost, and the box has it", pending.port)
            await asyncio.wait({pending.done}, timeout=self._times.limit_s)
        if pending.done.done():
            return pending.done.result()
        if lost is not None and not pending.known:
            raise lost
        raise OutcomeUnknown(f"the box has not sent it within {self._times.limit_s:.0f} s, and may yet")

    async def run(self) -> None:
        """Ask for the results of what is under way, until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._pending:
                try:
                    await self._ask_results()
                except (DeviceLost, *STUMBLES) as error:
                    log.info("asking for results of submits: %s", error)
                try:
                    async with asyncio.timeout(self._times.poll_s):
                        await self._wake.wait()
                except TimeoutError:
                    pass
                self._wake.clear()

    async def _ask_results(self) -> None:
        ids = list(self._pending)
        for at in range(0, len(ids), _IDS_AT_ONCE):
            for result in await self._results(ids[at : at + _IDS_AT_ONCE]):
                self._settle(result)

    async def _results(self, ids: list[int]) -> tuple[SmsResult, ...]:
        answer = await self._client.post_json(codec.SMS_RESULT, codec.query_results(ids))
        return codec.read_results(codec.envelope(answer.json()))

    def _settle(self, result: SmsResult) -> None:
        pending = self._pending.get(result.user_id) if result.user_id is not None else None
        if pending is None or not same_number(result.number or pending.number, pending.number):
            return
        pending.known = True
        if result.status in _FINAL and not pending.done.done():
            pending.done.set_result(result)

    def close(self) -> None:
        """The box is lost: what is under way may have been sent."""
        for pending in self._pending.values():
            if not pending.done.done():
                pending.done.set_exception(OutcomeUnknown("the box was lost while it had it"))

    # ------------------------------------------------------------------------------------------------- reports

    async def poll_reports(self, core: Core) -> None:
        """Ask for the reports that are due, also on what was submitted before this start."""
        if self._backlog.due(self._clock()):
            after = self._backlog.after
            for report in await self._ask_delivered(codec.query_delivered(after=after), core):
                self._backlog.heard(report.time)
            await self._ask_long(after, core)
            self._backlog.asked(self._clock())
        for group in in_groups(self._awaiting.due(self._clock(), _ASKED_AT_ONCE), codec.NUMBERS_AT_ONCE):
            numbers = list(dict.fromkeys(entry.number for entry in group))
            times = [entry.time for entry in group]
            await self._ask_delivered(codec.query_delivered(numbers, min(times) if all(times) else ""), core)
            waiting = [entry.user_id for entry in group if entry.open]
            for result in await self._results(waiting) if waiting else ():
                await self.take_result(result, core)

    async def _ask_delivered(self, body: codec.Body, core: Core) -> Sequence[Delivered]:
        """Those that the box told; stored when this returns."""
        answer = await self._client.post_json(codec.DELIVER_STATUS, body)
        reports = codec.read_delivered(codec.envelope(answer.json()))
        for report in reports:
            await self.take_report(report, core)
        return reports

    async def _ask_long(self, after: str, core: Core) -> None:
        """Long messages of an earlier life: of many the box reports the last segment only, and the rest by a result."""
        answer = await self._client.post_json(codec.SMS_RESULT, codec.query_results_after(after))
        results = codec.read_results(codec.envelope(answer.json()))
        long = [result for result in results if result.status is SmsStatus.DELIVERED and result.count > 1]
        for result in sorted(long, key=lambda result: result.time, reverse=True):
            channel, known = self._channels.get(result.port), (result.port, result.user_id)
            if channel is None or result.user_id is None or known in self._told or self._is_ours(result.user_id):
                continue
            async with self._telling:
                for segment, ref in enumerate(_refs(result)):
                    key = f"result/{result.user_id}/{segment}"
                    number = address_of(result.number)
                    await core.report(StatusReport(channel, key, ref, number, _DELIVERED, None))
            self._told.add(known)

    def _is_ours(self, user_id: int) -> bool:
        """Whether it was submitted since this start."""
        return user_id in self._pending or self._awaiting.by_user_id(user_id) is not None

    async def take_report(self, report: Delivered, core: Core) -> None:
        """Polled or pushed; told once. Raises StorageFailed."""
        async with self._telling:
            await self._take_report(report, core)

    async def _take_report(self, report: Delivered, core: Core) -> None:
        channel = self._channels.get(report.port)
        if channel is None or (report.port, report.key) in self._told:
            return
        found = self._awaiting.find(report.port, report.number, report.ref)
        if found is None or found[1] in found[0].open:
            recipient = address_of(report.number)
            done_at = time_of(report.time, self._zone)
            await core.report(StatusReport(channel, report.key, report.ref, recipient, report.status, done_at))
        self._told.add((report.port, report.key))
        if found is not None:
            _close(found[0], report)
        else:
            self._early.append((self._clock(), report))

    async def take_result(self, result: SmsResult, core: Core) -> None:
        """Polled or pushed: how a submit went, or that all of it was delivered. Raises StorageFailed."""
        self._settle(result)
        if result.user_id is None and any(pending.port == result.port for pending in self._pending.values()):
            self._wake.set()  # it does not say whose it is, but that it is worth asking
        if result.status is not SmsStatus.DELIVERED:
            return
        entry = self._entry(result)
        if entry is not None:
            async with self._telling:
                for segment in sorted(entry.open):
                    await self._delivered(entry, segment, core)

    def _entry(self, result: SmsResult) -> Awaited | None:
        if result.user_id is not None:
            return self._awaiting.by_user_id(result.user_id)
        found = self._awaiting.find(result.port, result.number, result.ref) if result.ref is not None else None
        return found[0] if found is not None else None

    async def _delivered(self, entry: Awaited, segment: int, core: Core) -> None:
        """The box says that the whole message was delivered, and may never report on this segment."""
        key = f"result/{entry.user_id}/{segment}"
        recipient = Address(entry.number)
        await core.report(StatusReport(entry.channel, key, entry.refs[segment], recipient, _DELIVERED, None))
        entry.open.discard(segment)


class DinstarSms:
    """An SmsService over one port."""

    def __init__(self, outbox: DinstarOutbox, port: int) -> None:
        self._outbox = outbox
        self._port = port

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """See ``contracts.SmsService``. The box cuts a text itself, so all segments are told together."""
        check_whole(sms, first)
        await self._outbox.submit(self._port, sms, on_segment)


def _failed(result: SmsResult) -> None:
    if result.succeeded:
        raise OutcomeUnknown(f"the box sent {result.succeeded} of {result.count} segments")
    raise DeviceRefused("error", None, "the box could not send it, and does not say why")


def _close(entry: Awaited, report: Delivered) -> None:
    """Nothing more is to be heard of the segment that the report is about, if it is of this message and final."""
    segment = entry.segment_of(report.port, report.number, report.ref)
    if segment is not None and report_kind(report.status) is not ReportKind.TRYING:
        entry.open.discard(segment)


def _refs(result: SmsResult) -> tuple[int, ...]:
    """TP-MR counts up by one with each segment, and begins anew after 255 (23.040 §9.2.3.6)."""
    if result.ref is None:
        return ()
    return tuple((result.ref + segment) % 256 for segment in range(result.count))
