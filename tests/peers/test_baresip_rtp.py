"""Sound and keys between our RTP and baresip's, which was written by others. SIP is as little as it takes."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from edge_agent.drivers.sip.media import MediaPlan
from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.settings import SipSettings
from telecore.audio.frames import FRAME_BYTES, Encoding
from telecore.audio.tone import tone
from telecore.audio.tone_level import ToneLevel
from tests.fakes.rtp_end import Wire, until
from tests.peers.baresip import Handset, handset
from tests.peers.program import needs

pytestmark = needs("baresip")
OURS, THEIRS = 1000, 450


def level(sound: bytes, freq: int) -> float:
    found = ToneLevel(freq)
    for begin in range(0, len(sound), FRAME_BYTES):
        found.feed(sound[begin : begin + FRAME_BYTES])
    return found.level


class Caller:
    """Just enough SIP for one call."""

    def __init__(self, phone: Handset, payload_type: int, name: str) -> None:
        self._wire = Wire()
        self._to = ("127.0.0.1", phone.port)
        self._codec = payload_type, name

    async def invite(self, rtp_port: int) -> int:
        """Where the handset listens."""
        number, name = self._codec
        sdp = (
            f"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {rtp_port} RTP/AVP {number} 101\r\na=rtpmap:{number} {name}/8000\r\n"
            f"a=rtpmap:101 telephone-event/8000\r\n"
        )

        def answers() -> list[str]:
            invite = self._request("INVITE", 1, body=sdp)
            if not self._wire.came:
                self._wire.send(invite, self._to)
            return [data.decode() for data, _ in self._wire.came if data.startswith(b"SIP/2.0 200")]

        await until(answers, 10)
        answer = answers()[0]
        self._tag = re.search(r"\r\nTo:[^\r]*(;tag=[^;\r]+)", answer)[1]  # type: ignore[index]
        self._wire.send(self._request("ACK", 1, self._tag), self._to)
        return int(re.search(r"m=audio (\d+)", answer)[1])  # type: ignore[index]

    async def bye(self) -> None:
        before = len(self._wire.came)
        self._wire.send(self._request("BYE", 2, self._tag), self._to)
        await until(lambda: len(self._wire.came) > before)
        self._wire.close()

    def _request(self, method: str, number: int, tag: str = "", body: str = "") -> bytes:
        me = "{}:{}".format(*self._wire.place)
        there = "{}:{}".format(*self._to)
        kind = "Content-Type: application/sdp\r\n" if body else ""
        return (
            f"{method} sip:handset@{there} SIP/2.0\r\nVia: SIP/2.0/UDP {me};branch=z9hG4bK{method}{number};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: <sip:us@{me}>;tag=1\r\nTo: <sip:handset@{there}>{tag}\r\n"
            f"Call-ID: one@{me}\r\nCSeq: {number} {'INVITE' if method == 'ACK' else method}\r\n"
            f"Contact: <sip:us@{me}>\r\n{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        ).encode()


@pytest.mark.parametrize(("encoding", "payload_type"), [(Encoding.PCMA, 8), (Encoding.PCMU, 0)])
async def test_sound_both_ways_and_keys(tmp_path: Path, encoding: Encoding, payload_type: int) -> None:
    ports = RtpPorts(SipSettings(rtp_low=26_000, rtp_high=26_099))
    with handset(tmp_path, tone([THEIRS], 20_000), codec=encoding.value) as phone:
        session = await ports.open()
        heard: list[bytes] = []
        session.on_frame = heard.append
        caller = Caller(phone, payload_type, encoding.value)
        port = await caller.invite(session.port)
        session.plan(MediaPlan("127.0.0.1", port, encoding, payload_type, dtmf=101))
        ours = tone([OURS], 2000)
        due = asyncio.get_running_loop().time()
        for begin in range(0, len(ours), FRAME_BYTES):
            due += 0.02
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            session.send(ours[begin : begin + FRAME_BYTES])
        await asyncio.sleep(session.send_digits("5#", tone_ms=100) + 0.1)
        stats = session.stats()
        await caller.bye()
        assert level(b"".join(heard), THEIRS) == pytest.approx(-10, abs=1)
        assert level(phone.heard(), OURS) == pytest.approx(-10, abs=1)
        said = phone.log.read_text(errors="replace")
        assert [re.search(f"received event: '{key}'", said) is not None for key in "5#"] == [True, True], said[-2000:]
    assert (stats.lost, stats.late) == (0, 0)
    assert stats.received > 80
    ports.close()
