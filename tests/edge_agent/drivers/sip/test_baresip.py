"""baresip, a user agent that is not ours: it registers, calls and is called, with sound, hold and keys both ways."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from edge_agent.contracts import PcmStream
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.settings import Credentials, LineSettings, Registers, SipSettings
from edge_agent.drivers.sip.transaction import Intervals
from edge_agent.media.source import SILENCE
from telecore.audio.mixing import rms
from tests.fakes.baresip import Baresip, baresip, needs_baresip
from tests.fakes.sip_site import LINE1, Heard, Site, gateway, site

pytestmark = needs_baresip

USER = "85512345678"
"""It takes calls for its own name only, so a number it is."""


async def loudest(pcm: PcmStream, for_s: float) -> float:
    """RMS of the loudest frame that comes within this time."""
    levels = [0.0]
    pcm.on_frame = lambda frame: levels.append(rms(frame))
    await asyncio.sleep(for_s)
    return max(levels)


@pytest.mark.timeout(60)
async def test_baresip_registers_and_calls_both_ways(tmp_path: Path) -> None:
    lines = (LineSettings(LINE1, USER, Credentials(USER, "secret")),)
    far = gateway(9, host="127.0.0.1", registers=Registers.WITH_US, lines=lines)
    media = RtpPorts(SipSettings(rtp_low=26_000, rtp_high=26_400))
    async with site(far, intervals=Intervals(), media=media) as ours:
        account = (
            f"<sip:{USER}@127.0.0.1:{ours.port}>;auth_user={USER};auth_pass=secret;regint=60;answermode=auto"
            ";audio_codecs=PCMA"
        )
        async with baresip(tmp_path, account) as phone:
            state = await ours.told.until(LINE1, up=True)
            assert "baresip" in state.user_agent
            await it_calls_us(ours, phone)
            await we_call_it(ours, phone)
        assert ours.stack.counts["malformed"] == 0
        assert ours.stack.counts["dialogs"] == 0


async def it_calls_us(ours: Site, phone: Baresip) -> None:
    phone.command("dial", f"sip:1000@127.0.0.1:{ours.port}")
    call = await asyncio.wait_for(ours.told.calls.get(), 5)
    await call.voice.answer()
    await phone.until("CALL_ESTABLISHED")
    pcm = call.voice.pcm
    assert pcm is not None
    assert await loudest(pcm, 0.6) > 1000
    phone.command("hold")
    await asyncio.sleep(0.3)
    assert await loudest(pcm, 0.4) < 100
    phone.command("resume")
    await asyncio.sleep(0.3)
    assert await loudest(pcm, 0.4) > 1000
    await phone.press("5")
    await ours.told.heard.until("digit")
    assert ours.told.heard.digits == "5"
    phone.command("hangup")
    assert (await ours.told.heard.until("ended")).cause == 16


async def we_call_it(ours: Site, phone: Baresip) -> None:
    heard = Heard()
    call = await ours.peer.voice(LINE1).dial(USER, heard)
    await heard.until("answered", 6)
    assert call.pcm is not None
    call.pcm.send(SILENCE)
    assert await loudest(call.pcm, 0.6) > 1000
    await call.send_digits("7")
    assert (await phone.until("CALL_DTMF_START"))["param"] == "7"
    await call.hang_up()
    await phone.until("CALL_CLOSED")
    assert heard.kinds[-1] == "ended"
