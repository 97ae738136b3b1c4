"""Power of a USB socket, on a tree of files that looks like sysfs, and by real commands."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from edge_agent.config import HealingConfig
from edge_agent.devices.usb_power import UsbPower
from telecore.errors import DeviceRefused


@pytest.fixture
def sysfs(tmp_path: Path) -> Path:
    """A modem at 1-1.2 with one serial port."""
    sys = tmp_path / "sys"
    device = sys / "devices/usb1/1-1/1-1.2"
    (device / "1-1.2:1.2/ttyUSB2").mkdir(parents=True)
    (device / "idVendor").write_text("1e0e\n")
    (device / "authorized").write_text("1")
    bus = sys / "bus/usb/devices"
    bus.mkdir(parents=True)
    (bus / "1-1.2").symlink_to(device)
    (bus / "1-1").symlink_to(device.parent)
    tty = sys / "class/tty/ttyUSB2"
    tty.mkdir(parents=True)
    (tty / "device").symlink_to(device / "1-1.2:1.2/ttyUSB2")
    return sys


def power(sysfs: Path, config: HealingConfig | None = None) -> UsbPower:
    return UsbPower(config or HealingConfig(), "modem1", sys=sysfs, off_s=0.01)


async def seen(sysfs: Path, config: HealingConfig | None = None) -> UsbPower:
    """Its port was there once."""
    switch = power(sysfs, config)
    await asyncio.to_thread(switch.see, "/dev/ttyUSB2")
    return switch


@pytest.fixture(autouse=True)
def without_uhubctl(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}/bin:/usr/bin:/bin")


def test_nothing_is_possible_until_its_place_is_known(sysfs: Path) -> None:
    switch = power(sysfs)
    assert not switch.possible
    switch.see("/dev/ttyUSB2")
    assert (switch.plug, switch.possible) == ("1-1.2", True)
    switch.see("/dev/ttyUSB9")
    assert switch.plug == "1-1.2"


def test_a_gateways_port_is_never_taken_for_one_here(sysfs: Path) -> None:
    switch = power(sysfs)
    switch.see("telnet://192.0.2.1/ttyUSB2")
    assert (switch.plug, switch.possible) == (None, False)


async def test_the_kernel_lets_it_go_and_finds_it_anew(sysfs: Path) -> None:
    switch = await seen(sysfs)
    assert await switch.cycle() == "1-1.2 was let go and found anew"
    assert (sysfs / "bus/usb/devices/1-1.2/authorized").read_text() == "1"


async def test_a_hub_that_can_switch_its_ports_is_preferred(sysfs: Path) -> None:
    port = sysfs / "bus/usb/devices/1-1/1-1:1.0/1-1-port2"
    port.mkdir(parents=True)
    (port / "disable").write_text("0")
    switch = await seen(sysfs)
    assert await switch.cycle() == "the hub switched the port of 1-1.2 off and on"
    assert (port / "disable").read_text() == "0"


async def test_uhubctl_where_it_is(sysfs: Path, tmp_path: Path) -> None:
    tool = tmp_path / "bin/uhubctl"
    tool.parent.mkdir()
    tool.write_text(f'#!/bin/sh\necho "$@" > {tmp_path}/said\n')
    tool.chmod(0o755)
    switch = await seen(sysfs)
    assert await switch.cycle() == "uhubctl switched the port of 1-1.2 off and on"
    assert (tmp_path / "said").read_text().split()[:4] == ["-l", "1-1", "-p", "2"]


async def test_a_command_of_the_sites_own(sysfs: Path, tmp_path: Path) -> None:
    config = HealingConfig(power_command=("/bin/sh", "-c", f"echo {{plug}} {{device}} > {tmp_path}/said"))
    assert power(sysfs, config).possible
    switch = await seen(sysfs, config)
    assert await switch.cycle() == "/bin/sh switched the power"
    assert (tmp_path / "said").read_text().split() == ["1-1.2", "modem1"]


@pytest.mark.parametrize(
    ("command", "complaint"),
    [(("/bin/sh", "-c", "echo no relay >&2; exit 3"), "no relay"), (("/no/such/relay",), "No such file")],
)
async def test_a_command_that_fails_is_told(sysfs: Path, command: tuple[str, ...], complaint: str) -> None:
    with pytest.raises(DeviceRefused) as refused:
        await power(sysfs, HealingConfig(power_command=command)).cycle()
    assert complaint in refused.value.text


async def test_a_port_is_never_left_off(sysfs: Path) -> None:
    switch = UsbPower(HealingConfig(), "modem1", sys=sysfs, off_s=60.0)
    await asyncio.to_thread(switch.see, "/dev/ttyUSB2")
    file = sysfs / "bus/usb/devices/1-1.2/authorized"
    cycling = asyncio.ensure_future(switch.cycle())
    async with asyncio.timeout(2):
        while await asyncio.to_thread(file.read_text) != "0":  # noqa: ASYNC110
            await asyncio.sleep(0.001)
    cycling.cancel()
    await asyncio.wait([cycling])
    assert await asyncio.to_thread(file.read_text) == "1"


@pytest.mark.parametrize("command", [(), ("/bin/true",)])
async def test_switched_off_in_the_configuration(sysfs: Path, command: tuple[str, ...]) -> None:
    switch = await seen(sysfs, HealingConfig(usb_power="off", power_command=command))
    assert not switch.possible
    with pytest.raises(DeviceRefused):
        await switch.cycle()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everything")
def test_a_file_that_may_not_be_written_is_no_way(sysfs: Path) -> None:
    (sysfs / "bus/usb/devices/1-1.2/authorized").chmod(0o400)
    switch = power(sysfs)
    switch.see("/dev/ttyUSB2")
    assert not switch.possible
