"""tshark's reading of a whole session: binds, messages of every kind, receipts, refusals, leave."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from simulator.smpp.link import Manners
from telecore.errors import DeviceRefused
from tests.fakes.dissect import Capture
from tests.fakes.smpp_site import HANDSET, NUMBERS, running, smsc, until

HERE, THERE = ("127.0.0.1", 41000), ("127.0.0.1", 2775)


@asynccontextmanager
async def relayed(port, capture):
    """A port before the SMSC's, with every octet on record."""

    async def carry(reader, writer, source, destination):
        while data := await reader.read(65536):
            capture.tcp(source, destination, data)
            writer.write(data)
        writer.close()

    async def accept(reader, writer):
        there = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, there[1], HERE, THERE), carry(there[0], writer, THERE, HERE))

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def session(capture, long):
    async with smsc(Manners(deliver_by_sar=long == "sar")) as s, relayed(s.server.port, capture) as port:
        async with running(port, long=long, enquire_s=0.2, system_type="VMA", service_type="CMT") as r:
            await r.submit("hello @€", validity_s=3600)
            await r.submit("The quick brown fox. " * 20)
            await r.submit("សួស្តី " * 20)
            await r.submit("now", flash=True)
            await r.submit("app", port=16000)
            with pytest.raises(DeviceRefused):
                await r.submit("nobody", to="")
            s.handset().send(NUMBERS[0], "back")
            s.handset().send(NUMBERS[1], "back, and long. " * 20)
            await until(lambda: len(r.core.parts) >= 4 and len(r.core.reports) >= 5)
            await asyncio.sleep(0.5)
        await asyncio.sleep(0.05)


@pytest.mark.parametrize("long", ["udh", "payload", "sar"])
async def test_tshark_reads_it_without_a_complaint(long):
    capture = Capture()
    await session(capture, long)
    fields = ("smpp.command_id", "smpp.command_status", "smpp.destination_addr", "smpp.validity_period_r")
    seen = await asyncio.to_thread(capture.dissect, {THERE[1]: "smpp"}, fields=fields)
    assert seen.complaints == []
    packets = seen.of("smpp")
    commands = {int(value, 0) for packet in packets for value in packet.fields["smpp.command_id"]}
    assert commands == {0x9, 0x80000009, 0x4, 0x80000004, 0x5, 0x80000005, 0x15, 0x80000015, 0x6, 0x80000006}
    submitted = [value for packet in packets for value in packet.fields["smpp.destination_addr"]]
    assert HANDSET[1:] in submitted
    malformed = [packet.number for packet in seen.packets if "_ws.malformed" in packet.protocols]
    assert malformed == []
