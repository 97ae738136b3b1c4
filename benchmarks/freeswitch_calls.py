"""What the same calls cost a FreeSWITCH: our peer figure for ``rtp_calls.py``.

The prefix of one is named by SIMFERRY_FREESWITCH. It runs with the configuration of docs/freeswitch, is told to call a
far end so many times, and then echoes what it hears, or plays a tone while it listens: the second is what a leg of ours
does. The far end is a process apart. ``python -m benchmarks.freeswitch_calls 128 10`` for 128 calls during 10 s.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edge_agent.drivers.freeswitch.event_socket import EventSocket
from edge_agent.drivers.freeswitch.event_text import EslMessage
from tests.fakes.real_freeswitch import PASSWORD, PREFIX, RealFreeswitch, free_port

TICK_S = 0.02
SETTLE_S = 2.0
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 1024 / 1024
_ALAW = bytes(range(160))
WORKS = {"echo": "&echo", "tone": "&endless_playback(tone_stream://%(1000,0,440);loops=-1)"}


def there() -> bool:
    """Whether a FreeSWITCH is named that can be measured."""
    return Path(PREFIX, "bin", "freeswitch").exists()


def rows(calls: int, seconds: float) -> dict[str, dict[str, float]]:
    """Per kind of work: ``core`` in % of one, ``memory_mb`` over idle, ``idle_mb``, ``packets`` per call and second."""
    return {work: measure(work, calls, seconds) for work in WORKS}


def measure(work: str, calls: int, seconds: float) -> dict[str, float]:
    """One FreeSWITCH, started for it, with so many calls of one kind."""
    far = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.freeswitch_calls", "far", str(calls)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert far.stdout is not None
    assert far.stdin is not None
    sip_port = int(far.stdout.readline())
    with tempfile.TemporaryDirectory() as folder:
        switch = RealFreeswitch(
            Path(folder),
            free_port(),
            sip_port,
            trunk_register="false",
            trunk_ping="0",
            rtp_low="61000",
            rtp_high="65000",
        )
        switch.start()
        try:
            figures = asyncio.run(_with_calls(switch, WORKS[work], calls, seconds))
            far.stdin.write("\n")
            far.stdin.flush()
            heard = json.loads(far.stdout.readline())
        finally:
            switch.stop()
            far.kill()
            far.wait()
            far.stdin.close()
            far.stdout.close()
    return {**figures, "packets": heard["packets"] / calls / heard["seconds"]}


async def _with_calls(switch: RealFreeswitch, work: str, calls: int, seconds: float) -> dict[str, float]:
    answered = 0

    def count(event: EslMessage) -> None:
        nonlocal answered
        answered += event.name == "CHANNEL_ANSWER"

    assert switch.process is not None
    pid = switch.process.pid
    client = EventSocket("127.0.0.1", switch.esl_port, PASSWORD, count)
    await client.open()
    await client.command("event plain CHANNEL_ANSWER BACKGROUND_JOB")
    await asyncio.sleep(SETTLE_S)
    idle = _resident(pid)
    for number in range(calls):
        await client.command(f"bgapi originate sofia/gateway/trunk1/{number} {work}")
        await asyncio.sleep(0.02)
    for _ in range(100):
        if answered == calls:
            break
        await asyncio.sleep(0.1)
    assert answered == calls, f"{answered} of {calls} calls are up"
    await asyncio.sleep(SETTLE_S)
    cpu, wall = _cpu(pid), time.monotonic()
    await asyncio.sleep(seconds)
    core = 100 * (_cpu(pid) - cpu) / (time.monotonic() - wall)
    used = _resident(pid) - idle
    await client.close()
    return {"core": core, "memory_mb": used, "idle_mb": idle}


def _cpu(pid: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S


def _resident(pid: int) -> float:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_MB


def far_end(calls: int) -> None:
    """Answers every INVITE with a socket of its own, and sends 50 packets a second to where its SDP said.

    On a line of input: how many packets came since the last call was up, and in how long.
    """
    sip, peers, seen = _bound(), [], set[str]()
    print(sip.getsockname()[1], flush=True)
    os.set_blocking(sys.stdin.fileno(), False)
    began, step, heard, since = time.monotonic(), 0, 0, time.monotonic()
    while True:
        peers += _answered(sip, seen)
        for number, (made, to) in enumerate(peers):
            heard += _drained(made)
            header = bytes((0x80, 8)) + (step % 65536).to_bytes(2) + (step * 160 % (1 << 32)).to_bytes(4)
            made.sendto(header + number.to_bytes(4) + _ALAW, to)
        if len(peers) < calls:
            heard, since = 0, time.monotonic()
        elif step % 10 == 0 and sys.stdin.read(1):
            print(json.dumps({"packets": heard, "seconds": time.monotonic() - since}), flush=True)
        step += 1
        time.sleep(max(0.0, began + step * TICK_S - time.monotonic()))


def _answered(sip: socket.socket, seen: set[str]) -> list[tuple[socket.socket, tuple[str, int]]]:
    """The calls that came meanwhile, with where their sound goes."""
    found = []
    try:
        while True:
            data, source = sip.recvfrom(8192)
            text = data.decode()
            call = re.search(r"Call-ID: (\S+)", text)
            if not text.startswith("INVITE") or call is None or call[1] in seen:
                continue
            seen.add(call[1])
            made = _bound()
            sip.sendto(_ok(text, sip.getsockname()[1], made.getsockname()[1]), source)
            port = re.search(r"m=audio (\d+)", text)
            found.append((made, ("127.0.0.1", int(port[1]) if port else 9)))
    except BlockingIOError:
        return found


def _ok(invite: str, sip_port: int, rtp_port: int) -> bytes:
    kept = [line for line in invite.split("\r\n") if re.match(r"Via|From|Call-ID|CSeq|Record-Route", line)]
    to = next(line for line in invite.split("\r\n") if line.startswith("To:"))
    sdp = (
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
        f"m=audio {rtp_port} RTP/AVP 8\r\na=ptime:20\r\n"
    )
    head = ["SIP/2.0 200 OK", *kept, f"{to};tag=1", f"Contact: <sip:far@127.0.0.1:{sip_port}>"]
    head += ["Content-Type: application/sdp", f"Content-Length: {len(sdp)}"]
    return ("\r\n".join(head) + "\r\n\r\n" + sdp).encode()


def _drained(made: socket.socket) -> int:
    count = 0
    try:
        while True:
            made.recv(2048)
            count += 1
    except BlockingIOError:
        return count


def _bound() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.setblocking(False)
    made.bind(("127.0.0.1", 0))
    return made


def main(calls: int, seconds: float) -> None:
    """Print the rows, if there is a FreeSWITCH to be measured."""
    if not there():
        print("FreeSWITCH: not measured, SIMFERRY_FREESWITCH names none")
        return
    for work, figures in rows(calls, seconds).items():
        rest = {key: round(value, 2) for key, value in figures.items() if key != "core"}
        print(f"{calls} calls, FreeSWITCH, {work:<5} {figures['core']:5.1f} % of a core   {rest}")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["far", calls]:
            far_end(int(calls))
        case [calls, seconds]:
            main(int(calls), float(seconds))
        case _:
            main(128, 10.0)
