"""What the verbs of a page do on a call of this edge: the one implementation of telecore's CallControl."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from edge_agent.call.dialing import Dialing, DialOut
from edge_agent.call.feeds import Feeds
from edge_agent.call.live import LiveCall
from edge_agent.call.purpose import Purpose
from edge_agent.call.stays import Stays
from edge_agent.call.streaming import Streaming
from edge_agent.contracts import Refers
from edge_agent.media.clock import ticks
from edge_agent.media.gather import collect
from edge_agent.media.press import press
from edge_agent.media.record import VoiceRecording
from edge_agent.media.source import Pause, Samples
from edge_agent.media.tones import BEEP
from telecore.causes import Cause
from telecore.errors import DeviceRefused, TelecoreError
from telecore.events import MessageWanted
from telecore.ids import FeedId, MessageSid, new_sid
from telecore.model import Clip
from telecore.stays import StayOutcome, StaySpec
from telecore.twiml.control import (
    CallRecordingSpec,
    Collected,
    CollectSpec,
    DialOutcome,
    DialSpec,
    Prompt,
    Recorded,
    RecordSpec,
    ReferOutcome,
    SmsSpec,
    StreamSpec,
)

CLIP_NOT_HAD = 12400
NOT_ELIGIBLE = 21220
MOST_RECORDINGS = 8
"""Of one call at a time."""
NO_WORDS = 13335
NOT_SIP = 12200


class PageControl:
    """One call's. ``dial_out`` begins the legs of a <Dial>; ``stays`` keeps the call in conferences and queues;
    ``feeds`` carry its sound to the cloud.
    """

    def __init__(self, call: LiveCall, dial_out: DialOut, stays: Stays, feeds: Feeds) -> None:
        self._call = call
        self._dial_out = dial_out
        self._stays = stays
        self._recording: VoiceRecording | None = None
        self._dialing: Dialing | None = None
        self._referring = False
        self._feeds = feeds
        self._streaming = Streaming(call, feeds)
        call.on_ending = self._hung_up

    async def ensure_answered(self) -> None:
        await self._call.answer()

    async def play(self, prompt: Prompt) -> None:
        """Before the answer there is nothing to be heard: silence passes, a clip answers the call first."""
        self._call.check_alive()
        if prompt.clip is None and not self._call.answered:
            await asyncio.sleep(prompt.pause_s)
            return
        await self.ensure_answered()
        await self._play(prompt)

    async def collect(self, want: CollectSpec, prompts: Sequence[Prompt]) -> Collected:
        async def play_all() -> None:
            for prompt in prompts:
                await self._play(prompt)

        await self.ensure_answered()
        if want.speech is None:
            return await collect(self._call.leg, want, play_all)
        with self._call.hearings.listening(want.speech) as hearing:
            try:
                collected = await collect(self._call.leg, want, play_all, hearing.spoken)
                if collected.finished_by != "speech":
                    return collected
                heard = await hearing.words(self._call.equipment.waits.words)
            finally:
                self._feeds.close(hearing.asked.feed, "nobody is listened to any more")
        if heard is None:
            self._call.pages.fault(NO_WORDS, "what was said is not known: the recogniser did not answer in time")
            return collected
        return replace(collected, speech=heard.text, confidence=heard.confidence)

    async def record(self, spec: RecordSpec) -> Recorded | None:
        """None when nothing was to be heard. What was recorded is kept also when the page is interrupted."""
        await self.ensure_answered()
        call = self._call
        if spec.play_beep:
            await call.leg.play(Samples(BEEP))
        purpose = Purpose.of_record(spec)
        heard = self._recording = VoiceRecording(spec, call.recordings.open(purpose))
        try:
            with call.leg.attached(heard):
                digits = await heard.done
        finally:
            self._recording = None
            keeping = call.recordings.keep(heard.sound, purpose)
        recording = await asyncio.shield(keeping)
        return None if recording is None else Recorded(recording.sid, recording.duration_s, digits)

    async def dial(self, spec: DialSpec) -> DialOutcome:
        self._dialing = Dialing(self._call, spec, self._dial_out)
        try:
            return await self._dialing.run()
        finally:
            self._dialing = None

    async def stay(self, spec: StaySpec) -> StayOutcome:
        return await self._stays.stay(self._call, spec, self)

    async def connect(self, spec: StreamSpec) -> FeedId:
        return await self._streaming.connect(spec)

    def start_stream(self, spec: StreamSpec) -> None:
        self._streaming.start(spec)

    def start_recording(self, spec: CallRecordingSpec) -> None:
        call = self._call
        call.check_alive()
        if call.recordings.running >= MOST_RECORDINGS:
            call.pages.fault(NOT_ELIGIBLE, f"<Start> was left out: {MOST_RECORDINGS} recordings run already")
            return
        call.recordings.begin(Purpose.of_started(spec), spec.channels, trim=spec.trim_silence)

    def stop_stream(self, name: str) -> None:
        self._streaming.stop(name)

    async def refer(self, uri: str) -> ReferOutcome:
        """Told as a fault where the call's line cannot. The caller may leave us for it before all is told."""
        await self.ensure_answered()
        voice = self._call.voice
        if not isinstance(voice, Refers):
            self._call.pages.fault(NOT_SIP, "<Refer>: only a call that came or went by SIP can be referred")
            return ReferOutcome()
        self._referring = True
        try:
            referred = await voice.refer(uri)
        except DeviceRefused as error:
            return ReferOutcome(error.code)
        except TelecoreError as error:
            self._call.pages.fault(NOT_SIP, f"<Refer> had no answer: {error}")
            return ReferOutcome()
        finally:
            self._referring = False
        return ReferOutcome(referred.response, referred.notified)

    def send_message(self, spec: SmsSpec) -> MessageSid:
        """The cloud hears of it through the spool: a cut line delays it, and loses nothing."""
        sid = MessageSid(new_sid("SM"))
        wanted = MessageWanted(
            call=self._call.sid,
            message=sid,
            body=spec.body,
            to=spec.to,
            sender=spec.sender,
            status_callback=spec.status_callback,
        )
        self._call.report.say(wanted)
        return sid

    async def send_digits(self, digits: str) -> None:
        await self.ensure_answered()
        if self._call.voice is not None:
            await press(self._call.leg, self._call.voice, digits)

    async def reject(self, busy: bool) -> None:
        if self._call.answered:
            await self.hang_up()
        else:
            self._call.end(Cause.USER_BUSY if busy else Cause.CALL_REJECTED, "us")

    async def hang_up(self) -> None:
        self._call.finish()

    async def _play(self, prompt: Prompt) -> None:
        leg = self._call.leg
        if prompt.clip is None:
            await leg.play(Pause(ticks(prompt.pause_s)))
            return
        samples = await self._samples(prompt.clip)
        if samples is not None:
            await leg.play(Samples(samples, prompt.loop))

    async def _samples(self, clip: Clip) -> bytes | None:
        """None, and the cloud is told, when it cannot be had: the page goes on without it."""
        try:
            return await self._call.equipment.clips.get(clip)
        except TelecoreError as error:
            self._call.pages.fault(CLIP_NOT_HAD, f"a prompt was left out: {error}")
            return None

    def _hung_up(self) -> bool:
        """Whether the page still has to tell how a recording, a dial or a stay ended."""
        if self._recording is not None:
            self._recording.hung_up()
            return True
        if self._referring:
            return True
        if self._dialing is not None:
            return self._dialing.hung_up()
        return self._stays.hung_up(self._call.sid)
