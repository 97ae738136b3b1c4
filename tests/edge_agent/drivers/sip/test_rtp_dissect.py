"""What tshark says of a whole call of ours: sound, keys, reports and goodbyes."""

from __future__ import annotations

import asyncio

from edge_agent.drivers.sip.rtp import RtpPorts
from edge_agent.drivers.sip.settings import SipSettings
from telecore.audio.frames import Encoding
from tests.fakes.dissect import Capture, Severity
from tests.fakes.rtp_end import RtpEnd, here, until


async def test_rtp_and_rtcp_dissect_without_a_complaint() -> None:
    ports, capture = RtpPorts(SipSettings(rtp_low=25_700, rtp_high=25_799)), Capture()
    with RtpEnd() as far:
        session = await ports.open()
        session.plan(far.plan(Encoding.PCMA))
        session._report(goodbye=False)
        for number in range(20):
            far.rtp.send(far.sound(bytes(160), 8), here(session))
            session.send(bytes((number, 1)) * 160)
            await asyncio.sleep(0.01)
        session._report(goodbye=False)
        session.send_digits("5")
        await until(lambda: len([packet for packet in far.came if packet.payload_type == 101]) == 10)
        session.close()
        await until(lambda: len(far.rtcp.came) == 3)
        for data, source in far.rtp.came:
            capture.udp(source, far.rtp.place, data)
        for data, source in far.rtcp.came:
            capture.udp(source, far.rtcp.place, data)
    ports.close()
    seen = capture.dissect(
        {session.port: "rtp", session.port + 1: "rtcp"},
        fields=("rtp.p_type", "rtpevent.event_id", "rtcp.pt", "rtcp.sdes.text"),
        options=("-d", "rtp.pt==101,rtpevent"),
        least=Severity.NOTE,
    )
    assert seen.complaints == []
    assert len(seen.of("rtp")) == len(far.rtp.came)
    assert [packet.fields["rtpevent.event_id"] for packet in seen.of("rtpevent")] == [("5",)] * 10
    kinds = [packet.fields["rtcp.pt"] for packet in seen.of("rtcp")]
    assert kinds == [("201", "202"), ("200", "202"), ("200", "202", "203")]
