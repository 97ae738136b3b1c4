"""Voice calls of one modem: one at a time, told by URCs and by polling +CLCC, whichever comes first."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace

from edge_agent.contracts import Core, IncomingCall, VoiceEvent, VoiceEventKind
from edge_agent.drivers.at_modem.audio import Carrier
from edge_agent.drivers.at_modem.call import AtCall, CallState, News
from edge_agent.drivers.at_modem.call_cause import RESULTS, cause_of_refusal, no_network
from edge_agent.drivers.at_modem.call_end import hang_up_all, list_calls, why_it_ended
from edge_agent.drivers.at_modem.call_keys import press
from edge_agent.drivers.at_modem.call_news import (
    Caller,
    CallNews,
    Dialled,
    Digit,
    Flow,
    Listed,
    Missed,
    Progress,
    Ring,
    Waits,
    news_of_stat,
    read_news,
)
from edge_agent.drivers.at_modem.call_replies import CurrentCall
from edge_agent.drivers.at_modem.call_sound import CallSound
from edge_agent.drivers.at_modem.call_waiting import WaitingCall
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.engine import Urc
from edge_agent.drivers.at_modem.grammar import Command
from edge_agent.drivers.at_modem.profile import AtProfile, EnableAt, UrcEvent
from edge_agent.drivers.at_modem.quirks import HANG_UP_AFTER_ORIG
from telecore.causes import Cause
from telecore.errors import Busy, DeviceLost, DeviceRefused, InvalidRequest, NoNetwork, RemoteProtocolError, TimedOut
from telecore.ids import E164, Address, ChannelId
from telecore.numbers import safe_to_dial

log = logging.getLogger(__name__)

CLIP_WAIT_S = 0.3
"""How long a ringing call may wait for its number before it is announced without."""
ASKED_WAIT_S = 4.0
"""The same while +CLCC is asked: a line that is slow with that answer is slow with +CLIP too."""
UNSEEN_S = 4.0
"""A call that +CLCC never showed for so long does not exist."""
YOUNG_S = 0.5
ORIG_WAIT_S = 1.5
RINGING_S = 180.0
"""An ATD that waits for the answer waits no longer than any network lets a call ring."""


class AtVoice:
    """A VoiceService. ``run`` must run for calls to come and go."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile, channel: ChannelId, pcm: Carrier | None) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._channel = channel
        self._pcm = pcm
        self._sound = CallSound(dialogue, profile, channel, pcm)
        self._waiting = WaitingCall(dialogue, profile, channel)
        self._call: AtCall | None = None
        self._core: Core | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._wake = asyncio.Event()
        self._asking = False
        self._dialled = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    @property
    def busy(self) -> bool:
        """Whether a call is up or on its way."""
        return self._call is not None

    async def dial(
        self, to: str, on_event: Callable[[VoiceEvent], None], caller: E164 | None = None, *, hidden: bool = False
    ) -> AtCall:
        """See ``contracts.VoiceService``. ``caller`` is always the SIM's own; a modem cannot show another."""
        del caller
        if not safe_to_dial(to):
            raise InvalidRequest(f"{to[:20]!r} is no number that can be dialled", field="To", code=21211)
        if self._call is not None or self._tasks is None:
            raise Busy("the line is in a call" if self._call else "the modem is not ready")
        call = self._begin(CallState.DIALLING, outgoing=True)
        call.on_event = on_event
        begun = False
        try:
            await self._dial(call, to, hidden=hidden)
            begun = True
        finally:
            if not begun:
                await self._give_up(call)
        self._loop.call_soon(call.release)
        self._wake.set()
        return call

    async def run(self, core: Core) -> None:
        """Follow the calls of this line until the device is lost; a call then is over."""
        self._core = core
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                while True:
                    await self._wait()
                    if self._call is not None:
                        await self._ask(self._call)
        finally:
            self._tasks = None
            if self._call is not None and self._call.learn(News.GONE):
                self._conclude(self._call, Cause.NETWORK_OUT_OF_ORDER)

    def on_urc(self, urc: Urc, event: UrcEvent | None, groups: Mapping[str, str]) -> bool:
        """Take what tells of a call."""
        try:
            news = read_news(urc.text, event, groups, self._profile.call.end_status)
        except RemoteProtocolError as error:
            log.info("%s: %s", self._channel, error)
            return True
        if news is not None:
            self._take(news)
        return news is not None

    # what the core does to a call

    async def answer(self, call: AtCall) -> None:
        """Answer; returns when sound flows. Raises DeviceRefused when the caller has gone, TimedOut, DeviceLost."""
        if call is not self._call:  # another may be ringing already
            raise DeviceRefused("call", None, "NO CARRIER")
        try:
            await self._send_answer(call)
            await self._sound.enable(call)
        except DeviceRefused as refusal:
            if refusal.kind == "call":
                self._gone(call, RESULTS.get(refusal.text))
            else:
                await self.hang_up(call, Cause.NORMAL_UNSPECIFIED)
            raise
        except (TimedOut, asyncio.CancelledError):
            await self.hang_up(call, Cause.NORMAL_CLEARING)
            raise
        self._wake.set()

    async def hang_up(self, call: AtCall, cause: int) -> None:
        """See ``contracts.VoiceCall``. Once begun it is carried out, even when whoever asked is cancelled."""
        if call is not self._call:
            return
        if call.learn(News.HANG_UP):
            call.cause = cause
        ending = self._spawn(self._hang_up(call))
        if ending is not None:
            await asyncio.wait({ending})  # neither cancels it when we are cancelled, nor us when the device is lost

    async def send_digits(self, call: AtCall, digits: str) -> None:
        """See ``call_keys``."""
        await press(self._dialogue, self._profile, call, digits)

    async def _dial(self, call: AtCall, to: str, *, hidden: bool) -> None:
        template = self._profile.call.hidden if hidden else self._profile.call.dial
        if not template:
            raise DeviceRefused("unsupported", None, "this modem cannot hide its number")
        command = self._profile.command(template.format(number=to))
        if self._profile.call.dial_ok_means_answered:
            waiting = replace(command, timeout_s=RINGING_S, abortable=True)
            call.dialling = self._spawn(self._dial_until_answered(call, waiting))
            return
        try:
            async with self._dialogue.transaction(Priority.CALL) as talk:
                await talk.command(command)
            if self._profile.audio.at is EnableAt.DIALLED:
                await self._sound.enable(call)
        except DeviceRefused as refusal:
            if no_network(refusal):
                raise NoNetwork(str(refusal)) from refusal
            if refusal.kind != "call":
                raise
            self._gone(call, RESULTS.get(refusal.text))  # BUSY and its like: a call that was, and is over

    async def _dial_until_answered(self, call: AtCall, command: Command) -> None:
        """Its result comes with the answer; until then the port is the call's, and whoever hangs up cancels this."""
        try:
            async with self._dialogue.transaction(Priority.CALL) as talk:
                await talk.command(command)
        except DeviceRefused as refusal:
            self._gone(call, cause_of_refusal(refusal))
        except TimedOut:
            self._spawn(self.hang_up(call, Cause.NO_ANSWER))
        except DeviceLost:
            return  # ``run`` ends, and with it the call
        else:
            self._progress(call, News.CONNECTED)

    async def _send_answer(self, call: AtCall) -> None:
        async with self._dialogue.transaction(Priority.ANSWER) as talk:
            await talk.command(self._profile.command(self._profile.call.answer))
        if not call.learn(News.CONNECTED):
            raise DeviceRefused("call", None, "NO CARRIER")

    async def _hang_up(self, call: AtCall) -> None:
        if call.outgoing and HANG_UP_AFTER_ORIG in self._profile.quirks:
            await self._until_dialled()
        if call.dialling is not None:
            call.dialling.cancel()  # a character ends the ATD, and with it the call (V.250 §5.6.1)
            await asyncio.wait({call.dialling})
        try:
            await hang_up_all(
                self._dialogue,
                self._profile,
                spare_ringing=call.outgoing or call.answered,
                meant=lambda: self._call is None or self._call is call,
            )
        except DeviceLost as error:
            log.info("%s: hanging up: %s", self._channel, error)
        if call.learn(News.GONE):
            self._conclude(call, call.cause)

    async def _until_dialled(self) -> None:
        try:
            async with asyncio.timeout(ORIG_WAIT_S):
                await self._dialled.wait()
        except TimeoutError:
            return

    async def _give_up(self, call: AtCall) -> None:
        """A call whose dialling failed: nobody holds it, so nobody is told and it must not stay on the line."""
        call.on_event = _ignore
        call.release()
        await self.hang_up(call, Cause.NORMAL_CLEARING)

    # how a call begins

    def _begin(self, state: CallState, *, outgoing: bool) -> AtCall:
        detects = self._profile.call.detects_dtmf
        pcm = self._pcm.stream() if self._pcm is not None else None
        self._call = AtCall(self, state, pcm, self._loop.time(), outgoing=outgoing, detects_dtmf=detects)
        self._dialled.clear()
        return self._call

    def _offered(self) -> AtCall:
        call = self._begin(CallState.OFFERED, outgoing=False)
        self._loop.call_later(CLIP_WAIT_S, self._announce_unless_asked, call)
        self._loop.call_later(ASKED_WAIT_S, self._announce, call)
        self._wake.set()  # +CLCC often knows the number before +CLIP comes
        return call

    def _announce_unless_asked(self, call: AtCall) -> None:
        if not self._asking:
            self._announce(call)

    def _announce(self, call: AtCall) -> None:
        if self._core is None or call.announced or call.state is not CallState.OFFERED:
            return
        call.announced = True
        caller = Address(call.number) if call.number else None
        self._core.incoming(IncomingCall(self._channel, caller, call))
        call.release()

    # how it goes on

    def _take(self, news: CallNews) -> None:
        call = self._call
        match news:
            case Ring():
                if call is None:
                    self._offered()
            case Caller(number):
                call = call or self._offered()
                call.number = call.number or number
                self._announce(call)
            case Listed(listed):
                if call is None and listed.incoming and listed.stat == 4 and listed.voice:
                    call = self._offered()
                if call is not None and listed.voice:
                    self._take_listed(call, listed)
            case Flow(ready):
                self._sound.flow(ready=ready)
            case _ if call is not None:
                self._take_of_call(call, news)

    def _take_of_call(self, call: AtCall, news: CallNews) -> None:
        match news:
            case Dialled(id_):
                self._dialled.set()
                call.name(id_)
            case Digit(digit):
                call.tell(VoiceEventKind.DIGIT, digit=digit)
            case Progress():
                self._take_progress(call, news)
            case Waits(number):
                self._somebody_waits(call, number, None)
            case Missed() if call.state is CallState.OFFERED:
                self._gone(call, None)

    def _take_progress(self, call: AtCall, progress: Progress) -> None:
        now = self._loop.time()
        if self._waiting.has(progress.id, now):
            return
        other = call.named and progress.id is not None and progress.id != call.id
        young = progress.late and call.outgoing and now - call.began_at < YOUNG_S
        if progress.news is News.GONE and (other or young or self._waiting.lately(now)):
            call.hint = progress.cause
            call.seen = True  # +CLCC decides whether this call is meant, or the one before it or beside it
            self._wake.set()
            return
        call.name(progress.id)
        self._progress(call, progress.news, progress.cause)

    def _somebody_waits(self, call: AtCall, number: str | None, id_: int | None) -> None:
        if call.state is CallState.OFFERED or self._core is None:
            return  # then it is this very call
        if self._waiting.notice(number, id_, self._loop.time()):
            self._spawn(self._waiting.decline(self._core))

    def _progress(self, call: AtCall, news: News | None, cause: int | None = None) -> None:
        if news is News.GONE:
            self._gone(call, cause)
        elif news is News.ALERTED and call.learn(news):
            call.tell(VoiceEventKind.RINGING)
        elif news is News.CONNECTED and call.outgoing and call.learn(news):
            if self._profile.audio.at is EnableAt.CONNECTED:
                self._spawn(self._answered(call))
            else:
                call.tell(VoiceEventKind.ANSWERED)

    async def _answered(self, call: AtCall) -> None:
        """The far end has answered: told only when sound flows, else the first words would be lost."""
        try:
            await self._sound.enable(call)
        except DeviceLost:
            return  # ``run`` ends, and with it the call
        if call.state is CallState.ACTIVE:
            call.tell(VoiceEventKind.ANSWERED)

    def _take_listed(self, call: AtCall, listed: CurrentCall) -> None:
        if listed.incoming and listed.stat == 5:
            self._somebody_waits(call, listed.number, listed.id)
            return
        if listed.incoming is call.outgoing or self._waiting.has(listed.id, self._loop.time()):
            return
        call.seen = True
        call.name(listed.id)
        if not call.outgoing and listed.number:
            call.number = listed.number
            self._announce(call)
        self._progress(call, news_of_stat(listed))

    async def _ask(self, call: AtCall) -> None:
        self._asking = True
        try:
            await self._poll(call)
        finally:
            self._asking = False
        if self._loop.time() - call.began_at > CLIP_WAIT_S:
            self._announce(call)

    async def _poll(self, call: AtCall) -> None:
        try:
            listed = await list_calls(self._dialogue, self._profile)
        except (TimedOut, RemoteProtocolError) as error:
            log.info("%s: +CLCC: %s", self._channel, error)
            return
        if listed is None or call is not self._call:
            return
        for entry in listed:
            self._take_listed(call, entry)
        ours = [entry for entry in listed if self._is_ours(call, entry)]
        if not ours and (call.seen or self._loop.time() - call.began_at > UNSEEN_S):
            self._gone(call, call.hint)

    def _is_ours(self, call: AtCall, entry: CurrentCall) -> bool:
        other = (entry.incoming and entry.stat == 5) or self._waiting.has(entry.id, self._loop.time())
        return entry.incoming is not call.outgoing and not other

    async def _wait(self) -> None:
        call, polls = self._call, self._profile.call
        active = call is not None and call.state is CallState.ACTIVE
        seconds = None if call is None else polls.poll_active_s if active else polls.poll_dialling_s
        try:
            async with asyncio.timeout(seconds):
                await self._wake.wait()
        except TimeoutError:
            return
        self._wake.clear()

    # how it ends

    def _gone(self, call: AtCall, cause: int | None) -> None:
        """The call is over, and the line free at once; why it ended may have to be asked."""
        if not call.learn(News.GONE):
            return
        cause = call.cause or cause
        if cause is None and self._tasks is not None:
            self._free(call)
            self._spawn(self._ask_and_conclude(call))
        else:
            self._conclude(call, cause)

    async def _ask_and_conclude(self, call: AtCall) -> None:
        self._conclude(call, await why_it_ended(self._dialogue, self._profile))

    def _conclude(self, call: AtCall, cause: int | None) -> None:
        self._free(call)
        if cause is None:
            cause = Cause.NORMAL_CLEARING if call.answered else Cause.NORMAL_UNSPECIFIED
        if call.announced:
            call.tell(VoiceEventKind.ENDED, cause=int(cause))

    def _free(self, call: AtCall) -> None:
        if self._call is call:
            self._call = None
            self._sound.stop()
            self._spawn(self._after_call())
            self._wake.set()

    async def _after_call(self) -> None:
        await self._sound.disable()
        if self._core is not None:
            await self._sound.mend(self._core, idle=lambda: self._call is None)

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None] | None:
        if self._tasks is None:
            work.close()  # the device is lost: nothing can be done to its calls, and ``run`` has ended them
            return None
        return self._tasks.create_task(work)


def _ignore(event: VoiceEvent) -> None:
    del event
