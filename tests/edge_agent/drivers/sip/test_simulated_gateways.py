"""Our SIP and the simulated gateway, in every family's manner: registrations, calls both ways, sound, keys, ends.

Two stacks that were written apart, each from the RFCs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace

import pytest

from edge_agent.contracts import IncomingCall, VoiceCall
from edge_agent.drivers.sip.peer import SipPeer
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.settings import (
    AnswerMode,
    Credentials,
    LineSettings,
    PeerSettings,
    Registers,
    SipQuirks,
    SipSettings,
)
from edge_agent.drivers.sip.stack import SipStack
from simulator.calls import Call, CallState
from simulator.gateway.gateway import secret
from simulator.sip.families import MANNERS
from simulator.sip.manner import Keys, Manner
from telecore.audio.tone import tone
from telecore.errors import StorageFailed
from telecore.ids import ChannelId, DeviceId
from tests.fakes.gateway_box import ANSWERS, BUSY, FREE, LINE1, LINE2, Box, a_box, quick, until, waits
from tests.fakes.sip_party import level
from tests.fakes.sip_site import Heard, Told
from tests.fakes.sip_talk import talking

FIRST, SECOND = ChannelId("edge/gw/1"), ChannelId("edge/gw/2")
QUIRKS = {
    "plain": SipQuirks(to_line="user"),
    "goip": SipQuirks(busy_480=True, to_line="contact"),
    "dinstar": SipQuirks(to_line="user"),
    "yeastar": SipQuirks(caller_from="pai", to_line="user"),
    "openvox": SipQuirks(to_line="prefix"),
    "synway": SipQuirks(caller_from="rpid", to_line="user", digits="info"),
    "portech": SipQuirks(caller_from="display", answer=AnswerMode.ALERTED, to_line="user", keys_in_sound=True),
}
LOUD = -20.0


@dataclass
class Joined:
    """Both ends of the wire."""

    box: Box
    peer: SipPeer
    told: Told

    async def dial(self, to: str = ANSWERS, channel: ChannelId = SECOND) -> tuple[VoiceCall, Heard, Call]:
        heard = Heard()
        voice = await self.peer.voice(channel).dial(to, heard)
        await until(lambda: self.box.network.exchange.calls)
        return voice, heard, self.box.call

    async def called(self, number: str = LINE1, *, withheld: bool = False) -> IncomingCall:
        assert self.box.network.handsets[FREE].dial(number, withheld=withheld)
        async with asyncio.timeout(5):
            return await self.told.calls.get()

    async def both_hear(self, voice: VoiceCall) -> None:
        """A tone from each end, and not one's own."""
        assert voice.pcm is not None
        ours = bytearray()
        voice.pcm.on_frame = ours.extend
        ears = self.box.ears()
        ears.say(tone((450,), 3000, -10))
        said, start = tone((1000,), 3000, -10), len(ears.heard)
        for at in range(0, 20 * 320, 320):
            voice.pcm.send(said[at : at + 320])
            await asyncio.sleep(0.0195)
        assert level(bytes(ears.heard[start:]), 1000) > LOUD
        assert level(bytes(ours), 450) > LOUD
        assert level(bytes(ours), 1000) < LOUD - 20


@asynccontextmanager
async def joined(manner: str | Manner, *, challenge: bool = False, lines: int = 2) -> AsyncIterator[Joined]:
    """A gateway and our SIP, registered or known to one another."""
    family = manner if isinstance(manner, str) else manner.name
    registers = MANNERS[family].registers
    settings = SipSettings(port=0, rtp_low=20_000, rtp_high=20_400)
    stack = SipStack(settings, RtpPorts(settings))
    told = Told()
    channels = (FIRST, SECOND)[:lines]
    wanted = peer_settings(family, channels, registers=registers, challenge=challenge)
    await stack.open()
    try:
        async with AsyncExitStack() as cleanup:
            if registers:  # whoever registers must be known first
                peer = await cleanup.enter_async_context(running(SipPeer(stack, wanted), told))
            box = await cleanup.enter_async_context(
                a_box(manner, lines=lines, registers=registers, agent_port=stack.port)
            )
            if not registers:
                peer = SipPeer(stack, replace(wanted, port=box.at[1]))
                await cleanup.enter_async_context(running(peer, told))
            for channel in channels:
                await told.until(channel, up=True, within_s=8)
            if registers:
                await until(lambda: all(box.gateway.switch.registered(line) for line in box.gateway.lines))
            yield Joined(box, peer, told)
            for call in box.network.exchange.calls.values():
                box.network.exchange.end(call, 16)
            await until(lambda: not any(line.calls for line in peer.lines.values()))
    finally:
        await stack.close()


