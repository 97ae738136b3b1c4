"""Modems that are plugged in, by what sysfs tells of their USB interfaces. No udev library, no port is opened."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_agent.config import AudioConfig, DeviceConfig
from edge_agent.devices.profiles import Profiles
from edge_agent.drivers.at_modem.profile import UsbLayout
from telecore.ids import DeviceId


@dataclass(frozen=True, slots=True)
class UsbPort:
    """A serial port on USB. ``plug`` is where in the tree of hubs (``1-1.2``), ``interface`` its bInterfaceNumber."""

    path: str
    plug: str
    vid: str
    pid: str
    interface: int
    product: str = ""


@dataclass(frozen=True, slots=True)
class FoundModem:
    """A modem by its plug. ``audio`` is None where the layout knows of no sound."""

    plug: str
    at: str
    audio: str | None
    product: str


@dataclass(frozen=True, slots=True)
class UsbDisk:
    """A modem as mass storage."""

    plug: str
    vid: str
    pid: str

    @property
    def switch(self) -> str:
        """The command that makes a modem of it; ``-J`` is Huawei's message for that."""
        return f"usb_modeswitch -v {self.vid} -p {self.pid}" + (" -J" if self.vid == "12d1" else "")


def list_ports(sys: Path = Path("/sys"), dev: Path = Path("/dev")) -> tuple[UsbPort, ...]:
    """Every serial port on USB, named by /dev/serial/by-path where udev made such a name: it survives a replug."""
    names = _by_path(dev)
    ports = []
    for tty in sorted((sys / "class/tty").glob("tty[UA]*")):
        port = _usb_port(tty, dev, names)
        if port is not None:
            ports.append(port)
    return tuple(ports)


def find_modems(ports: Iterable[UsbPort], layouts: Sequence[UsbLayout]) -> tuple[FoundModem, ...]:
    """The ports that belong together, where a profile knows which interface is which."""
    plugs: defaultdict[str, list[UsbPort]] = defaultdict(list)
    for port in ports:
        plugs[port.plug].append(port)
    found = []
    for plug, members in sorted(plugs.items()):
        layout = next((known for known in layouts if _fits(known, members[0])), None)
        at = _interface(members, layout.at) if layout is not None else None
        if layout is not None and at is not None:
            audio = _interface(members, layout.audio) if layout.audio is not None else None
            found.append(FoundModem(plug, at.path, audio.path if audio else None, at.product))
    return tuple(found)


def siblings(port: str, ports: Sequence[UsbPort], layouts: Sequence[UsbLayout]) -> tuple[tuple[UsbPort, str], ...]:
    """The serial ports of the USB device that ``port`` is one of, and what each is for; nothing for another port."""
    real = Path(port).resolve()
    mine = next((known for known in ports if Path(known.path).resolve() == real), None)
    if mine is None:
        return ()
    layout = next((known for known in layouts if _fits(known, mine)), None)
    members = (known for known in ports if known.plug == mine.plug)
    return tuple((member, _purpose(layout, member.interface)) for member in members)


def find_disks(profiles: Profiles, sys: Path = Path("/sys")) -> tuple[UsbDisk, ...]:
    """Modems that show only their disk, as some do after a reset: the host must switch their mode."""
    known = {(disk.vid.lower(), disk.pid.lower()) for profile in profiles for disk in profile.usb_storage}
    found = []
    for device in sorted((sys / "bus/usb/devices").glob("*-*")):
        vid, pid = _text(device / "idVendor").lower(), _text(device / "idProduct").lower()
        if (vid, pid) in known:
            found.append(UsbDisk(device.name, vid, pid))
    return tuple(found)


def auto_devices(
    profiles: Profiles,
    taken: Iterable[str] = (),
    *,
    sys: Path = Path("/sys"),
    dev: Path = Path("/dev"),
) -> tuple[DeviceConfig, ...]:
    """A configuration for each modem that is plugged in and none of whose ports is among ``taken``."""
    in_use = {str(Path(path).resolve()) for path in taken}
    layouts = [layout for profile in profiles for layout in profile.usb]
    devices = []
    for modem in find_modems(list_ports(sys, dev), layouts):
        ports = [path for path in (modem.at, modem.audio) if path is not None]
        if not in_use.intersection(str(Path(path).resolve()) for path in ports):
            sound = AudioConfig("serial", modem.audio) if modem.audio else None
            devices.append(DeviceConfig(DeviceId(device_name(modem.plug)), modem.at, audio=sound))
    return tuple(devices)


def device_name(plug: str) -> str:
    """``1-1.2`` → ``usb-1-1-2``: the same as long as the modem stays in its socket."""
    return "usb-" + re.sub(r"[^a-z0-9]+", "-", plug.lower()).strip("-")


def _fits(layout: UsbLayout, port: UsbPort) -> bool:
    return (layout.vid.lower(), layout.pid.lower()) == (port.vid, port.pid)


def _purpose(layout: UsbLayout | None, interface: int) -> str:
    if layout is None:
        return "not known: no profile names this vendor and product"
    return {layout.at: "AT", layout.audio: "sound"}.get(interface, "not used")


def _interface(ports: Iterable[UsbPort], number: int) -> UsbPort | None:
    return next((port for port in ports if port.interface == number), None)


def _usb_port(tty: Path, dev: Path, names: dict[str, str]) -> UsbPort | None:
    interface = next(_above(tty / "device", "bInterfaceNumber"), None)
    device = next(_above(tty / "device", "idVendor"), None)
    if interface is None or device is None:
        return None
    path = dev / tty.name
    return UsbPort(
        names.get(tty.name, str(path)),
        device.name,
        _text(device / "idVendor").lower(),
        _text(device / "idProduct").lower(),
        int(_text(interface / "bInterfaceNumber") or "0", 16),
        _text(device / "product"),
    )


def _above(start: Path, name: str) -> Iterator[Path]:
    """The folders from here upwards that hold a file of this name."""
    real = start.resolve()
    for folder in (real, *real.parents):
        if (folder / name).is_file():
            yield folder


def _by_path(dev: Path) -> dict[str, str]:
    folder = dev / "serial/by-path"
    if not folder.is_dir():
        return {}
    return {link.resolve().name: str(link) for link in sorted(folder.iterdir())}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
