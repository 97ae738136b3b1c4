"""What a GoIP's line does for us by its web pages: an SMS or a USSD code, each known by a key of ours."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Mapping

from edge_agent.contracts import OnSegment, OutboundSms, SubmitRef, UssdReply, UssdState
from edge_agent.drivers.gateway import goip_http_codec as codec
from edge_agent.drivers.gateway.goip_http_codec import Job
from edge_agent.drivers.gateway.http_client import HttpClient
from edge_agent.drivers.gateway.serving import STUMBLES, seconds
from edge_agent.drivers.gateway.ussd_answers import answered, check_code
from edge_agent.drivers.gateway.whole_text import check_whole
from telecore.errors import Busy, DeviceLost, OutcomeUnknown, RemoteProtocolError, TimedOut
from telecore.sms import count_segments

log = logging.getLogger(__name__)


class LineJobs:
    """What one line is doing for us, an SMS or a USSD code, one at a time: the box shows only the last one."""

    def __init__(self, client: HttpClient, line: int, options: Mapping[str, str]) -> None:
        self._client = client
        self.line = line
        self.turn = asyncio.Lock()
        self.sms_s = seconds(options, "sms_limit_s", 120.0)
        self.search_s = seconds(options, "sms_search_s", 20.0)
        self.ussd_s = seconds(options, "ussd_s", 60.0)
        self._poll_s = seconds(options, "job_poll_s", 2.0)

    async def hand_over(self, path: str, kind: str, form: codec.Form) -> OutcomeUnknown | None:
        """None: the box has answered. An error that is returned and not raised: it may have it."""
        try:
            await self._client.post_form(path, form, (("type", kind),), acts=True)
        except OutcomeUnknown as error:
            return error
        except RemoteProtocolError as error:
            return OutcomeUnknown(str(error))
        return None

    async def outcome(self, key: str, limit_s: float, search_s: float) -> Job | None:
        """The job, done or not when it takes longer than ``limit_s``; None when the box shows nothing of it."""
        began = asyncio.get_running_loop().time()
        seen: Job | None = None
        while asyncio.get_running_loop().time() - began < (limit_s if seen is not None else min(limit_s, search_s)):
            try:
                answer = await self._client.get(codec.SEND_STATUS, (("line", str(self.line)),))
            except (DeviceLost, *STUMBLES) as error:
                log.info("line %d: asking how a job went: %s", self.line, error)
            else:
                job = codec.read_jobs(answer.text()).get(self.line)
                if job is not None and job.key.lower() == key:
                    seen = job
                    if job.done:
                        return job
            await asyncio.sleep(self._poll_s)
        return seen


class GoipHttpSms:
    """An SmsService over one line. The box cuts a text itself, and tells of no delivery."""

    def __init__(self, jobs: LineJobs) -> None:
        self._jobs = jobs

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """See ``contracts.SmsService``."""
        check_whole(sms, first)
        key = secrets.token_hex(4)
        async with self._jobs.turn:
            form = codec.sms_form(self._jobs.line, key, sms.to, sms.body)
            lost = await self._jobs.hand_over(codec.SEND_SMS, "sms", form)
            job = await self._jobs.outcome(key, self._jobs.sms_s, self._jobs.search_s)
        if job is None:
            raise lost or OutcomeUnknown("the box does not show what became of it")
        if not job.done:
            raise OutcomeUnknown(f"the box has not sent it within {self._jobs.sms_s:.0f} s, and may yet")
        if job.error:
            raise codec.refusal(job.error)
        segments = count_segments(sms.body).segments
        for segment in range(segments):
            await on_segment(SubmitRef(key, segment, segments))


class GoipHttpUssd:
    """A UssdService over one line."""

    def __init__(self, jobs: LineJobs) -> None:
        self._jobs = jobs

    async def request(self, code: str) -> UssdReply:
        """Raises Busy, InvalidRequest, DeviceRefused, DeviceLost; TimedOut when nobody knows whether it went out."""
        check_code(code)
        if self._jobs.turn.locked():
            raise Busy("the line is busy with an SMS or another code")
        key = secrets.token_hex(4)
        async with self._jobs.turn:
            lost = await self._jobs.hand_over(codec.SEND_USSD, "ussd", codec.ussd_form(self._jobs.line, key, code))
            job = await self._jobs.outcome(key, self._jobs.ussd_s, self._jobs.search_s)
        if job is None:
            raise TimedOut(str(lost or "the box does not show what became of the code"))
        if not job.done:
            return UssdReply(UssdState.TIMEOUT, "")
        return answered(job.error) if job.error else UssdReply(UssdState.RELEASED, "")

    async def cancel(self) -> None:
        """The pages have nothing for it: the network ends a session that nobody replies to."""
