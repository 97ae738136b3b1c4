"""The GoIP's tongue: every line reports to one SMS server by UDP, from a port of its own."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from simulator.gateway.contracts import GatewayLine
from simulator.gateway.datagrams import Address, Weather
from simulator.gateway.goip_client import GoipClient, GoipHabits
from simulator.timing import Handle, Timers

HOST = "127.0.0.1"


class GoipTongue:
    """A Tongue. `server`: where the lines report to; it may be told later (`report_to`).

    `weather`: what the LAN does to datagrams. Lines are called `goip01`, `goip02`, … with one password for all.
    """

    def __init__(
        self,
        lines: Sequence[GatewayLine],
        timers: Timers,
        *,
        server: Address | None = None,
        password: str = "goip-secret",
        habits: GoipHabits | None = None,
        weather: Weather | None = None,
    ) -> None:
        self.weather = weather or Weather(Random(0))
        self._timers = timers
        self._habits = habits or GoipHabits()
        self._boot: Handle | None = None
        self.clients = tuple(
            GoipClient(
                line,
                f"goip{line.index + 1:02d}",
                password,
                timers,
                weather=self.weather,
                habits=self._habits,
                reboot=self.reboot,
            )
            for line in lines
        )
        if server is not None:
            self.report_to(server)

    async def start(self) -> None:
        """Power on."""
        for client in self.clients:
            await client.socket.open(HOST)
            client.start()

    async def stop(self) -> None:
        """Power off."""
        for client in self.clients:
            client.stop()
            client.socket.close()
            if self._boot is not None:
                client.socket.muted = False
        if self._boot is not None:
            self._boot.cancel()
            self._boot = None

    def report_to(self, server: Address) -> None:
        """What a technician enters as SMS server."""
        for client in self.clients:
            client.server = server

    def reboot(self) -> None:
        """All is forgotten; after a while it is there again."""
        for client in self.clients:
            client.stop()
            client.socket.muted = True
            client.line.restart()
        if self._boot is not None:
            self._boot.cancel()
        self._boot = self._timers.after(self._habits.boot_s, self._booted)

    @property
    def where(self) -> dict[str, object]:
        """What a technician would read off the box's pages."""
        server = self.clients[0].server if self.clients else None
        return {
            "tongue": "goip",
            "server": None if server is None else {"host": server[0], "port": server[1]},
            "lines": [
                {"name": client.ident, "password": client.password, "number": client.line.sim.number}
                for client in self.clients
            ],
        }

    def _booted(self) -> None:
        self._boot = None
        for client in self.clients:
            client.socket.muted = False
            client.start()
