"""Received SMS of a Dinstar box, polled and pushed; each is told once, whichever way it comes first."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import tzinfo

from edge_agent.contracts import Core, SmsPart
from edge_agent.drivers.gateway import dinstar_codec as codec
from edge_agent.drivers.gateway.box_values import time_of
from edge_agent.drivers.gateway.dinstar_values import IncomingSms
from edge_agent.drivers.gateway.http_client import HttpClient
from edge_agent.drivers.gateway.serving import Remembered
from telecore.ids import ChannelId
from telecore.numbers import address_of

PAGES = 20
"""Answers that are read in one go; what is left comes with the next poll."""
WHOLE_EVERY = 20
"""Polls after which the whole list is read: a box that restarts counts its messages from the beginning."""


class DinstarInbox:
    def __init__(self, client: HttpClient, channels: Mapping[int, ChannelId], zone: tzinfo | None) -> None:
        self._client = client
        self._channels = channels
        self._zone = zone
        self._above = 0
        self._rewinds = 0
        self._polls = 0
        self._taken = Remembered()

    def rewind(self) -> None:
        """The box may have restarted: its list is read from the beginning, also in the middle of a poll."""
        self._above = 0
        self._rewinds += 1

    async def poll(self, core: Core) -> None:
        """Take what is new. Raises what HttpClient raises, StorageFailed; what was not taken comes again."""
        self._polls += 1
        if self._polls % WHOLE_EVERY == 0:
            self.rewind()
        for _ in range(PAGES):
            rewinds = self._rewinds
            answer = await self._client.get(codec.INCOMING_SMS, codec.query_incoming(self._above))
            before = self._above
            for sms in sorted(codec.read_incoming(codec.envelope(answer.json())), key=lambda sms: sms.id or 0):
                await self.take(sms, core)
                if self._rewinds == rewinds:
                    self._above = max(self._above, sms.id or 0)
            if self._above == before and self._rewinds == rewinds:
                return

    async def take(self, sms: IncomingSms, core: Core) -> None:
        """Hand one over; when this returns it is safe on disk, or was before. Raises StorageFailed."""
        channel = self._channels.get(sms.port)
        if channel is None or (sms.port, sms.key) in self._taken:
            return
        sent_at = time_of(sms.timestamp, self._zone)
        await core.part(SmsPart(channel, sms.key, address_of(sms.number), sms.text, sent_at))
        self._taken.add((sms.port, sms.key))
