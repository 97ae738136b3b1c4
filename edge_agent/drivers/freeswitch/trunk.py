"""One trunk of a FreeSWITCH: how it stands, and the calls that go out by it."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, MutableMapping
from typing import Protocol

from edge_agent.contracts import IncomingCall, RadioStatus, VoiceCall, VoiceEvent, VoiceEventKind
from edge_agent.drivers.freeswitch.call import CallState, FreeswitchCall, News
from edge_agent.drivers.freeswitch.causes import name_of
from edge_agent.drivers.freeswitch.dial_string import Dial, originate
from edge_agent.drivers.freeswitch.event_socket import EventSocket
from edge_agent.drivers.freeswitch.replies import Gateway, job_error, radio_of, read_gateway
from edge_agent.drivers.freeswitch.settings import FreeswitchSettings, TrunkSettings
from telecore.causes import Cause
from telecore.errors import Busy, DeviceLost, DeviceRefused, NoNetwork, TimedOut, Transient
from telecore.ids import E164, ChannelId
from telecore.model import ChannelState

log = logging.getLogger(__name__)

OUR_LEG_S = 10.0
"""FreeSWITCH calls us on loopback; longer it need not take."""
GRACE_S = 1.0
"""Our leg is over and FreeSWITCH has not told why: so long we wait for it."""
END_LIMIT_S = 5.0


class Legs(Protocol):
    """Where our legs come from: the SIP peer that FreeSWITCH is."""

    def expect(self, channel: ChannelId, user: str) -> asyncio.Future[IncomingCall]: ...
    def busy(self, channel: ChannelId) -> bool:
        """Whether the trunk has as many calls as it takes, both directions together."""


class Trunk:
    """A VoiceService and a RadioService. ``calls`` has each call under the ids of both its legs."""

    def __init__(
        self,
        settings: FreeswitchSettings,
        trunk: TrunkSettings,
        *,
        socket: EventSocket,
        legs: Legs,
        listen: str,
        calls: MutableMapping[str, FreeswitchCall],
    ) -> None:
        self.settings = trunk
        self.gateway: Gateway | None = None
        self._site = settings
        self._socket = socket
        self._legs = legs
        self._listen = listen
        self._calls = calls
        self._mine: set[FreeswitchCall] = set()
        self._loop = asyncio.get_running_loop()

    # how it stands

    async def refresh(self) -> Gateway | None:
        """Ask FreeSWITCH. What an event tells meanwhile is newer than the answer. Raises TimedOut, DeviceLost."""
        known = self.gateway
        found = read_gateway(await self._socket.api(f"sofia status gateway {self.settings.gateway}"))
        if self.gateway is not known:
            return found
        if found is not None and known is not None and found.state == known.state and not found.up:
            # Only events tell the response; it is still the reason.
            found = Gateway(found.name, found.state, found.up, found.profile, known.code, known.phrase)
        self.gateway = found
        return found

    async def status(self) -> RadioStatus:
        """See ``contracts.RadioService``."""
        await self.refresh()
        return radio_of(self.gateway)

    async def restart(self) -> None:
        """Register anew, or (a trunk that does not register) have FreeSWITCH make the gateway anew."""
        gateway = await self.refresh()
        if gateway is None:
            raise DeviceRefused("error", None, f"FreeSWITCH has no gateway {self.settings.gateway}")
        profile, name = gateway.profile, self.settings.gateway
        if gateway.state != "NOREG":
            await self._command(f"sofia profile {profile} register {name}")
            return
        await self._command(f"sofia profile {profile} killgw {name}")
        await self._command(f"sofia profile {profile} rescan")

    async def _command(self, text: str) -> None:
        answer = await self._socket.api(text)
        if (error := job_error(answer)) is not None:
            raise DeviceRefused("error", None, error)

    # calls

    async def dial(
        self, to: str, on_event: Callable[[VoiceEvent], None], caller: E164 | None = None, *, hidden: bool = False
    ) -> VoiceCall:
        """See ``contracts.VoiceService``. Returns when our leg is up; from then on FreeSWITCH dials the trunk."""
        if len(self._mine) >= self.settings.max_calls or self._legs.busy(self.settings.channel):
            raise Busy("the trunk has as many calls as it carries")
        if self.gateway is None or radio_of(self.gateway).state is not ChannelState.REGISTERED:
            raise NoNetwork(radio_of(self.gateway).reason)
        call = FreeswitchCall(self, str(uuid.uuid4()), str(uuid.uuid4()), on_event)
        command = originate(self._dial(call, to, caller or self.settings.number, hidden=hidden))
        self._begin(call)
        begun = False
        try:
            await self._call_us(call, command)
            begun = True
        finally:
            if not begun:
                await self._give_up(call)
        self._loop.call_soon(call.release)
        return call

    async def hang_up(self, call: FreeswitchCall, cause: int) -> None:
        """See ``contracts.VoiceCall``."""
        if call.learn(News.HANG_UP):
            await self._kill(call, cause)
            if call.leg is not None:
                await call.leg.hang_up(cause)
        try:
            async with asyncio.timeout(END_LIMIT_S):
                await call.ended.wait()
        except TimeoutError:
            log.warning("%s: FreeSWITCH does not tell that a call ended", self.settings.channel)
            self.conclude(call, cause)

    async def send_digits(self, call: FreeswitchCall, digits: str) -> None:
        """By RFC 4733 on our leg, which FreeSWITCH passes on in whatever way the trunk takes."""
        if call.leg is None:
            raise DeviceRefused("error", None, "the call is not up")
        await call.leg.send_digits(digits)

    def conclude(self, call: FreeswitchCall, cause: int) -> None:
        """The call is over; said once."""
        call.told(VoiceEventKind.ENDED, cause)
        self._forget(call)

    def abandon(self) -> None:
        """FreeSWITCH is lost, and with it all its calls."""
        for call in tuple(self._mine):
            self.conclude(call, Cause.NETWORK_OUT_OF_ORDER)

    def _dial(self, call: FreeswitchCall, to: str, caller: E164 | None, *, hidden: bool) -> Dial:
        return Dial(
            ours=call.ours,
            theirs=call.theirs,
            user=f"leg-{call.ours}",
            listen=self._listen,
            profile=self._site.agent_profile,
            trunk=self.settings.gateway,
            template=self.settings.dial_string,
            to=to,
            caller=caller,
            hidden=hidden,
            ring_limit_s=self._site.ring_limit_s,
        )

    def _begin(self, call: FreeswitchCall) -> None:
        self._mine.add(call)
        self._calls[call.ours] = self._calls[call.theirs] = call

    def _forget(self, call: FreeswitchCall) -> None:
        self._mine.discard(call)
        self._calls.pop(call.ours, None)
        self._calls.pop(call.theirs, None)

    async def _call_us(self, call: FreeswitchCall, command: str) -> None:
        """Have FreeSWITCH call us, and answer. Raises DeviceRefused, DeviceLost, TimedOut."""
        claim = self._legs.expect(self.settings.channel, f"leg-{call.ours}")
        job = asyncio.ensure_future(self._socket.job(command, OUR_LEG_S))
        try:
            leg = await self._our_leg(claim, job)
            leg.on_event = lambda event: self._heard(call, event)
            call.leg = leg
            async with asyncio.timeout(OUR_LEG_S):
                await leg.answer()
            call.take(leg)
        except TimeoutError:
            raise TimedOut("our leg from FreeSWITCH is not confirmed") from None
        finally:
            claim.cancel()
            job.cancel()
            await asyncio.gather(job, return_exceptions=True)

    async def _our_leg(self, claim: asyncio.Future[IncomingCall], job: asyncio.Future[str]) -> VoiceCall:
        waiting: list[asyncio.Future[IncomingCall] | asyncio.Future[str]] = [claim, job]
        await asyncio.wait(waiting, timeout=OUR_LEG_S, return_when=asyncio.FIRST_COMPLETED)
        if claim.done():
            return claim.result().voice
        if job.done():
            raise DeviceRefused("error", None, job_error(job.result()) or "FreeSWITCH did not call us")
        raise TimedOut("FreeSWITCH does not call us")

    def _heard(self, call: FreeswitchCall, event: VoiceEvent) -> None:
        """What our own leg tells: keys, and that it is over."""
        if event.kind is VoiceEventKind.DIGIT:
            call.tell(event)
        elif event.kind is VoiceEventKind.ENDED and call.state is not CallState.ENDED:
            self._loop.call_later(GRACE_S, self.conclude, call, event.cause or Cause.NORMAL_UNSPECIFIED)

    async def _give_up(self, call: FreeswitchCall) -> None:
        """It came to nothing, or its caller went away meanwhile."""
        self._forget(call)
        await self._kill(call, Cause.NORMAL_CLEARING)
        if call.leg is not None:
            await call.leg.hang_up()

    async def _kill(self, call: FreeswitchCall, cause: int) -> None:
        """The trunk's leg first, so that the cause is its own; then ours, for there may be no other yet."""
        try:
            for leg in (call.theirs, call.ours):
                await self._socket.api(f"uuid_kill {leg} {name_of(cause)}")
        except (DeviceLost, Transient) as error:
            log.info("%s: hanging up: %s", self.settings.channel, error)
