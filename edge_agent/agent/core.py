"""What devices tell the agent, handed to whoever looks after it (contracts.Core)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection

from edge_agent.contracts import IncomingCall, RadioStatus, SmsPart, StatusReport, UssdReply
from edge_agent.inventory import Inventory
from edge_agent.messages import Messages
from edge_agent.spool import Spool
from telecore.errors import StorageFailed
from telecore.events import Event, UssdReplied
from telecore.ids import ChannelId
from telecore.sim_health import StoreLevel

log = logging.getLogger(__name__)


class EdgeCore:
    """The one Core of an agent.

    ``on_radio`` hears how SIMs stand; ``is_test``: whether an SMS is a self-test, and nobody's message; ``on_ussd``
    hears what the network says by itself. ``without_sim``: channels of which no SIM's health is judged.
    """

    def __init__(
        self,
        spool: Spool,
        messages: Messages,
        inventory: Inventory,
        incoming: Callable[[IncomingCall], None],
        *,
        on_radio: Callable[[ChannelId, RadioStatus], None] = lambda channel, status: None,
        is_test: Callable[[SmsPart], bool] = lambda part: False,
        on_ussd: Callable[[ChannelId, str], None] = lambda channel, text: None,
        without_sim: Collection[ChannelId] = (),
    ) -> None:
        self._spool = spool
        self._inventory = inventory
        self._messages = messages
        self._incoming = incoming
        self._on_radio = on_radio
        self._is_test = is_test
        self._on_ussd = on_ussd
        self._without_sim = frozenset(without_sim)

    async def part(self, part: SmsPart) -> None:
        if not self._is_test(part):
            await self._messages.part(part)

    async def report(self, report: StatusReport) -> None:
        await self._messages.report(report)

    async def radio(self, channel: ChannelId, status: RadioStatus) -> None:
        events = self._inventory.radio(channel, status)
        if channel not in self._without_sim:
            self._on_radio(channel, status)
        self._messages.wake(channel)
        for event in events:
            await self._tell(event)

    async def ussd(self, channel: ChannelId, reply: UssdReply) -> None:
        """USSD that the network began by itself."""
        self._on_ussd(channel, reply.text)
        await self._tell(UssdReplied(channel=channel, state=reply.state.value, text=reply.text))

    async def event(self, event: Event) -> None:
        await self._tell(event)

    async def _tell(self, event: Event) -> None:
        """For news that a full disk may swallow: the heartbeat tells it too, and calls must not end over it."""
        try:
            await self._spool.append(event)
        except StorageFailed as error:
            log.warning("%s is not kept for the cloud: %s", event.kind, error)

    def stored(self, channel: ChannelId, level: StoreLevel) -> None:
        self._inventory.stored(channel, level)

    def incoming(self, call: IncomingCall) -> None:
        self._incoming(call)
