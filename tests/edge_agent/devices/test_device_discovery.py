"""discovery.py over a made-up sysfs: what udev and the kernel would show of modems and of other things."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from edge_agent.agent.devices import Devices
from edge_agent.config import HealingConfig
from edge_agent.devices.discovery import (
    FoundModem,
    auto_devices,
    device_name,
    find_disks,
    find_modems,
    list_ports,
    siblings,
)
from edge_agent.devices.profiles import load_profiles
from edge_agent.devices.registry import Site
from edge_agent.drivers.at_modem.profile import UsbLayout
from edge_agent.health.checks.shows_only_disk import shows_only_disk
from edge_agent.health.conditions import Snapshot
from edge_agent.inventory import Inventory


class Tree:
    """Builds /sys and /dev for USB serial ports."""

    def __init__(self, root):
        self.sys, self.dev = root / "sys", root / "dev"
        (self.sys / "class/tty").mkdir(parents=True)
        (self.dev / "serial/by-path").mkdir(parents=True)
        self._count = 0

    def plug(self, plug, vid, pid, interfaces, product="Modem", by_path=True):
        device = self.sys / "devices/usb1" / plug
        device.mkdir(parents=True)
        for name, text in (("idVendor", vid), ("idProduct", pid), ("product", product)):
            (device / name).write_text(f"{text}\n")
        names = []
        for interface in interfaces:
            name = f"ttyUSB{self._count}"
            self._count += 1
            folder = device / f"{plug}:1.{interface}" / name
            (folder / "tty" / name).mkdir(parents=True)
            (folder.parent / "bInterfaceNumber").write_text(f"{interface:02x}\n")
            (folder / "tty" / name / "device").symlink_to(folder)
            (self.sys / "class/tty" / name).symlink_to(folder / "tty" / name)
            (self.dev / name).touch()
            if by_path:
                (self.dev / f"serial/by-path/pci-usb-{plug}-if{interface:02d}").symlink_to(self.dev / name)
            names.append(name)
        return names


@pytest.fixture
def tree(tmp_path):
    return Tree(tmp_path)


def test_ports(tree):
    tree.plug("1-1.2", "1e0e", "9001", [0, 1, 2])
    tree.plug("1-1.3", "2341", "0043", [0], by_path=False)
    (tree.sys / "class/tty/ttyS0").mkdir()
    (tree.sys / "class/tty/ttyAMA0").mkdir()
    ports = list_ports(tree.sys, tree.dev)
    assert [(port.plug, port.vid, port.pid, port.interface) for port in ports] == [
        ("1-1.2", "1e0e", "9001", 0),
        ("1-1.2", "1e0e", "9001", 1),
        ("1-1.2", "1e0e", "9001", 2),
        ("1-1.3", "2341", "0043", 0),
    ]
    assert ports[2].path == str(tree.dev / "serial/by-path/pci-usb-1-1.2-if02")
    assert ports[3].path == str(tree.dev / "ttyUSB3")


def test_which_port_is_which(tree):
    tree.plug("1-1.2", "1e0e", "9001", [0, 1, 2, 3, 4], by_path=False)
    tree.plug("1-1.3", "2341", "0043", [0], by_path=False)
    found = find_modems(list_ports(tree.sys, tree.dev), [UsbLayout("1e0e", "9001", at=2, audio=4)])
    assert found == (FoundModem("1-1.2", str(tree.dev / "ttyUSB2"), str(tree.dev / "ttyUSB4"), "Modem"),)


def test_a_composition_without_its_at_port_is_none(tree):
    tree.plug("1-1.2", "1e0e", "9001", [0, 1])
    assert find_modems(list_ports(tree.sys, tree.dev), [UsbLayout("1e0e", "9001", at=2)]) == ()


def test_every_modem_gets_a_configuration(tree):
    tree.plug("1-1.2", "1e0e", "9001", [0, 1, 2, 3, 4])
    tree.plug("1-1.4.1", "12d1", "1001", [0, 1, 2])
    tree.plug("1-2", "0403", "6001", [0])
    devices = auto_devices(load_profiles(), sys=tree.sys, dev=tree.dev)
    assert [(device.id, device.driver, device.profile) for device in devices] == [
        ("usb-1-1-2", "at_modem", "auto"),
        ("usb-1-1-4-1", "at_modem", "auto"),
    ]
    assert devices[1].sound.port.endswith("if01")


def test_a_port_in_use_is_left_alone_under_any_name(tree):
    tree.plug("1-1.2", "1e0e", "9001", [2, 4])
    assert auto_devices(load_profiles(), [str(tree.dev / "ttyUSB0")], sys=tree.sys, dev=tree.dev) == ()


def test_siblings(tree):
    names = tree.plug("1-1.2", "1e0e", "9001", [1, 2, 4])
    tree.plug("1-1.3", "2341", "0043", [0])
    ports, layouts = list_ports(tree.sys, tree.dev), [UsbLayout("1e0e", "9001", at=2, audio=4)]
    found = siblings(str(tree.dev / names[1]), ports, layouts)
    assert [(port.interface, purpose) for port, purpose in found] == [(1, "not used"), (2, "AT"), (4, "sound")]
    [(_, purpose)] = siblings(str(tree.dev / "ttyUSB3"), ports, layouts)
    assert purpose.startswith("not known")
    assert siblings("/dev/ttyS9", ports, layouts) == ()


def test_a_modem_that_shows_only_its_disk(tree):
    tree.plug("1-1.2", "12d1", "1446", [])
    tree.plug("1-1.3", "0781", "5567", [])
    (tree.sys / "bus/usb/devices").mkdir(parents=True)
    for plug in ("1-1.2", "1-1.3"):
        (tree.sys / "bus/usb/devices" / plug).symlink_to(tree.sys / "devices/usb1" / plug)
    [disk] = find_disks(load_profiles(), tree.sys)
    assert (disk.plug, disk.switch) == ("1-1.2", "usb_modeswitch -v 12d1 -p 1446 -J")


def test_nothing_there(tmp_path):
    assert list_ports(tmp_path / "sys", tmp_path / "dev") == ()


def test_names():
    assert device_name("1-1.2:1") == "usb-1-1-2-1"


def test_two_sticks_with_the_same_serial_are_two(tree):
    for plug in ("1-1.2", "1-1.3"):
        tree.plug(plug, "12d1", "1001", [0, 1, 2])
        (tree.sys / "devices/usb1" / plug / "serial").write_text("0123456789ABCDEF\n")
    one, two = auto_devices(load_profiles(), sys=tree.sys, dev=tree.dev)
    assert (one.id, two.id) == ("usb-1-1-2", "usb-1-1-3")
    assert len({one.port, one.sound.port, two.port, two.sound.port}) == 4


async def test_disks_are_seen_at_a_site_with_devices_of_its_own(tree):
    """An explicit list turns the search for modems off, not the watch for those that came back as disks."""
    devices = Devices(
        (),
        Site("site-1", await asyncio.to_thread(load_profiles)),
        None,
        Inventory(busy=lambda channel: 0, changed=lambda: None),
        healing=HealingConfig(),
        on_fall=lambda fall: None,
        sys=tree.sys,
        dev=tree.dev,
        look_s=0.01,
    )
    bus = tree.sys / "bus/usb/devices"
    await asyncio.to_thread(bus.mkdir, parents=True)
    running = asyncio.create_task(devices.run())
    try:
        await asyncio.to_thread(tree.plug, "1-1.2", "12d1", "1446", [])
        await asyncio.to_thread((bus / "1-1.2").symlink_to, tree.sys / "devices/usb1/1-1.2")
        await _until(lambda: devices.disks)
        snapshot = Snapshot(datetime.now(UTC), disks={disk.plug: disk.switch for disk in devices.disks})
        [condition] = shows_only_disk(snapshot)
        assert (condition.code, condition.subject) == ("shows_only_disk", "1-1.2")
        assert "usb_modeswitch -v 12d1 -p 1446 -J" in condition.text
        await asyncio.to_thread((bus / "1-1.2").unlink)
        await _until(lambda: not devices.disks)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _until(condition):
    async with asyncio.timeout(2):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.005)
