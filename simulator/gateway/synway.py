"""A Synway box's HTTP API, with messages whose separators nobody escapes."""

from __future__ import annotations

import itertools
import json
from collections import deque
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from aiohttp import web

from simulator.gateway.contracts import GatewayLine, LineCall, Received, Submitted
from simulator.gateway.web_box import WebBox
from simulator.modem.core import Registration
from simulator.timing import Timers

KEPT = 500
MOST_7BIT, MOST_UCS2 = 600, 300
WAITING, SENT, FAILED = "1", "2", "3"
_CALLS = {
    LineCall.IDLE: 0,
    LineCall.DIALING: 4,
    LineCall.ALERTING: 9,
    LineCall.CONNECTED: 3,
    LineCall.INCOMING: 2,
}
_CONNECTED = {
    Registration.IDLE: 0,
    Registration.HOME: 1,
    Registration.SEARCHING: 2,
    Registration.DENIED: 3,
    Registration.ROAMING: 5,
}
_UNAVAILABLE = 11
Body = dict[str, object]


class SynwayBox:
    """A Tongue. Ports are numbered from 1."""

    def __init__(
        self,
        lines: Sequence[GatewayLine],
        timers: Timers,
        *,
        user: str = "ApiUserAdmin",
        password: str = "admin",
        port: int = 0,
    ) -> None:
        self._lines = {line.index + 1: line for line in lines}
        self._timers = timers
        self._user, self._password = user, password
        self._ids = itertools.count(1)
        self._tasks: dict[str, list[str]] = {}
        self._received: deque[tuple[str, int, str, str]] = deque(maxlen=KEPT)
        self._pages: dict[str, Callable[[Body], str]] = {
            "getportinfo": self._port_states,
            "getportconnectstate": self._connect_states,
            "getwirelessinfo": self._identities,
            "queryrxsms": self._inbox,
            "querytxsms": self._task,
            "txsms": self._send,
        }
        self.web = WebBox(
            [web.post("/API/QueryInfo", self._handle), web.post("/API/TaskHandle", self._handle)],
            port=port,
            basic=(user, password),
        )

    @property
    def where(self) -> dict[str, object]:
        """What a technician would read off its pages."""
        return {"url": self.web.url, "user": self._user, "password": self._password, "ports": sorted(self._lines)}

    async def start(self) -> None:
        """Answer, and take what the lines hear."""
        for port, line in self._lines.items():
            line.on_received = self._taker(port)
        await self.web.start()

    async def stop(self) -> None:
        """No answers any more."""
        await self.web.stop()

    def _taker(self, port: int) -> Callable[[Received], bool]:
        def take(received: Received) -> bool:
            stamp = datetime.fromtimestamp(received.stamp, UTC).strftime("%Y-%m-%d %H:%M:%S")
            self._received.append((stamp, port, received.sender, received.text))
            return True

        return take

    async def _handle(self, request: web.Request) -> web.Response:
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        page = self._pages.get(str(body.get("event"))) if isinstance(body, dict) else None
        if page is None or not isinstance(body, dict):
            return _answer("error", "Unknown event")
        try:
            return _answer("ok", page(body))
        except ValueError as error:
            return _answer("error", str(error))

    def _port_states(self, body: Body) -> str:
        states = (_CALLS[line.call_state] if line.has_sim and line.enabled else _UNAVAILABLE for line in self._each())
        return f"total:{len(self._lines)};portstate:{','.join(map(str, states))};"

    def _connect_states(self, body: Body) -> str:
        states = (_CONNECTED[line.registration] for line in self._each())
        return f"total:{len(self._lines)};ConnectState:{','.join(map(str, states))}"

    def _identities(self, body: Body) -> str:
        kind = {"ICCID": "iccid", "IMSI": "imsi", "PhoneNo": "number"}.get(str(body.get("type")))
        if kind is None:
            raise ValueError("Unknown type")
        there = [port for port in self._ports(body) if self._lines[port].has_sim]
        return "".join(f"{port}:{getattr(self._lines[port].sim, kind)}." for port in there)

    def _inbox(self, body: Body) -> str:
        begin, end = str(body.get("begintime", "0")), str(body.get("endtime", "9"))
        ports = self._ports(body)
        found = [row for row in self._received if row[1] in ports and begin <= _digits(row[0]) <= end]
        return f"total:{len(found)};" + "".join(f"{at}:{port}(C)(-1):{num}:{text}|E;" for at, port, num, text in found)

    def _task(self, body: Body) -> str:
        task = str(body.get("taskid"))
        if task not in self._tasks:
            raise ValueError("No such task")
        port, number, state = self._tasks[task]
        return f"total:1;{port}:{number}:{state}"

    def _send(self, body: Body) -> str:
        text, number, ports = body.get("smsinfo"), body.get("num"), self._ports(body)
        if not isinstance(text, str) or not isinstance(number, str) or not ports:
            raise ValueError("Parameter error")
        if len(text) > (MOST_UCS2 if body.get("encoding") == "8" else MOST_7BIT):
            raise ValueError("The message is too long")
        task = str(next(self._ids))
        self._tasks[task] = [str(ports[0]), number, WAITING]
        if len(self._tasks) > KEPT:
            del self._tasks[next(iter(self._tasks))]
        sent = text if body.get("encoding") == "8" else "".join(char if char.isascii() else "?" for char in text)

        def done(submitted: Submitted) -> None:
            self._tasks[task][2] = SENT if submitted.error is None else FAILED

        self._lines[ports[0]].submit(number, sent, done, report=False)
        return f"taskid:{task}"

    def _ports(self, body: Body) -> list[int]:
        named = str(body.get("port", "-1"))
        if named == "-1":
            return sorted(self._lines)
        return [int(port) for port in named.split(",") if port.isdigit() and int(port) in self._lines]

    def _each(self) -> list[GatewayLine]:
        return [self._lines[port] for port in sorted(self._lines)]


def _digits(stamp: str) -> str:
    return "".join(char for char in stamp if char.isdigit())


def _answer(result: str, content: str) -> web.Response:
    return web.json_response({"result": result, "content": content})
