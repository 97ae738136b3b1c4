"""A whole simulated gateway: lines, SIP, its family's own interface, and its power."""

from __future__ import annotations

import asyncio
import hashlib
import logging
from random import Random

from simulator.faults import Fault
from simulator.gateway.line import Line
from simulator.gateway.plans import GatewayPlan
from simulator.gateway.switch import Seat, Switch
from simulator.gateway.tongues import MAKERS
from simulator.identity import imei
from simulator.network import Network
from simulator.sip.digest import Account
from simulator.sip.families import MANNERS
from simulator.sip.leg import Ground
from simulator.sip.manner import Manner
from simulator.sip.sockets import HOST, Datagrams, Received, even_port

log = logging.getLogger(__name__)

FIRST_IMEI = 5000
AGAIN_S = 1.0


class Gateway:
    """One box. `manner` overrides the family's."""

    def __init__(self, plan: GatewayPlan, network: Network, *, manner: Manner | None = None) -> None:
        self.plan = plan
        self.name = plan.name
        self.manner = manner or MANNERS[plan.family]
        self.registers = self.manner.registers if plan.registers is None else plan.registers
        self._network = network
        loop = asyncio.get_running_loop()

        def media(received: Received) -> Datagrams:
            return even_port(loop, received)

        sims = network.gateway_sims[plan.name]
        first = FIRST_IMEI + list(network.sims).index(sims[0].number) if sims else FIRST_IMEI
        self.lines = [Line(index, sim, imei(first + index), network) for index, sim in enumerate(sims)]
        self.password = secret(plan.name)
        self.accounts = [Account(line.name, self._line_password(line)) for line in self.lines]
        self.switch = Switch(
            [Seat(line, account) for line, account in zip(self.lines, self.accounts, strict=True)],
            Ground(network.timers, self.manner, media, Random(plan.name)),
            network.clock,
            agent_at=plan.sip,
            registers=self.registers,
        )
        maker = MAKERS.get(plan.family)
        self.tongue = maker(self.lines, network.timers, self.password, plan.server) if maker else None
        if self.tongue is None and self.manner.messages:
            self.switch.deliver_messages()
        self._wanted = asyncio.Event()
        self._power: asyncio.Task[None] | None = None
        self._on = False
        self._fell = False
        self._changed = asyncio.Event()
        network.faults.watchers.append(self._fault_changed)

    @property
    def up(self) -> bool:
        """Whether it has power."""
        return self._on

    async def start(self) -> None:
        """Power on. OSError when a port cannot be had."""
        await self._switch_on()
        self._wanted.set()
        self._power = asyncio.get_running_loop().create_task(self._keep_power())

    async def stop(self) -> None:
        """End what there is, and tell the agent."""
        if self._power is not None:
            self._power.cancel()
            await asyncio.gather(self._power, return_exceptions=True)
        if self._on:
            await self.switch.leave()
            await self._switch_off()

    def describe(self) -> dict[str, object]:
        """As in the simulator's line of JSON: what a technician would read off the box and its SIMs."""
        ports = self.switch.ports
        seats = list(zip(self.lines, self.accounts, strict=True))
        return {
            "name": self.name,
            "family": self.plan.family,
            "mode": "register" if self.registers else "peer",
            "sip": {"host": HOST, "port": next(iter(ports.values()), None), "agent": list(self.plan.sip)},
            "lines": [
                {
                    "name": line.name,
                    "user": account.user,
                    "password": account.password,
                    "port": ports.get(account.user),
                    "number": line.number,
                    "iccid": line.sim.iccid,
                    "imsi": line.sim.imsi,
                    "imei": line.imei,
                }
                for line, account in seats
            ],
            "password": self.password,
            "management": None if self.tongue is None else self.tongue.where,
        }

    def _line_password(self, line: Line) -> str:
        """A GoIP's lines have one password for SIP and SMS server; elsewhere each has its own."""
        return self.password if self.plan.family == "goip" else secret(line.name)

    # ----------------------------------------------------------------------------------------- power

    def _fault_changed(self, fault: Fault, begins: bool) -> None:
        if fault.kind != "gateway_down" or self.name not in fault.devices:
            return
        if begins:
            self._wanted.clear()
            self._fell = True
            self._dark()
        elif self._network.faults.on("gateway_down", self.name) is None:
            self._wanted.set()
        self._changed.set()

    def _dark(self) -> None:
        """At once: no SIP, no RTP, no radio."""
        self.switch.stop()
        for line in self.lines:
            line.power(on=False)

    async def _keep_power(self) -> None:
        """What the faults want, the slow parts of it one after the other."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            if self._on and (not self._wanted.is_set() or self._fell):
                await self._switch_off()
            while not self._on and self._wanted.is_set():
                try:
                    await self._switch_on()
                except OSError as error:
                    log.warning("%s cannot come back yet: %s", self.name, error)
                    await asyncio.sleep(AGAIN_S)

    async def _switch_on(self) -> None:
        self._fell = False
        try:
            await self.switch.start()
            if self.tongue is not None:
                await self.tongue.start()
        except OSError:
            self._dark()
            raise
        for line in self.lines:
            line.power(on=True)
        self._on = True
        if self._fell:
            self._dark()  # meanwhile: `_changed` is set, the rest follows
        log.info("%s is up", self.name)

    async def _switch_off(self) -> None:
        self._on = False
        self._dark()
        if self.tongue is not None:
            await self.tongue.stop()
        log.info("%s is down", self.name)


def secret(name: str) -> str:
    """A password that is the same after a restart of the lab."""
    return hashlib.sha256(f"secret of {name}".encode()).hexdigest()[:12]
