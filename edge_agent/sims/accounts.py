"""The prepaid accounts of this site's SIMs: read now and then, topped up on wish, watched for their end."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime
from typing import Protocol

from edge_agent.config import SimsConfig
from edge_agent.contracts import Channel
from edge_agent.sims.account_schedule import due
from edge_agent.sims.asking import Asking
from edge_agent.sims.keep_alive import Reminder, Reminders, expiring, idle
from edge_agent.sims.ledger import Ledger
from edge_agent.sims.reading import Reading, read_balance, read_top_up, safe
from edge_agent.sims.recipe import Recipe, TopUpRecipe
from edge_agent.sims.recipes import Recipes
from edge_agent.sims.vouchers import digits_of
from edge_agent.spool import Spool
from telecore.commands import ReadBalance, TopUp
from telecore.errors import (
    Busy,
    DeviceRefused,
    InvalidRequest,
    NoNetwork,
    NotFound,
    Refused,
    StorageFailed,
    TelecoreError,
)
from telecore.events import BalanceRead, ToppedUp
from telecore.ids import ChannelId, CommandId, Iccid
from telecore.model import ChannelState, ChannelStatus, Sim
from telecore.sim_health import Balance

log = logging.getLogger(__name__)

LOOK_S = 60.0
_AGAIN_S = 900.0
"""After a try of the schedule's that could not be made."""
_AFTER_TOP_UP_S = 10.0
_TOP_UP_S = 200.0
_NOT_SENT = (Busy, NoNetwork, DeviceRefused, Refused)
"""After these nothing was handed to the network."""


class Lines(Protocol):
    """The channels of the site: those that are open, and how all of them stand."""

    def channel(self, channel: ChannelId) -> Channel | None: ...
    def statuses(self) -> tuple[ChannelStatus, ...]: ...


