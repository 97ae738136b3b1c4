"""A leg over RTP: keys of all kinds count once, and the leg's clock drives what comes and goes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.rtp_session import RtpSession
from edge_agent.drivers.sip.settings import SipSettings
from edge_agent.drivers.sip.telephone_event import KEYS, TelephoneEvent, build_event
from edge_agent.media.clock import MediaClock
from edge_agent.media.leg import Ear, Leg
from edge_agent.media.mixer import Mixer
from edge_agent.media.source import Samples
from telecore.audio import g711
from telecore.audio.tone import dtmf_tone
from tests.fakes.line import FakeVoiceCall
from tests.fakes.rtp_end import RtpEnd, here, until

TICK = 0.02


@pytest.fixture
async def ports() -> AsyncIterator[RtpPorts]:
    made = RtpPorts(SipSettings(rtp_low=26_200, rtp_high=26_299))
    yield made
    made.close()


class Pressed(Ear):
    wants_keys = True

    def __init__(self) -> None:
        self.keys = ""
        self.frames = 0

    def press(self, key: str) -> None:
        self.keys += key

    def hear(self, frame: bytes) -> None:
        self.frames += 1


def leg_on(clock: MediaClock, session: RtpSession) -> tuple[Leg, Pressed]:
    voice = FakeVoiceCall()
    voice.pcm = session  # type: ignore[assignment]
    leg, ear = Leg(clock, voice), Pressed()
    session.on_digit = leg.press
    leg.attach(ear)
    leg.start()
    return leg, ear


@pytest.mark.parametrize("in_sound", [True, False])
@pytest.mark.parametrize("as_event", [True, False])
async def test_a_key_counts_once_however_it_comes(ports: RtpPorts, *, in_sound: bool, as_event: bool) -> None:
    """Some gateways leave the beginning of a tone in the sound, some the whole of it, and some send nothing else."""
    with RtpEnd() as far:
        session = await ports.open()
        session.plan(far.plan())
        leg, ear = leg_on(MediaClock(), session)
        for key in "55#":
            codes = g711.l16_to_ulaw(dtmf_tone(key, on_ms=120, off_ms=100))
            began = far.timestamp
            for number in range(11):
                tone = codes[160 * number : 160 * (number + 1)]
                far.rtp.send(far.sound(tone if in_sound else b"\xff" * 160), here(session))
                if as_event and number < 8:
                    event = TelephoneEvent(KEYS.index(key), number >= 5, 10, 160 * (min(number, 5) + 1))
                    far.rtp.send(far.event(build_event(event), began, first=number == 0), here(session))
                await asyncio.sleep(TICK)
        await asyncio.sleep(0.1)
        assert ear.keys == ("55#" if in_sound or as_event else "")
        leg.close()


async def test_two_legs_joined_hear_one_another_sample_for_sample(ports: RtpPorts) -> None:
    clock = MediaClock()
    with RtpEnd() as one, RtpEnd() as other, Mixer(clock) as mixer:
        sessions = [await ports.open(), await ports.open()]
        legs = []
        for session, far in zip(sessions, (one, other), strict=True):
            session.plan(far.plan())
            legs.append(leg_on(clock, session)[0])
            mixer.join(legs[-1])
        said = [bytes((number + 1, *range(1, 127), *range(1, 34))) for number in range(60)]
        due = asyncio.get_running_loop().time()
        for codes in said:
            one.rtp.send(one.sound(codes), here(sessions[0]))
            due += TICK
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))

        def through() -> list[bytes]:
            return [packet.payload for packet in other.came if packet.payload in said]

        await until(lambda: len(through()) >= 40)
        # The clock of a busy machine may cost a frame; none is changed, doubled or out of its order.
        assert through() == [codes for codes in said if codes in through()]
        for leg in legs:
            leg.close()


async def test_the_legs_clock_takes_over_and_gives_back(ports: RtpPorts) -> None:
    with RtpEnd() as far:
        session = await ports.open()
        session.plan(far.plan())
        await until(lambda: len(far.came) >= 3)
        leg, _ = leg_on(MediaClock(), session)
        leg.background = Samples(bytes((7, 7)) * 160, loop=0)
        await until(lambda: far.came[-1].payload != b"\xff" * 160)
        begun = len(far.came)
        await until(lambda: len(far.came) >= begun + 20)
        leg.close()
        await until(lambda: far.came[-1].payload == b"\xff" * 160)
        await until(lambda: len(far.came) >= begun + 30)
        times = [packet.timestamp for packet in far.came]
        steps = [(later - before) % (1 << 32) for before, later in zip(times, times[1:], strict=False)]
        # Where nobody sent for a while the time goes on, told by a marker.
        assert len([step for step in steps if step != 160]) <= 3
        assert all(packet.marker for packet, step in zip(far.came[1:], steps, strict=True) if step != 160)