@asynccontextmanager
async def running(peer: SipPeer, told: Told) -> AsyncIterator[SipPeer]:
    await peer.open()
    task = asyncio.create_task(peer.run(told))
    try:
        yield peer
    finally:
        task.cancel()
        await asyncio.wait({task})
        await peer.close()


def peer_settings(family: str, channels: Sequence[ChannelId], *, registers: bool, challenge: bool) -> PeerSettings:
    def password(account: str) -> str:
        return secret("gateway1") if family == "goip" else secret(account)

    users = {channel: f"gateway1-{index}" for index, channel in enumerate(channels, 1)}
    return PeerSettings(
        device=DeviceId("gw"),
        host="127.0.0.1",
        registers=Registers.WITH_US if registers else Registers.NOBODY,
        lines=tuple(LineSettings(channel, user, Credentials(user, password(user))) for channel, user in users.items()),
        challenge=challenge,
        quirks=replace(QUIRKS[family], options_every_s=0.5),
    )


@pytest.mark.parametrize("family", MANNERS)
async def test_a_call_to_a_handset(family: str) -> None:
    async with joined(family) as here:
        if MANNERS[family].alerted:  # only who is heard has answered
            here.box.handset(speak=tone((600,), 500))
        voice, heard, call = await here.dial()
        await heard.until("answered")
        await until(lambda: call.state is CallState.ANSWERED)
        assert (call.caller.number, call.to) == (LINE2, ANSWERS)
        await here.both_hear(voice)
        await voice.send_digits("#")
        await until(lambda: here.box.ears().digits_heard == "#")
        await voice.hang_up()
        await until(lambda: call.state is CallState.ENDED)
        assert call.cause == 16
        assert heard.kinds[-1] == "ended"
        assert heard.kinds.count("ended") == 1


@pytest.mark.parametrize("family", MANNERS)
async def test_a_call_from_a_handset(family: str) -> None:
    async with joined(family) as here:
        incoming = await here.called()
        assert (incoming.channel, incoming.caller) == (FIRST, FREE)
        heard = here.told.heard
        await incoming.voice.answer()
        await until(lambda: here.box.call.state is CallState.ANSWERED)
        await here.both_hear(incoming.voice)
        if MANNERS[family].keys is not Keys.INBAND:
            here.box.ears().press("4*")
            await until(lambda: heard.digits == "4*")
        here.box.network.exchange.end(here.box.call, 16)
        assert (await heard.until("ended")).cause == 16


@pytest.mark.parametrize("family", MANNERS)
async def test_each_key_is_counted_once_by_whoever_gathers(family: str) -> None:
    async with joined(family, lines=1) as here:
        incoming = await here.called()
        await incoming.voice.answer()
        async with talking(incoming.voice) as (leg, hearing):
            incoming.voice.on_event = lambda event: leg.press(event.digit) if event.digit else None
            await until(lambda: here.box.call.state is CallState.ANSWERED)
            here.box.ears().press("4711#")
            await until(lambda: hearing.keys == "4711#")
            await asyncio.sleep(0.3)
            assert hearing.keys == "4711#"


@pytest.mark.parametrize("family", MANNERS)
async def test_ringing_is_told_whatever_the_box_says_of_it(family: str) -> None:
    """Those that say 183 and nothing more are heard to ring."""
    async with joined(family, lines=1) as here:
        here.box.handset(answer_after_s=20)
        _, heard, _ = await here.dial(ANSWERS, FIRST)
        await heard.until("ringing", 4)
        assert heard.kinds == ["ringing"]


@pytest.mark.parametrize("family", ["plain", "goip", "dinstar", "yeastar", "openvox", "synway"])
async def test_a_busy_handset(family: str) -> None:
    async with joined(family, lines=1) as here:
        _, heard, _ = await here.dial(BUSY, FIRST)
        assert (await heard.until("ended")).cause == 17
        assert "answered" not in heard.kinds


async def test_a_busy_handset_after_a_false_answer_is_no_answered_call() -> None:
    async with joined("portech", lines=1) as here:
        here.box.handset(on_call="reject", answer_after_s=0.2)
        _, heard, _ = await here.dial(ANSWERS, FIRST)
        await heard.until("ended")
        assert heard.kinds[0] == "ringing"