class Accounts:
    """``told`` hears of every balance. ``wall``: seconds since 1970."""

    def __init__(
        self,
        spool: Spool,
        lines: Lines,
        recipes: Recipes,
        config: SimsConfig,
        *,
        told: Callable[[Iccid, Balance], None],
        wall: Callable[[], float] = time.time,
        look_s: float = LOOK_S,
    ) -> None:
        self._spool = spool
        self._lines = lines
        self._recipes = recipes
        self._config = config
        self._wall = wall
        self._look_s = look_s
        self._began = wall()
        self._ledger = Ledger(spool, wall, told)
        self._asking = Asking(lines.channel)
        self._loaded = False
        self._at_work: set[ChannelId] = set()
        self._not_before: dict[Iccid, float] = {}
        self._wanted_at: dict[Iccid, float] = {}
        self._woken = asyncio.Event()
        self._reminders: Reminders = {}

    def sms_received(self, channel: ChannelId, sender: str, body: str) -> None:
        """A whole text came in; it may be an operator's answer."""
        self._asking.sms_received(channel, sender, body)

    def ussd_received(self, channel: ChannelId, text: str) -> None:
        """USSD that the network began by itself; it may be an operator's answer."""
        self._asking.ussd_received(channel, text)

    def reminders(self) -> Reminders:
        """What a person should do lest a SIM be taken away, by channel."""
        return self._reminders

    async def on_read(self, command: ReadBalance) -> None:
        await self.read(command.channel, command.id)

    async def on_top_up(self, command: TopUp) -> None:
        await self.top_up(command.channel, command.voucher, command.id)

    async def read(self, channel: ChannelId, command: CommandId | None = None) -> BalanceRead:
        """Ask the operator; the event is in the spool when this returns, also for a balance that stays unknown.

        Raises Busy, NoNetwork and NotFound when it cannot be asked at all.
        """
        sim, recipe = self._known(channel)
        async with self._alone(channel):
            await self._load()
            said: list[str] = []
            try:
                said = await self._asking.balance(channel, recipe.balance)
                reading = read_balance(recipe.balance, said, self._today())
            except Busy:
                raise
            except TelecoreError as error:
                reading = Reading(note=safe(str(error)))
            balance = await self._ledger.take(sim.iccid, reading, self._valid_until(sim.iccid))
        event = BalanceRead(
            command=command,
            channel=channel,
            iccid=sim.iccid,
            balance=balance,
            recipe=recipe.name,
            said=safe(said[-1]) if said else "",
        )
        await self._spool.append(event)
        return event

    async def top_up(self, channel: ChannelId, voucher: str, command: CommandId | None = None) -> ToppedUp:
        """Spend a voucher, once: it is remembered on disk before it is sent, and never sent again by itself.

        Raises InvalidRequest, Refused (spent already), Busy, NoNetwork, NotFound, DeviceRefused; then nothing was sent.
        """
        sim, recipe = self._known(channel)
        if recipe.top_up is None:
            raise InvalidRequest(f"the recipe {recipe.name} does not say how to top up")
        digits = digits_of(voucher, recipe.top_up)
        async with self._alone(channel):
            await self._load()
            digest = await self._ledger.begin_voucher(sim.iccid, digits, command or "")
            try:
                outcome, said = await self._spend(channel, recipe.top_up, digits)
            except DeviceRefused:
                await self._ledger.forget_voucher(sim.iccid, digest)
                raise
            event = ToppedUp(command=command, channel=channel, iccid=sim.iccid, outcome=outcome, said=said)
            await self._tell(event, digest)
        log.info("%s was topped up: %s", channel, outcome)
        if outcome != "refused":
            self._wanted_at[sim.iccid] = self._wall() + _AFTER_TOP_UP_S
            self._woken.set()
        return event

    async def run(self) -> None:
        """Read each SIM's balance now and then, one after the other, and watch how long it will live."""
        while True:
            await self._ledger.load()
            self._loaded = True
            for status in self._lines.statuses():
                if status.sim is not None:
                    await self._ledger.see(status.sim.iccid, self._valid_until(status.sim.iccid))
                    await self._look(status, status.sim)
            self._reminders = dict(self._remind())
            self._woken.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), self._pause_s())

    def _pause_s(self) -> float:
        now = self._wall()
        return min([self._look_s, *(at - now for at in self._wanted_at.values() if at > now)])

    async def _look(self, status: ChannelStatus, sim: Sim) -> None:
        if status.state is not ChannelState.REGISTERED or self._recipe(sim) is None or not self._is_due(sim.iccid):
            return
        wanted = self._wanted_at.pop(sim.iccid, None)
        self._not_before[sim.iccid] = self._wall() + _AGAIN_S
        try:
            event = await self.read(status.channel)
        except TelecoreError as error:
            log.info("%s: the balance cannot be read now: %s", status.channel, error)
            if wanted is not None:
                self._wanted_at[sim.iccid] = self._wall() + self._look_s
            return
        if event.balance.amount is None:
            log.warning("%s: the balance is unknown; the cloud is told what was answered", status.channel)

    def _is_due(self, iccid: Iccid) -> bool:
        now, account = self._wall(), self._ledger.of(iccid)
        if iccid in self._wanted_at:
            return now >= self._wanted_at[iccid]
        if now < self._not_before.get(iccid, now):
            return False
        expires_on = account.balance.expires_on if account.balance else None
        every_s = self._config.balance_every_h * 3600
        return due(account.asked_at, expires_on, iccid, now=now, every_s=every_s, began=self._began)

    def _remind(self) -> Iterator[tuple[ChannelId, tuple[Reminder, ...]]]:
        now = self._wall()
        for status in self._lines.statuses():
            if status.sim is None:
                continue
            account = self._ledger.of(status.sim.iccid)
            first_seen = now if account.first_seen is None else account.first_seen
            said = (
                expiring(account.balance.expires_on if account.balance else None, now),
                idle(account.last_charged, first_seen, now, self._config.keep_alive_days),
            )
            yield status.channel, tuple(reminder for reminder in said if reminder is not None)

    async def _tell(self, event: ToppedUp, digest: str) -> None:
        """A disk that is full now changes nothing of what was sent: the open command is answered at the next start."""
        try:
            await self._ledger.settle_voucher(event.iccid, digest, event.outcome)
            await self._spool.append(event)
        except StorageFailed as error:
            log.warning("the outcome of a top-up of %s, %s, cannot be kept: %s", event.channel, event.outcome, error)

    async def _spend(self, channel: ChannelId, recipe: TopUpRecipe, digits: str) -> tuple[str, str]:
        """Outcome and words. Raises DeviceRefused when nothing was sent."""
        try:
            async with asyncio.timeout(_TOP_UP_S):
                text = await self._asking.once(channel, recipe.code.replace("{pin}", digits))
        except _NOT_SENT as error:
            # The line's own error may hold the voucher: it goes no further, not even as a cause.
            raise DeviceRefused("ussd", None, f"the voucher was not sent: {safe(str(error), digits)}") from None
        except (TelecoreError, TimeoutError) as error:
            return "unknown", safe(str(error) or "no answer in time", digits)
        return read_top_up(recipe, text), safe(text, digits)

    @asynccontextmanager
    async def _alone(self, channel: ChannelId) -> AsyncIterator[None]:
        """One dialogue at a time, and none while a call is up: it would fail, or end the call."""
        status = self._status(channel)
        if status is not None and status.busy_legs:
            raise Busy(f"{channel} is in a call; USSD has to wait for its end")
        if channel in self._at_work:
            raise Busy(f"the account of {channel} is being asked already")
        self._at_work.add(channel)
        try:
            yield
        finally:
            self._at_work.discard(channel)

    def _known(self, channel: ChannelId) -> tuple[Sim, Recipe]:
        status = self._status(channel)
        if status is None or status.sim is None or self._lines.channel(channel) is None:
            raise NoNetwork(f"{channel} has no SIM that can be asked now")
        recipe = self._recipe(status.sim)
        if recipe is None:
            raise NotFound(_no_recipe(channel, self._wanted(status.sim.iccid)))
        return status.sim, recipe

    def _status(self, channel: ChannelId) -> ChannelStatus | None:
        return next((status for status in self._lines.statuses() if status.channel == channel), None)

    def _recipe(self, sim: Sim) -> Recipe | None:
        return self._recipes.choose(sim, self._wanted(sim.iccid))

    def _wanted(self, iccid: Iccid) -> str:
        own = self._config.by_iccid.get(iccid)
        return own.recipe if own is not None and own.recipe != "auto" else self._config.recipe

    def _valid_until(self, iccid: Iccid) -> str | None:
        own = self._config.by_iccid.get(iccid)
        return own.valid_until if own is not None else None

    async def _load(self) -> None:
        if not self._loaded:
            await self._ledger.load()
            self._loaded = True

    def _today(self) -> date:
        return datetime.fromtimestamp(self._wall(), UTC).date()


def _no_recipe(channel: ChannelId, wanted: str) -> str:
    if wanted == "none":
        return f"agent.yaml says recipe: none for the SIM of {channel}"
    if wanted != "auto":
        return f"there is no recipe {wanted!r}: see edge-agent recipes"
    return f"no recipe is enabled for the operator of {channel}: see edge-agent recipes"
