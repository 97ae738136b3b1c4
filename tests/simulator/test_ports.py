"""The pseudo terminals of a real process: speech in real time, agents that come and go, a device that vanishes."""

import fcntl
import math
import os
import resource
import struct
import termios
import time
from pathlib import Path

import pytest
import serial

from telecore.audio.wav import read_wav
from tests.simulator.rig import At, Rig, until

ANSWERS = "+85512000001"
SECONDS = 20
pytestmark = pytest.mark.realtime


def tone(seconds: float) -> bytes:
    """A tone that never repeats within the test, so that a lost or doubled frame shows."""
    count = round(seconds * 8000)
    rising = (9000 * math.sin(2 * math.pi * (300 + n / 400) * n / 8000) for n in range(count))
    return struct.pack(f"<{count}h", *(round(value) or 1 for value in rising))


def answered(rig: Rig, index: int) -> At:
    line = rig.at(index)
    line.ask(f"ATD{ANSWERS};")
    line.read_until("BEGIN")
    line.ask("AT+CPCMREG=1")
    return line


def speak_at_pace(port: int, speech: bytes) -> bytes:
    """Write 320 bytes each 20 ms, as an agent does; what was read meanwhile."""
    heard = bytearray()
    due = time.monotonic()
    for start in range(0, len(speech), 320):
        os.write(port, speech[start : start + 320])
        due += 0.02
        time.sleep(max(0.0, due - time.monotonic()))
        try:
            heard += os.read(port, 65536)
        except BlockingIOError:
            continue
    return bytes(heard)


def test_speech_is_heard_without_gap_or_repeat_in_real_time(rig: Rig) -> None:
    line = answered(rig, 1)
    port = os.open(rig.line["modems"][0]["pcm"], os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    speech = tone(SECONDS)
    before = time.monotonic()
    heard_here = speak_at_pace(port, speech)
    assert time.monotonic() - before < SECONDS + 1
    time.sleep(0.3)
    call = rig.api.get("/calls")[-1]
    heard = read_wav(rig.api.get(f"/calls/{call['id']}/heard.wav")).samples
    assert speech in heard
    assert SECONDS * 49 * 320 < len(heard_here) < SECONDS * 51.5 * 320
    line.ask("AT+CHUP")
    os.write(port, speech[:3200])
    os.close(port)


def test_two_calls_of_four_modems_cost_little(rig: Rig) -> None:
    pid = rig.process.pid
    lines = []
    for caller, called in ((1, 2), (3, 4)):
        other = rig.at(called)
        line = rig.at(caller)
        line.ask(f"ATD{rig.line['numbers'][called - 1]};")
        other.read_until("RING")
        other.ask("ATA")
        line.read_until("BEGIN")
        line.ask("AT+CPCMREG=1")
        other.ask("AT+CPCMREG=1")
        lines += [line, other]
    before = cpu(pid)
    time.sleep(2)
    in_calls = (cpu(pid) - before) / 2
    for line in lines:
        line.ask("AT+CHUP")
    before = cpu(pid)
    time.sleep(2)
    idle = (cpu(pid) - before) / 2
    print(f"share of a core: {in_calls:.3f} in two calls, {idle:.3f} idle")
    assert in_calls < 0.15
    assert idle < 0.03


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_nobody_reads_and_nothing_grows(rig: Rig) -> None:
    line = rig.at(2)
    for _ in range(300):
        line.port.write(b"AT+CLAC\r")
        line.port.reset_input_buffer()
    status = Path(f"/proc/{rig.process.pid}/statm").read_text().split()
    assert int(status[1]) * resource.getpagesize() < 200_000_000
    line.port.reset_input_buffer()
    time.sleep(0.5)
    line.port.reset_input_buffer()
    line.seen = ""


def test_an_agent_that_dies_leaves_the_port_usable(rig: Rig) -> None:
    def opened() -> At | None:
        try:
            return rig.at(3)
        except serial.SerialException:  # the simulator is about to see that the last one died
            return None

    for _ in range(5):
        line = until(opened)
        fcntl.ioctl(line.port.fileno(), termios.TIOCEXCL)
        assert line.ask("AT") == ""
        line.close()


def test_an_unplugged_modem_ends_the_file_and_comes_back(rig: Rig) -> None:
    line = rig.at(4)
    link = Path(rig.line["modems"][3]["at"])
    fault = rig.api.post("/faults", {"kind": "modem_unplugged", "target": "modem4"})
    assert not link.is_symlink()
    with pytest.raises((serial.SerialException, OSError, termios.error)):
        until(lambda: line.port.read(10) and line.port.write(b"AT\r") and False)
    assert rig.api.ask("DELETE", f"/faults/{fault['id']}")[0] == 200
    until(link.exists)
    fresh = At(str(link))
    fresh.read_until("PB DONE")
    fresh.ask("AT")
    fresh.close()
    rig.registered(4)