@pytest.mark.parametrize("family", ["goip", "yeastar", "portech"])
async def test_we_give_up_before_the_answer(family: str) -> None:
    async with joined(family, lines=1) as here:
        here.box.handset(answer_after_s=20)
        voice, heard, call = await here.dial(ANSWERS, FIRST)
        await heard.until("ringing")
        await voice.hang_up()
        await until(lambda: call.state is CallState.ENDED)
        assert heard.kinds.count("ended") == 1


async def test_the_caller_gives_up_before_we_answer() -> None:
    async with joined("goip", lines=1) as here:
        await here.called()
        here.box.network.exchange.end(here.box.call, 16)
        await here.told.heard.until("ended")


async def test_we_refuse_a_call() -> None:
    async with joined("goip", lines=1) as here:
        incoming = await here.called()
        await incoming.voice.hang_up(17)
        await until(lambda: here.box.call.cause == 17)


async def test_a_caller_that_hides() -> None:
    async with joined("yeastar", lines=1) as here:
        incoming = await here.called(withheld=True)
        assert incoming.caller is None


@pytest.mark.parametrize("family", [name for name, manner in MANNERS.items() if manner.registers])
async def test_their_calls_prove_who_they_are(family: str) -> None:
    async with joined(family, challenge=True, lines=1) as here:
        incoming = await here.called()
        await incoming.voice.answer()
        await until(lambda: here.box.call.state is CallState.ANSWERED)


async def test_a_box_that_asks_us_for_a_password() -> None:
    async with joined(quick("goip", inv_auth=True), lines=1) as here:
        _, heard, _ = await here.dial(ANSWERS, FIRST)
        await heard.until("answered")


async def test_two_lines_at_once() -> None:
    async with joined("goip") as here:
        here.box.handset(FREE)
        _, first, _ = await here.dial(ANSWERS, FIRST)
        _, second, _ = await here.dial(FREE, SECOND)
        await first.until("answered")
        await second.until("answered")
        callers = {call.caller.number for call in here.box.network.exchange.calls.values()}
        assert callers == {LINE1, LINE2}


async def test_a_box_that_vanishes_and_comes_back() -> None:
    async with joined(waits("goip", register_again=0.3), lines=1) as here:
        fault = here.box.fault("gateway_down")
        await here.told.until(FIRST, up=False, within_s=25)
        here.box.network.faults.end(fault)
        here.told.states.clear()
        await here.told.until(FIRST, up=True)
        await here.box.in_service()
        _, heard, _ = await here.dial(ANSWERS, FIRST)
        await heard.until("answered")


async def test_a_box_that_sends_from_another_port_than_it_listens_on() -> None:
    async with joined(quick("plain", elsewhere=True), lines=1) as here:
        voice, heard, _ = await here.dial(ANSWERS, FIRST)
        await heard.until("answered")
        await here.both_hear(voice)


async def test_sms_by_message_are_acknowledged_when_they_are_kept() -> None:
    async with joined(waits("plain", register_again=0.1), lines=1) as here:
        full = True

        async def keep() -> None:
            if full:
                raise StorageFailed("the disk is full")

        here.told.on_message = keep
        here.box.network.handsets[FREE].send(LINE1, "ភាសាខ្មែរ")
        here.box.network.handsets[FREE].send(LINE1, "second")
        await asyncio.sleep(0.4)
        assert here.told.messages == []
        full = False
        await until(lambda: len(here.told.messages) == 2)
        assert [(channel, sender, body) for channel, _, sender, body in here.told.messages] == [
            (FIRST, FREE, "ភាសាខ្មែរ"),
            (FIRST, FREE, "second"),
        ]
        await asyncio.sleep(0.3)
        assert len(here.told.messages) == 2


async def test_a_call_that_the_network_drops() -> None:
    async with joined("dinstar", lines=1) as here:
        _, heard, _ = await here.dial(ANSWERS, FIRST)
        await heard.until("answered")
        here.box.fault("call_drops", LINE1, after_s=0)
        assert (await heard.until("ended")).cause == 41


async def test_a_call_survives_what_a_silent_agent_does_not() -> None:
    """The box hangs up without RTP; ours sends silence before anybody has spoken."""
    async with joined(waits("goip", rtp_dead=0.5), lines=1) as here:
        _, heard, call = await here.dial(ANSWERS, FIRST)
        await heard.until("answered")
        await asyncio.sleep(1.5)
        assert call.state is CallState.ANSWERED
