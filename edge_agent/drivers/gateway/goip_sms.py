"""SMS out of a GoIP line, one session at a time."""

from __future__ import annotations

import asyncio
import re

from edge_agent.contracts import OnSegment, OutboundSms, SubmitRef
from edge_agent.drivers.carry_through import carry_through
from edge_agent.drivers.gateway import goip_codec
from edge_agent.drivers.gateway.goip_codec import MAX_TEXT, Answer
from edge_agent.drivers.gateway.goip_line import GoipLine
from edge_agent.drivers.gateway.goip_socket import GoipSocket
from edge_agent.drivers.gateway.goip_submit import GoipSubmit, Step, Taken
from edge_agent.drivers.gateway.goip_times import GoipTimes
from telecore.errors import InvalidRequest, TelecoreError
from telecore.sms import count_segments

TRIES = 4
"""How often something is said before the box counts as deaf."""
_NUMBER = re.compile(r"\+?[0-9*#]{1,30}")

Answers = asyncio.Queue[Answer]


class GoipSms:
    """A SmsService. The box splits long texts itself, so all is one segment here; it knows no validity period."""

    def __init__(self, socket: GoipSocket, line: GoipLine, times: GoipTimes) -> None:
        self._socket = socket
        self._line = line
        self._times = times
        self._turn = asyncio.Lock()

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """See ``contracts.SmsService``. One that is handed over is ended and told, even if cancelled."""
        if first > 0:
            return  # what the box took, it took whole
        _check(sms)
        session = _Session(self._socket, self._line, self._times)
        async with self._turn:
            await carry_through(session.run(sms, on_segment), lambda: session.begun)


class _Session:
    """One dialogue, from MSG to DONE."""

    def __init__(self, socket: GoipSocket, line: GoipLine, times: GoipTimes) -> None:
        self._socket = socket
        self._line = line
        self._times = times
        self._submit: GoipSubmit | None = None

    @property
    def begun(self) -> bool:
        return self._submit is not None and self._submit.step in (Step.SUBMITTED, Step.TAKEN)

    async def run(self, sms: OutboundSms, on_segment: OnSegment) -> None:
        with self._socket.dialogue() as (sendid, answers):
            try:
                submit = self._submit = GoipSubmit(sendid, sms.body, sms.to, self._line.password)
            except ValueError as error:
                raise InvalidRequest(f"the box cannot carry this SMS: {error}") from error
            try:
                outcome = await self._converse(submit, answers)
                if isinstance(outcome, TelecoreError):
                    raise outcome
                await on_segment(SubmitRef(outcome.ref, 0, 1, count_segments(sms.body).segments))
            finally:
                await self._end(sendid, answers)

    async def _converse(self, submit: GoipSubmit, answers: Answers) -> Taken | TelecoreError:
        clock = asyncio.get_running_loop().time
        silent_s, handed_over_at = 0.0, None
        while submit.outcome is None:
            if submit.step is Step.SUBMITTED and handed_over_at is None:
                handed_over_at = clock()
            self._socket.send(submit.datagram, self._line.address)
            heard = await _listen(submit, answers, self._times.repeat_s)
            silent_s = 0.0 if heard else silent_s + self._times.repeat_s
            patience_s = TRIES * self._times.repeat_s if handed_over_at is None else self._times.silent_s
            if submit.outcome is None and silent_s >= patience_s:
                return submit.give_up(f"the box was silent for {silent_s:.0f} s")
            if (
                handed_over_at is not None
                and submit.outcome is None
                and clock() - handed_over_at > self._times.submit_s
            ):
                return submit.give_up(f"no outcome within {self._times.submit_s:.0f} s")
        return submit.outcome

    async def _end(self, sendid: int, answers: Answers) -> None:
        """The box has room for five sessions; one that is not ended is kept for 90 s."""
        for _ in range(2):
            self._socket.send(goip_codec.done(sendid), self._line.address)
            try:
                async with asyncio.timeout(self._times.repeat_s):
                    while (await answers.get()).verb != "DONE":
                        pass
                    return
            except TimeoutError:
                continue


async def _listen(submit: GoipSubmit, answers: Answers, seconds: float) -> bool:
    """Until the session goes a step further or the time is over; whether the box said anything at all."""
    heard = False
    try:
        async with asyncio.timeout(seconds):
            while not submit.receive(await answers.get()) and submit.outcome is None:
                heard = True
            return True
    except TimeoutError:
        return heard


def _check(sms: OutboundSms) -> None:
    """Raises InvalidRequest for what this protocol has no word for."""
    if sms.flash or sms.port is not None:
        raise InvalidRequest("a GoIP sends neither flash messages nor messages for a port")
    if _NUMBER.fullmatch(sms.to) is None:
        raise InvalidRequest("a GoIP sends to numbers only", field="To", code=21211)
    if not sms.body or len(sms.body.encode("utf-8", "replace")) > MAX_TEXT:
        raise InvalidRequest(f"a GoIP takes texts of 1 to {MAX_TEXT} octets", field="Body", code=21617)
