"""call_sound.py: a sound path that becomes bad is mended between two calls, and told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge_agent.drivers.at_modem import call_sound
from telecore.events import ChannelHealed
from tests.edge_agent.drivers import test_at_voice_families as families
from tests.edge_agent.drivers.test_at_voice_families import QUECTEL, answered, line, start  # noqa: F401 (fixtures)


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    monkeypatch.setattr(call_sound, "IDLE_S", 0.02)


def profile(**audio):
    return replace(QUECTEL, audio=replace(QUECTEL.audio, recover=("AT+CRESET",), **audio))


async def call_once(voice, line, port, until):  # noqa: F811
    call, _ = await answered(voice, line, until)
    await call.hang_up()
    await until(lambda: "AT+QPCMV=0" in port.modem.log[-3:])


async def test_a_refused_enable_marks_the_path(start, line, port, core, until):  # noqa: F811
    voice = start(profile(degraded_when_refused=True))
    refusals = ["ERROR"]
    port.modem.answers["AT+QPCMV=1,0"] = lambda modem, text: refusals.pop() if refusals else "OK"
    await call_once(voice, line, port, until)
    await until(lambda: core.events)
    healed = core.events[0]
    assert isinstance(healed, ChannelHealed)
    assert (healed.step, healed.outcome) == ("audio", "worked")
    assert "refused at first" in healed.evidence[0]
    assert port.modem.log.index("AT+CRESET") > port.modem.log.index("AT+QPCMV=0")


async def test_not_while_the_line_is_in_the_next_call(start, line, port, core, until, monkeypatch):  # noqa: F811
    monkeypatch.setattr(call_sound, "IDLE_S", 0.2)
    voice = start(profile(reset_after_calls=1))
    await call_once(voice, line, port, until)
    await answered(voice, line, until)
    await families.asyncio.sleep(0.3)
    assert "AT+CRESET" not in port.modem.log


async def test_after_so_many_calls(start, line, port, core, until):  # noqa: F811
    voice = start(profile(reset_after_calls=2))
    await call_once(voice, line, port, until)
    await families.asyncio.sleep(0.05)
    assert "AT+CRESET" not in port.modem.log
    await call_once(voice, line, port, until)
    await until(lambda: core.events)
    assert "2 calls" in core.events[0].evidence[0]


async def test_a_modem_that_takes_no_sound(start, line, port, core, until):  # noqa: F811
    voice = start(profile())
    call, _ = await answered(voice, line, until)
    port.modem.urc("+QPCMV: 0,0")
    await families.asyncio.sleep(0.01)
    for _ in range(150):
        call.pcm.send(bytes(320))
    await call.hang_up()
    await until(lambda: core.events)
    assert "0 of 150 frames" in core.events[0].evidence[0]


async def test_a_recovery_that_is_refused(start, line, port, core, until):  # noqa: F811
    voice = start(profile(reset_after_calls=1))
    port.modem.answers["AT+CRESET"] = "ERROR"
    await call_once(voice, line, port, until)
    await until(lambda: core.events)
    assert core.events[0].outcome == "failed"


async def test_a_good_path_is_left_alone(start, line, port, core, until):  # noqa: F811
    voice = start(profile(degraded_when_refused=True, reset_after_calls=5))
    await call_once(voice, line, port, until)
    await families.asyncio.sleep(0.05)
    assert core.events == []
