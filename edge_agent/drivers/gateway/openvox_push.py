"""SMS that an OpenVox hands over by itself: its "SMS to HTTP", stored before it is answered.

The names of the fields are what a technician writes into the box's page; those of the maker's examples are taken.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from edge_agent.contracts import Core, SmsPart
from edge_agent.drivers.gateway.box_values import part_key, time_of
from edge_agent.drivers.gateway.http_listener import HttpListener
from edge_agent.drivers.gateway.http_request import HttpRequest
from edge_agent.drivers.gateway.management import ManagementSettings
from telecore.errors import RemoteProtocolError
from telecore.ids import Address

log = logging.getLogger(__name__)

_SENDER, _TEXT = ("phonenumber", "num", "number", "from"), ("message", "msg", "text")
_PORT = re.compile(r"(?:.*[.-])?([0-9]{1,3})")
_METHODS = frozenset({"GET", "POST"})
_FIELDS = 32


@dataclass(frozen=True, slots=True)
class Pushed:
    """``port``: as the pages number it, also out of ``gsm-1.2``. ``time``: by the box's clock."""

    sender: str
    text: str
    port: str
    time: str = ""


def read_push(request: HttpRequest) -> Pushed:
    """Fields of the query and of a form. Raises RemoteProtocolError."""
    form = request.body.decode("utf-8", "replace") if request.method == "POST" else ""
    try:
        query = urlsplit(request.target).query
        pairs = [*parse_qsl(query, True, max_num_fields=_FIELDS), *parse_qsl(form, True, max_num_fields=_FIELDS)]
    except ValueError:
        raise RemoteProtocolError("no address, or more fields than an SMS has") from None
    said = {name.lower(): value for name, value in pairs}
    sender = next((said[name] for name in _SENDER if said.get(name)), "").strip()
    port = _PORT.fullmatch((said.get("port") or said.get("portname") or "").strip())
    text = next((said[name] for name in _TEXT if name in said), None)
    if not sender or port is None or text is None:
        raise RemoteProtocolError("an SMS without its sender, its port or its text")
    return Pushed(sender, text, port[1].lstrip("0") or "0", said.get("time", "").strip())


class OpenVoxPushes:
    """``core``: who keeps them; before there is one, the box is told to try again."""

    def __init__(self, settings: ManagementSettings) -> None:
        self._listener = HttpListener(
            settings.listen, settings.listen_port or 0, settings.host, self._take, methods=_METHODS
        )
        self._lines = {line.name.lstrip("0"): line for line in settings.lines}
        self.core: Core | None = None

    @property
    def port(self) -> int:
        return self._listener.port

    async def start(self) -> None:
        """Raises DeviceRefused when the port is taken, DeviceLost."""
        await self._listener.start()

    async def stop(self) -> None:
        await self._listener.stop()

    async def _take(self, request: HttpRequest) -> int:
        try:
            pushed = read_push(request)
        except RemoteProtocolError as error:
            log.warning("SMS to HTTP: %s", error)
            return 400
        line = self._lines.get(pushed.port)
        if line is None:
            log.warning("SMS to HTTP: port %s is none of ours", pushed.port)
            return 404
        if self.core is None:
            return 503
        key = part_key("openvox", pushed.port, pushed.sender, pushed.time, pushed.text)
        await self.core.part(SmsPart(line.channel, key, Address(pushed.sender), pushed.text, time_of(pushed.time)))
        return 200
