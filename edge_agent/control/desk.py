"""Does what is asked on site, by the same parts that obey the cloud, so that the cloud hears of it too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from edge_agent.contracts import Channel, UssdService
from edge_agent.control.requests import (
    AskBalance,
    Detail,
    EndUssd,
    HoldSim,
    LookAtSip,
    Request,
    Restart,
    SpendVoucher,
    TrySims,
    Ussd,
)
from telecore.commands import Command, RestartChannel, SetSimHealth
from telecore.errors import Busy, InvalidRequest, NoNetwork, NotFound, TelecoreError, TimedOut
from telecore.events import BalanceRead, SelfTestDone, ToppedUp
from telecore.ids import ChannelId
from telecore.model import ChannelStatus
from telecore.schema import dump
from telecore.sim_health import HealthState

T = TypeVar("T")

HISTORY = 40
KINDS = (
    "channel.changed", "channel.healed", "sim.health", "sim.balance", "sim.topped_up", "selftest.done", "call.sound",
)  # fmt: skip
"""Of these the last ones are told in a channel's detail."""
_USSD_S = 180.0
_STATES = {"hold": HealthState.COOLDOWN, "trust": HealthState.HEALTHY, "retire": HealthState.RETIRED, "release": None}


def _no_sip(address: str) -> dict[str, object]:
    del address
    raise NotFound("no SIP is spoken at this site: no device of agent.yaml needs it")


class Lines(Protocol):
    """The channels of the site: those that are open, and how all of them stand."""

    def channel(self, channel: ChannelId) -> Channel | None: ...
    def statuses(self) -> tuple[ChannelStatus, ...]: ...


class Accounts(Protocol):
    async def read(self, channel: ChannelId) -> BalanceRead: ...
    async def top_up(self, channel: ChannelId, voucher: str) -> ToppedUp: ...


class SelfTest(Protocol):
    async def test(self, sender: ChannelId, receiver: ChannelId, *, sms: bool, call: bool) -> SelfTestDone: ...


@dataclass(frozen=True, slots=True)
class Site:
    """Who does things here. ``obey`` does a durable command; ``recent`` finds the last events of a channel.

    ``sip``: what is to be seen of SIP, and of one address. Raises NotFound where none is spoken.
    """

    lines: Lines
    accounts: Accounts
    self_test: SelfTest
    obey: Callable[[Command], Awaitable[None]]
    recent: Callable[[str, Sequence[str], int], Awaitable[list[dict[str, Any]]]]
    sip: Callable[[str], dict[str, object]] = _no_sip


class Desk:
    """``do`` takes any request."""

    def __init__(self, site: Site) -> None:
        self._site = site

    async def do(self, request: Request) -> object:
        """The JSON result. Raises TelecoreError."""
        match request:
            case Ussd():
                return await self._ussd(self._channel(request.channel), request.code)
            case EndUssd():
                await self._bounded(self._service(self._channel(request.channel)).cancel())
                return None
            case AskBalance():
                return await self._balances(request.channel)
            case SpendVoucher():
                return dump(await self._site.accounts.top_up(self._channel(request.channel), request.voucher))
            case TrySims():
                sender, receiver = self._channel(request.sender), self._channel(request.receiver)
                return dump(await self._site.self_test.test(sender, receiver, sms=request.sms, call=request.call))
            case HoldSim():
                return await self._hold(request)
            case Restart():
                await self._site.obey(RestartChannel(channel=self._channel(request.channel)))
                return None
            case LookAtSip():
                return self._site.sip(request.address)
            case Detail():
                return await self._detail(self._channel(request.channel))
        raise InvalidRequest(f"{request.kind} cannot be asked here")

    async def _ussd(self, channel: ChannelId, code: str) -> object:
        if self._status(channel).busy_legs:
            raise Busy(f"{channel} is in a call; USSD has to wait for its end")
        reply = await self._bounded(self._service(channel).request(code))
        return {"channel": channel, "state": reply.state.value, "text": reply.text}

    async def _balances(self, name: str | None) -> object:
        if name is not None:
            return [dump(await self._site.accounts.read(self._channel(name)))]
        said: list[object] = []
        for status in self._site.lines.statuses():
            try:
                said.append(dump(await self._site.accounts.read(status.channel)))
            except TelecoreError as error:
                said.append({"channel": status.channel, "error": str(error)})
        return said

    async def _hold(self, request: HoldSim) -> object:
        if request.what not in _STATES:
            raise InvalidRequest(f"a SIM can be told to {', '.join(_STATES)}")
        channel = self._channel(request.channel)
        await self._site.obey(SetSimHealth(channel=channel, state=_STATES[request.what], note=request.note))
        return dump(self._status(channel))

    async def _detail(self, channel: ChannelId) -> object:
        return {"status": dump(self._status(channel)), "history": await self._site.recent(channel, KINDS, HISTORY)}

    def _channel(self, name: str) -> ChannelId:
        """The whole name of a channel."""
        names = [status.channel for status in self._site.lines.statuses()]
        found = [known for known in names if name in (known, known.partition("/")[2])]
        if not found:
            raise NotFound(f"there is no channel {name!r} here (there are: {', '.join(names) or 'none'})")
        return found[0]

    def _status(self, channel: ChannelId) -> ChannelStatus:
        return next(status for status in self._site.lines.statuses() if status.channel == channel)

    def _service(self, channel: ChannelId) -> UssdService:
        found = self._site.lines.channel(channel)
        if found is None or found.ussd is None:
            raise NoNetwork(f"{channel} takes no USSD now: see edge-agent status")
        return found.ussd

    async def _bounded(self, work: Awaitable[T]) -> T:
        try:
            async with asyncio.timeout(_USSD_S):
                return await work
        except TimeoutError as error:
            raise TimedOut("the modem did not answer in time") from error
