"""Dinstar's webhooks: taken from the box itself only, stored before they are acknowledged."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from edge_agent.drivers.gateway.box_values import json_of
from edge_agent.drivers.gateway.dinstar_codec import Push, read_push
from edge_agent.drivers.gateway.http_listener import HttpListener
from edge_agent.drivers.gateway.http_request import HttpRequest
from edge_agent.drivers.gateway.management import ManagementSettings
from telecore.errors import RemoteProtocolError

log = logging.getLogger(__name__)

OnPush = Callable[[Push], Awaitable[bool]]
"""When it returns, all of it is safe. False: it cannot be taken now. Raises StorageFailed."""


class DinstarHooks:
    """Listens on the settings' ``listen`` and ``listen_port``. ``sn``: the box's serial; empty: not known yet."""

    def __init__(self, settings: ManagementSettings, on_push: OnPush) -> None:
        host = settings.host or urlsplit(settings.url).hostname or ""
        self.listener = HttpListener(settings.listen, settings.listen_port or 0, host, self._take)
        self._device = settings.device
        self._on_push = on_push
        self.sn = ""

    async def start(self) -> None:
        """Raises DeviceRefused, DeviceLost."""
        await self.listener.start()

    async def stop(self) -> None:
        await self.listener.stop()

    async def _take(self, request: HttpRequest) -> int:
        try:
            push = read_push(json_of(request.body))
        except RemoteProtocolError as error:
            log.warning("%s: a webhook that is not understood: %s", self._device, error)
            return 400
        if self.sn and push.sn and push.sn != self.sn:
            log.warning("%s: a webhook of another box, %s", self._device, push.sn[:40])
            return 404
        return 200 if await self._on_push(push) else 503
