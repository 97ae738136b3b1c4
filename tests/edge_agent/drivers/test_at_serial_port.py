"""serial_port.py on pseudo terminals, which behave as a modem's port does when it is pulled out."""

from __future__ import annotations

import asyncio
import os
import termios

import pytest
from blockbuster import blockbuster_ctx

from edge_agent.drivers.at_modem.serial_port import SerialPort
from telecore.errors import DeviceLost


@pytest.fixture
async def opened(pty_modem):
    port = SerialPort(pty_modem.path)
    port.received = bytearray()
    port.losses = []
    port.on_data = port.received.extend
    port.on_lost = port.losses.append
    with blockbuster_ctx():
        port.open()
        yield port
        port.close()


async def test_both_ways(opened, pty_modem, until):
    assert opened.write(b"AT\r")
    await until(lambda: b"OK" in opened.received)
    assert bytes(pty_modem.heard) == b"AT\r"


async def test_bytes_are_not_touched(opened, pty_modem, until):
    every = bytes(range(256)) * 4
    pty_modem.modem.send(every)
    await until(lambda: len(opened.received) == len(every))
    assert bytes(opened.received) == every
    pty_modem.modem.receive = lambda data: None
    opened.write(every)
    await until(lambda: len(pty_modem.heard) == len(every))
    assert bytes(pty_modem.heard) == every


async def test_unplugged_is_told_once(opened, pty_modem, until):
    pty_modem.unplug()
    await until(lambda: opened.losses)
    assert not opened.write(b"AT\r")
    opened.write(b"AT\r")
    await asyncio.sleep(0.05)
    [error] = opened.losses
    assert isinstance(error, DeviceLost)


async def test_loss_seen_by_a_write_does_not_run_inside_it(opened, pty_modem):
    pty_modem.unplug()
    inside = True
    opened.on_lost = lambda error: opened.losses.append(inside)
    while opened.write(b"x" * 100) and not opened.lost:  # noqa: ASYNC110
        await asyncio.sleep(0)
    inside = False
    await asyncio.sleep(0)
    assert opened.losses == [False]


async def test_second_opening_is_refused(opened, pty_modem):
    with pytest.raises(DeviceLost, match="in use"):
        SerialPort(pty_modem.path).open()


async def test_closed_port_may_be_opened_again(opened, pty_modem, until):
    opened.close()
    opened.open()
    opened.write(b"AT\r")
    await until(lambda: b"OK" in opened.received)


@pytest.mark.parametrize(
    ("path", "words"), [("/dev/simferry-none", "no such port"), ("/dev/null", "not a serial port")]
)
async def test_what_cannot_be_opened(path, words):
    with pytest.raises(DeviceLost, match=words):
        SerialPort(path).open()


async def test_writing_never_blocks_and_is_bounded(pty_modem, until):
    asyncio.get_running_loop().remove_reader(pty_modem._master)
    port = SerialPort(pty_modem.path, unsent_limit=20_000)
    with blockbuster_ctx():
        port.open()
        taken = 0
        while port.write(b"x" * 1000):
            taken += 1000
            assert taken < 1_000_000
        assert 0 < port.unsent <= 20_000
        pty_modem.modem.receive = lambda data: None
        asyncio.get_running_loop().add_reader(pty_modem._master, pty_modem._read)
        await until(lambda: len(pty_modem.heard) == taken)
        assert port.unsent == 0
        assert port.write(b"y")
        port.close()


async def test_fifty_openings_leave_no_descriptor(pty_modem):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(50):
        port = SerialPort(pty_modem.path)
        port.open()
        port.close()
    assert len(os.listdir("/proc/self/fd")) == before


async def test_second_opening_under_another_name_is_refused(opened, pty_modem, tmp_path):
    await asyncio.to_thread((tmp_path / "by-path").symlink_to, pty_modem.path)
    with pytest.raises(DeviceLost, match="in use"):
        SerialPort(str(tmp_path / "by-path")).open()
    assert opened.write(b"AT\r")


async def test_a_refused_opening_keeps_nothing(pty_modem, monkeypatch):
    """Defect K: after a failure half way nobody reads the port any more, and it may be opened again."""
    before = len(os.listdir("/proc/self/fd"))
    port = SerialPort(pty_modem.path)

    def fail():
        raise OSError("half way")

    monkeypatch.setattr(port, "_keep_others_out", fail)
    with pytest.raises(DeviceLost, match="half way"):
        port.open()
    assert len(os.listdir("/proc/self/fd")) == before
    again = SerialPort(pty_modem.path)
    again.open()
    again.close()


@pytest.mark.parametrize("rtscts", [False, True])
async def test_flow_control_is_what_was_asked_for(pty_modem, rtscts):
    """Defect M: lines that a UART does not have must not hold up writing."""
    port = SerialPort(pty_modem.path, rtscts=rtscts)
    port.open()
    flags = termios.tcgetattr(port._fd)[2]
    assert bool(flags & termios.CRTSCTS) is rtscts
    assert port._serial.dsrdtr is False
    port.close()
