"""SMPP: submits a second in a window of 10, by turns with smpplib's own client against the same sink.

``link``: our connection alone. ``driver``: with the SmsService on it. ``persisted``: with the queue and the spool, from
queued rows to MessageSubmitted rows, every state committed with fsync. ``python -m benchmarks.smpp_submits
link|driver|persisted|smpplib PORT`` is one of those processes.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge_agent.contracts import OutboundSms, SmsService, SubmitRef
from edge_agent.drivers.gateway.smpp import SmppDevice
from edge_agent.drivers.gateway.smpp_pdu import ShortMessage, SmeAddress
from edge_agent.drivers.gateway.smpp_settings import SmppSettings
from edge_agent.messages import Messages
from edge_agent.spool import Spool, Taken
from scripts.labkit.processes import ROOT, environment
from telecore.commands import SendMessage
from telecore.ids import E164, ChannelId, DeviceId, MessageSid

ROUNDS = 3
WINDOW = 10
COUNTS = {"link": 60_000, "driver": 40_000, "persisted": 12_000, "smpplib": 30_000}
TEXT = "The river rises. Move to high ground now."
CHANNEL = ChannelId("bench/smsc")


def recipient(number: int) -> str:
    return f"+8551{number % 10_000_000:07d}"


async def opened(port: int) -> SmppDevice:
    device = SmppDevice(
        SmppSettings(
            DeviceId("smsc"), CHANNEL, "127.0.0.1", "me", port=port, numbers=(E164("+85523000001"),), window=WINDOW
        )
    )
    await device.open()
    return device


async def link(port: int, count: int) -> None:
    """As many as the window takes, and one more for each that is answered."""
    device = await opened(port)
    (connection,) = device._connections
    source = SmeAddress("85523000001", 1, 1)
    done, numbers = asyncio.Event(), iter(range(count))
    left = count

    def next_one(_: object = None) -> None:
        nonlocal left
        number = next(numbers, None)
        if number is not None:
            message = ShortMessage(source, SmeAddress(recipient(number)[1:], 1, 1), TEXT.encode(), registered=1)
            connection.send(message).add_done_callback(answered)

    def answered(_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            done.set()
        next_one()

    for _ in range(WINDOW):
        next_one()
    await done.wait()
    await device.close()


async def driver(port: int, count: int) -> None:
    """As many tasks as the window takes, each one message after the other."""
    device = await opened(port)
    service = device.channels[0].sms
    assert service is not None
    numbers = iter(range(count))

    async def noted(ref: SubmitRef) -> None:
        del ref

    async def work() -> None:
        for number in numbers:
            await service.submit(OutboundSms(recipient(number), TEXT), 0, noted)

    await asyncio.gather(*(work() for _ in range(WINDOW)))
    await device.close()


class _Lines:
    def __init__(self, service: SmsService) -> None:
        self._service = service

    def sms(self, channel: ChannelId) -> SmsService:
        return self._service

    def registered(self, channel: ChannelId) -> bool:
        return True

    def number(self, channel: ChannelId) -> None:
        return None


async def persisted(port: int, count: int) -> float:
    """Seconds from the first begun submit to the last MessageSubmitted on disk; the rows were queued before."""
    device = await opened(port)
    service = device.channels[0].sms
    assert service is not None
    own = ROOT / ".simferry"  # on a disk, where /tmp may be none, and out of git's sight
    own.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=own) as folder:
        spool = await Spool.open(Path(folder) / "spool.db")
        items = [
            Taken(
                "cloud", n, SendMessage(message=MessageSid(f"SM{n:032x}"), channel=CHANNEL, to=recipient(n), body=TEXT)
            )
            for n in range(1, count + 1)
        ]
        await spool.journal(items)
        messages = Messages(spool, _Lines(service))
        began = time.monotonic()
        running = asyncio.create_task(messages.run())
        while spool.depth < count:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        took = time.monotonic() - began
        await messages.stop()
        running.cancel()
        await asyncio.wait([running])
        await spool.close()
    await device.close()
    return took


def smpplib(port: int, count: int) -> None:
    """smpplib's client as its README has it, with a window kept by hand."""
    from smpplib.client import Client

    client = Client("127.0.0.1", port, allow_unknown_opt_params=True)
    client.connect()
    client.bind_transceiver(system_id="me", password="")
    under_way = 0
    for number in range(count):
        if under_way >= WINDOW:
            client.read_pdu()
            under_way -= 1
        client.send_message(
            source_addr_ton=1, source_addr_npi=1, source_addr="85523000001",
            dest_addr_ton=1, dest_addr_npi=1, destination_addr=recipient(number)[1:],
            short_message=TEXT.encode(), registered_delivery=1,
        )  # fmt: skip
        under_way += 1
    while under_way:
        client.read_pdu()
        under_way -= 1
    client.unbind()
    client.disconnect()


def measure(what: str, port: int) -> dict[str, float]:
    """One turn of one of them."""
    count, began, cpu = COUNTS[what], time.monotonic(), time.process_time()
    took = None
    if what == "persisted":
        took = asyncio.run(persisted(port, count))
    elif what == "smpplib":
        smpplib(port, count)
    else:
        asyncio.run((link if what == "link" else driver)(port, count))
    took = took or time.monotonic() - began
    return {"per_s": count / took, "cpu_us": (time.process_time() - cpu) / count * 1e6}


@contextmanager
def sink() -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.smpp_sink", "serve"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT, env=environment(),
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(10)


def main() -> None:
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1], int(sys.argv[2]))))
        return
    best: dict[str, dict[str, float]] = {}
    with sink() as port:
        for _ in range(ROUNDS):
            for what in COUNTS:
                command = [sys.executable, "-m", "benchmarks.smpp_submits", what, str(port)]
                output = subprocess.run(command, capture_output=True, check=True, cwd=ROOT, env=environment()).stdout
                figures = json.loads(output.splitlines()[-1])
                if what not in best or figures["per_s"] > best[what]["per_s"]:
                    best[what] = figures
    peer = best["smpplib"]["per_s"]
    print(f"window {WINDOW}, best of {ROUNDS}")
    for what, figures in best.items():
        ratio = figures["per_s"] / peer
        print(f"{what:10} {figures['per_s']:9,.0f} submits/s  {figures['cpu_us']:6.1f} us CPU  x{ratio:.2f} of smpplib")


if __name__ == "__main__":
    main()
