"""Taking the power from one USB device for a moment: by a command of the site's, by the hub, or by the kernel.

What a site can do is found out by looking: a port of a hub that can be switched off (sysfs ``disable``, Linux 6.0),
``uhubctl``, or ``authorized``, which does not cut the power but makes the kernel let go of the device and find it anew.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from edge_agent.config import HealingConfig
from telecore.errors import DeviceRefused

OFF_S = 3.0
COMMAND_S = 30.0
_PLUG = re.compile(r"(?P<hub>\d+(?:-\d+(?:\.\d+)*)?)[-.](?P<port>\d+)")

Way = Callable[[], Awaitable[str]]


class UsbPower:
    """The power of one device. ``plug`` is found while its port is there, and remembered for when it is not.

    ``possible``: something can be done.
    """

    def __init__(self, config: HealingConfig, device: str, *, sys: Path = Path("/sys"), off_s: float = OFF_S) -> None:
        self.plug: str | None = None
        self._config = config
        self._device = device
        self._usb = sys / "bus/usb/devices"
        self._tty = sys / "class/tty"
        self._off_s = off_s
        self.possible = bool(config.power_command) and config.usb_power != "off"

    def see(self, port: str) -> None:
        """Remember in which socket the device of this serial port is, and what can be done there. For a thread."""
        if "://" in port:  # a gateway's: what its address ends with may be the name of a port here
            return
        name = Path(port).resolve().name
        device = (self._tty / name / "device").resolve()
        for folder in (device, *device.parents):
            if (folder / "idVendor").is_file():
                self.plug = folder.name
                self.possible = self._way() is not None
                return

    async def cycle(self) -> str:
        """Off and on again; what was done, in a few words. Raises DeviceRefused when it could not be done."""
        way = await asyncio.to_thread(self._way)
        if way is None:
            raise DeviceRefused("usb", None, "this site cannot switch the power of this socket")
        try:
            return await way()
        except OSError as error:
            raise DeviceRefused("usb", error.errno, f"switching USB power: {error.strerror or error}") from error

    def _way(self) -> Way | None:
        return next(self._ways(), None)

    def _ways(self) -> Iterator[Way]:
        if self._config.usb_power == "off":
            return
        if self._config.power_command:
            yield self._by_command
        elif self.plug is not None:
            if (switch := self._port_switch()) is not None and os.access(switch, os.W_OK):
                yield self._by_hub
            if _installed("uhubctl") and _PLUG.fullmatch(self.plug):
                yield self._by_uhubctl
            if os.access(self._usb / self.plug / "authorized", os.W_OK):
                yield self._by_kernel

    def _port_switch(self) -> Path | None:
        """``…/1-1/1-1:1.0/1-1-port2/disable`` for the plug ``1-1.2``."""
        split = _PLUG.fullmatch(self.plug or "")
        if split is None:
            return None
        hub, port = split["hub"], split["port"]
        name = hub if "-" in hub else f"usb{hub}"
        interface = f"{hub}:1.0" if "-" in hub else f"{hub}-0:1.0"
        path = self._usb / name / interface / f"{name}-port{port}" / "disable"
        return path if path.is_file() else None

    async def _by_command(self) -> str:
        words = [word.format(plug=self.plug or "", device=self._device) for word in self._config.power_command]
        await self._run(words)
        return f"{words[0]} switched the power"

    async def _by_hub(self) -> str:
        switch = await asyncio.to_thread(self._port_switch)
        if switch is None:
            raise DeviceRefused("usb", None, f"the hub of {self.plug} is gone")
        await self._write(switch, "1", "0")
        return f"the hub switched the port of {self.plug} off and on"

    async def _by_kernel(self) -> str:
        await self._write(self._usb / str(self.plug) / "authorized", "0", "1")
        return f"{self.plug} was let go and found anew"

    async def _by_uhubctl(self) -> str:
        split = _PLUG.fullmatch(self.plug or "")
        assert split is not None
        await self._run(
            ["uhubctl", "-l", split["hub"], "-p", split["port"], "-a", "cycle", "-d", str(int(self._off_s))]
        )
        return f"uhubctl switched the port of {self.plug} off and on"

    async def _write(self, file: Path, off: str, on: str) -> None:
        try:
            await asyncio.to_thread(file.write_text, off)
            await asyncio.sleep(self._off_s)
        finally:
            # Also when the agent is being stopped: a port left off stays off. The write is begun at once, in a thread
            # that is waited for before the process ends.
            await asyncio.shield(asyncio.get_running_loop().run_in_executor(None, file.write_text, on))

    async def _run(self, words: Sequence[str]) -> None:
        process = await asyncio.create_subprocess_exec(
            *words,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(COMMAND_S):
                _, said = await process.communicate()
        except TimeoutError:
            raise DeviceRefused("usb", None, f"{words[0]} did not end within {COMMAND_S:.0f} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode:
            last = said.decode(errors="replace").strip().splitlines()[-1:] or [""]
            raise DeviceRefused("usb", process.returncode, f"{words[0]}: {last[0][:80]}")


def _installed(program: str) -> bool:
    return any(os.access(Path(folder) / program, os.X_OK) for folder in os.get_exec_path())
