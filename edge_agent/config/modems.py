"""A modem as a site configures it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from edge_agent.config.values import ICCID, Problem, of_number
from telecore.ids import E164, DeviceId, Iccid

_NET = re.compile(r"telnet://[^/@\s]+(?::\d{1,5})?(?:/[\w.-]+)?|socket://[^/@\s]+:\d{1,5}")
_NET_PROBLEM = "must be a path, telnet://HOST[:PORT]/MODULE or socket://HOST:PORT, without user and password"
_PROFILE = re.compile(r"auto|[a-z0-9][a-z0-9_./-]*")


@dataclass(frozen=True, slots=True)
class AudioConfig:
    """Where a modem's sound is. ``kind``: ``none``, ``serial`` (16-bit 8 kHz PCM on ``port``), ``alsa`` or a profile's.

    ``capture`` and ``playback`` are the ALSA names of a sound card (``plughw:1``); left out, the second is the first.
    """

    kind: str = "serial"
    port: str | None = None
    capture: str | None = None
    playback: str | None = None


@dataclass(frozen=True, slots=True)
class DeviceConfig:
    """One modem. ``number`` is the SIM's own, for a SIM that does not know it.

    ``user`` and ``password_file`` are for a port on the network that asks for a login; ``password`` is read from there.
    """

    id: DeviceId
    port: str
    driver: str = "at_modem"
    audio: str | AudioConfig | None = None
    profile: str = "auto"
    number: E164 | None = None
    baud: int = 115200
    iccid: Iccid | None = None
    enabled: bool = True
    user: str = ""
    password_file: str | None = None
    password: str = field(default="", repr=False)

    @property
    def sound(self) -> AudioConfig | None:
        """``audio`` in its long form. None: take what the profile says; kind ``none``: no calls."""
        if isinstance(self.audio, str):
            return AudioConfig("none") if self.audio == "none" else AudioConfig("serial", self.audio)
        return self.audio


def of_modem(device: DeviceConfig) -> Iterator[Problem]:
    """What its types cannot say; paths are relative to the device."""
    for name, good, problem in (
        ("port", bool(device.port), "is empty"),
        ("port", "://" not in device.port or _NET.fullmatch(device.port), _NET_PROBLEM),
        ("iccid", device.iccid is None or ICCID.fullmatch(device.iccid), "must be 18 to 20 digits, beginning 89"),
        ("profile", _PROFILE.fullmatch(device.profile), "must be auto or the name of a profile"),
        ("baud", 300 <= device.baud <= 4_000_000, "must be between 300 and 4000000"),
    ):
        if not good:
            yield name, problem
    yield from of_number("number", device.number)


def one_device_each(devices: Sequence[object], say: Callable[[str, str], None]) -> None:
    """Tell of one port under two names, as a link of udev and the device itself are."""
    seen: dict[str, tuple[str, str]] = {}
    for n, device in enumerate(devices):
        for key, port in _ports_of(device, n):
            real = port if "://" in port else os.path.realpath(port)
            earlier, name = seen.setdefault(real, (key, port))
            if earlier != key and (name != port or key.endswith("audio") or earlier.endswith("audio")):
                say(key, f"{port} is the same port as {earlier}")


def _ports_of(device: object, n: int) -> Iterator[tuple[str, str]]:
    if not isinstance(device, DeviceConfig) or not device.enabled:
        return
    yield f"devices[{n}].port", device.port
    if device.sound is not None and device.sound.kind not in ("none", "alsa") and device.sound.port:
        yield f"devices[{n}].audio", device.sound.port
