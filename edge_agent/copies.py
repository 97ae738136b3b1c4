"""Messages that were being sent from a modem's storage when something died: the modem is asked what became of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from edge_agent.contracts import HeldCopy, HeldEntry, HoldingSms, SmsService
from edge_agent.copy_rules import Fate, fate_of
from edge_agent.spool import Spool
from edge_agent.submitting import outbound
from telecore.commands import SendMessage
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, TelecoreError, Transient
from telecore.ids import ChannelId

log = logging.getLogger(__name__)

PATIENCE_S = 600.0
"""A modem that is away for longer is not waited for."""
_LOOK_S = 0.5
_NOT_NOW = (DeviceLost, DeviceRefused, RemoteProtocolError, Transient)

Find = Callable[[ChannelId], SmsService | None]


class Copies:
    """``service`` finds what a channel sends with, None while its modem is away."""

    def __init__(
        self,
        spool: Spool,
        service: Find,
        *,
        patience_s: float = PATIENCE_S,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._spool = spool
        self._service = service
        self._patience_s = patience_s
        self._sleep = sleep

    async def fate(self, command: SendMessage, copy: HeldCopy) -> Fate:
        """What became of it: sent, unsent or unknown. Waits for the modem to come back, and for its mark to settle."""
        waited, settled = 0.0, False
        while waited < self._patience_s:
            service = self._service(command.channel)
            try:
                if isinstance(service, HoldingSms):
                    fate = await self._look(service, copy, settled=settled)
                    if fate is not Fate.WAIT:
                        return fate
                    await self._sleep(service.settle_s)
                    settled = True
                    continue
            except _NOT_NOW as error:
                log.info("message %s: asking its modem: %s", command.message, error)
            await self._sleep(_LOOK_S)
            waited += _LOOK_S
        return Fate.UNKNOWN

    async def _look(self, service: HoldingSms, copy: HeldCopy, *, settled: bool) -> Fate:
        if service.device != copy.device:
            return Fate.UNKNOWN
        proven = service.marks or (service.marks is None and await self._spool.is_proven(copy.device))
        lived = service.lived_since(copy)
        return fate_of(copy, await service.held(), lived=lived, proven=bool(proven), settled=settled)

    async def forget(self, channel: ChannelId, copy: HeldCopy) -> None:
        """Delete a copy that has told what it knew; what stays is found by ``sweep``."""
        service = self._service(channel)
        if isinstance(service, HoldingSms) and service.device == copy.device:
            try:
                for entry in await service.held():
                    if (entry.store, entry.index, entry.identity) == (copy.store, copy.index, copy.identity):
                        await service.discard(entry)
            except _NOT_NOW as error:
                log.info("%s: a copy stays in the modem for now: %s", channel, error)

    async def sweep(self, channel: ChannelId, service: HoldingSms) -> None:
        """Delete what an earlier life left in the modem and nobody needs; what is not ours is only told."""
        try:
            needed = await self._spool.copies(channel)
            left = [e for e in await service.held() if (e.store, e.index, e.identity) not in needed]
            ours = [entry for entry in left if await self._is_ours(channel, service, entry)]
            for entry in ours:
                await service.discard(entry)
        except TelecoreError as error:
            log.info("%s: looking for copies in the modem: %s", channel, error)
            return
        if ours:
            log.info("%s: %d copies of messages of an earlier life were deleted from the modem", channel, len(ours))
        if len(left) > len(ours):
            strangers = len(left) - len(ours)
            log.warning("%s: %d messages to be sent lie in the modem that are not ours; they stay", channel, strangers)

    async def _is_ours(self, channel: ChannelId, service: HoldingSms, entry: HeldEntry) -> bool:
        sent = await self._spool.sent_to(channel, entry.to)
        return any(entry.identity in service.identities(outbound(command, None)) for command in sent)
