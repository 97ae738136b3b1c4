"""A Dinstar box's HTTP API with digest login, and its webhooks."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from aiohttp import web

from simulator.alphabet import is_gsm
from simulator.gateway.contracts import GatewayLine, LineCall, Received, Reported, Submitted, UssdAnswer
from simulator.gateway.digest import DigestLogin
from simulator.gateway.dinstar_rows import Row, SentSms, integers, object_of, texts
from simulator.gateway.web_box import WebBox
from simulator.gateway.webhooks import Webhooks
from simulator.modem.core import Registration
from simulator.timing import Timers

LARGEST_TEXT = 1500
MOST_NUMBERS = 32
KEPT = 500
DELIVERED = 0
_CALLS = {
    LineCall.IDLE: "Idle",
    LineCall.DIALING: "Processing",
    LineCall.ALERTING: "Alerting",
    LineCall.CONNECTED: "Active",
    LineCall.INCOMING: "Ringing",
}
_REGISTERED = (Registration.HOME, Registration.ROAMING)


class DinstarBox:
    """A Tongue. `push_url`: where webhooks go; empty: nowhere."""

    def __init__(
        self,
        lines: Sequence[GatewayLine],
        timers: Timers,
        *,
        user: str = "admin",
        password: str = "admin",
        port: int = 0,
        push_url: str = "",
        sn: str = "db01-0325-0044-0001",
        nonce_uses: int = 100,
    ) -> None:
        self._lines = {line.index: line for line in lines}
        self._timers = timers
        self._login = DigestLogin("Web Server", user, password, uses=nonce_uses)
        self._user, self._password = user, password
        self.sn = sn
        self.hooks = Webhooks(push_url, sn)
        self._ids, self._tasks = itertools.count(1), itertools.count(1)
        self._sent: deque[SentSms] = deque(maxlen=KEPT)
        self._delivered: deque[Row] = deque(maxlen=KEPT)
        self._received: deque[Row] = deque(maxlen=KEPT)
        self._ussd: dict[int, str] = {}
        self._asking: set[int] = set()
        self._registered: dict[int, str] = {}
        self.web = WebBox(self._routes(), port=port, digest=self._login)

    @property
    def where(self) -> dict[str, object]:
        """What a technician would read off its pages."""
        return {"url": self.web.url, "user": self._user, "password": self._password, "ports": sorted(self._lines)}

    async def start(self) -> None:
        """Answer, and take what the lines hear."""
        for index, line in self._lines.items():
            line.on_received = self._taker(index)
            line.on_reported = self._reporter(index)
            line.on_ussd = self._ussd_taker(index)
            line.on_changed = self._watcher(index)
        await self.web.start()

    async def stop(self) -> None:
        """No answers any more."""
        self.hooks.stop()
        await self.web.stop()

    def forget(self) -> None:
        """What a restart does: results and nonces are gone, the received messages are numbered anew."""
        self._login.forget()
        self._sent.clear()
        self._delivered.clear()
        self._ids = itertools.count(1)
        for row in self._received:
            row["incoming_sms_id"] = next(self._ids)

    # --------------------------------------------------------------------------------------- what the lines tell

    def _taker(self, port: int) -> Callable[[Received], bool]:
        def take(received: Received) -> bool:
            row: Row = {
                "incoming_sms_id": next(self._ids),
                "port": port,
                "number": received.sender,
                "smsc": received.smsc,
                "timestamp": self._stamp(received.stamp),
                "text": received.text,
            }
            self._received.append(row)
            self.hooks.push("sms", [row])
            return True

        return take

    def _reporter(self, port: int) -> Callable[[Reported], None]:
        def report(reported: Reported) -> None:
            row: Row = {
                "port": port,
                "number": reported.to,
                "time": self._stamp(reported.stamp),
                "ref_id": reported.reference,
                "status_code": reported.status,
                "imsi": self._lines[port].sim.imsi,
            }
            self._delivered.append(row)
            self.hooks.push("sms_deliver_status", [row])
            for sms in self._sent:
                if sms.port == port and sms.last == reported.reference and reported.status == DELIVERED:
                    sms.status = "DELIVERED"

        return report

    def _ussd_taker(self, port: int) -> Callable[[UssdAnswer], None]:
        def take(answer: UssdAnswer) -> None:
            self._asking.discard(port)
            self._ussd[port] = answer.text
            if answer.text:
                self.hooks.push("ussd", [{"port": port, "text": answer.text}])

        return take

    def _watcher(self, port: int) -> Callable[[], None]:
        def changed() -> None:
            reg = self._reg(self._lines[port])
            if self._registered.get(port) != reg:
                self._registered[port] = reg
                sim = self._lines[port].sim
                up = reg == "REGISTER_OK"
                names = (sim.iccid, sim.imsi) if up else ("<NULL>", "<NULL>")
                row: Row = {"port": port, "iccid": names[0], "imsi": names[1], "status": "up" if up else "down"}
                self.hooks.push("register", [row])

        return changed

    # ------------------------------------------------------------------------------------------------- the pages

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.post("/api/send_sms", self._send_sms),
            web.post("/api/query_sms_result", self._query_result),
            web.post("/api/query_sms_deliver_status", self._query_delivered),
            web.get("/api/query_sms_in_queue", self._query_queue),
            web.get("/api/query_incoming_sms", self._query_incoming),
            web.post("/api/send_ussd", self._send_ussd),
            web.get("/api/query_ussd_reply", self._query_ussd),
            web.get("/api/get_port_info", self._port_info),
            web.get("/api/set_port_info", self._set_port),
        ]

    async def _send_sms(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        text, params = body.get("text"), body.get("param")
        if not isinstance(text, str) or not isinstance(params, list) or not params:
            return self._answer(400)
        if len(text.encode()) > LARGEST_TEXT:
            return self._answer(413)
        ports = [port for port in integers(body.get("port")) if port in self._lines] or list(self._lines)
        ready = [port for port in ports if self._lines[port].registration in _REGISTERED]
        if not ready:
            return self._answer(550)
        for number, param in enumerate(params):
            self._queue(ready[number % len(ready)], text, param, body)
        waiting = sum(sms.status == "SENDING" for sms in self._sent)
        return self._answer(202, sms_in_queue=waiting, task_id=next(self._tasks))

    def _queue(self, port: int, template: str, param: Mapping[str, object], body: Row) -> None:
        text = template
        filling = param.get("text_param")
        for value in filling if isinstance(filling, list) else []:
            text = text.replace("#param#", str(value), 1)
        if body.get("encoding") == "gsm-7bit":
            text = "".join(char if is_gsm(char) else "?" for char in text)
        user_id = param.get("user_id")
        number = str(param.get("number"))
        stamp = self._stamp(self._timers.now())
        sms = SentSms(port, number, user_id if isinstance(user_id, int) else 0, stamp, imsi=self._lines[port].sim.imsi)
        self._sent.append(sms)

        def done(submitted: Submitted) -> None:
            self._done(sms, submitted)

        self._lines[port].submit(number, text, done, report=bool(body.get("request_status_report")))

    def _done(self, sms: SentSms, submitted: Submitted) -> None:
        sms.count = submitted.parts
        if submitted.error is None:
            sms.status = "SENT_OK"
            sms.succeeded, sms.last = submitted.parts, submitted.reference
            sms.ref = (submitted.reference - submitted.parts + 1) % 256
        else:
            sms.status = "FAILED"
        row = sms.row()
        del row["user_id"]
        self.hooks.push("sms_result", [row])

    async def _query_result(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        numbers, ids = texts(body.get("number")), integers(body.get("user_id"))
        if len(numbers) > MOST_NUMBERS:
            return self._answer(413)
        found = [
            sms.row()
            for sms in self._sent
            if (not ids or sms.user_id in ids) and (not numbers or sms.number in numbers)
        ]
        return self._answer(200, result=found)

    async def _query_delivered(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        numbers, after = texts(body.get("number")), body.get("time_after")
        if len(numbers) > MOST_NUMBERS:
            return self._answer(413)
        found = [
            row
            for row in self._delivered
            if (not numbers or row["number"] in numbers) and (not after or str(row["time"]) >= str(after))
        ]
        return self._answer(200, result=found)

    async def _query_queue(self, request: web.Request) -> web.Response:
        return self._answer(200, in_queue=sum(sms.status == "SENDING" for sms in self._sent))

    async def _query_incoming(self, request: web.Request) -> web.Response:
        above = request.query.get("incoming_sms_id", "0")
        if not above.isdigit():
            return self._answer(400)
        found = [row for row in self._received if int(str(row["incoming_sms_id"])) > int(above)]
        return self._answer(200, sms=found, read=0, unread=len(found))

    async def _send_ussd(self, request: web.Request) -> web.Response:
        body = await object_of(request)
        ports, text = integers(body.get("port")), body.get("text", "")
        if not ports or not isinstance(text, str) or len(text.encode()) > 60:
            return self._answer(400)
        if body.get("command", "send") == "cancel":
            for port in ports:
                self._asking.discard(port)
                self._lines[port].ussd_end()
            return self._answer(202, result=[{"port": port, "status": 200} for port in ports])
        if not text:
            return self._answer(400)
        return self._answer(202, result=[{"port": port, "status": self._ask(port, text)} for port in ports])

    def _ask(self, port: int, text: str) -> int:
        line = self._lines[port]
        if line.registration not in _REGISTERED:
            return 503
        if port in self._asking or line.call_state is not LineCall.IDLE:
            return 486
        self._asking.add(port)
        self._ussd[port] = ""
        line.ussd(text, self._ussd_taker(port))
        return 200

    async def _query_ussd(self, request: web.Request) -> web.Response:
        ports = self._asked_ports(request)
        return self._answer(200, reply=[{"port": port, "text": self._ussd.get(port, "")} for port in ports])

    async def _port_info(self, request: web.Request) -> web.Response:
        wanted = request.query.get("info_type", "").split(",")
        rows: list[Row] = []
        for port in self._asked_ports(request):
            facts = self._facts(self._lines[port])
            rows.append({"port": port, **{name: facts[name] for name in wanted if name in facts}})
        return self._answer(200, info=rows)

    async def _set_port(self, request: web.Request) -> web.Response:
        ports, action, param = self._asked_ports(request), request.query.get("action"), request.query.get("param")
        if len(ports) != 1 or action not in ("reset", "power"):
            return self._answer(400)
        if action == "reset":
            self._lines[ports[0]].restart()
        else:
            self._lines[ports[0]].enable(param == "on")
        return self._answer(200)

    def _asked_ports(self, request: web.Request) -> list[int]:
        asked = [int(port) for port in request.query.get("port", "").split(",") if port.isdigit()]
        return [port for port in asked if port in self._lines] if asked else sorted(self._lines)

    def _facts(self, line: GatewayLine) -> Row:
        there = line.has_sim
        return {
            "type": "LTE",
            "imei": line.imei,
            "imsi": line.sim.imsi if there else "",
            "iccid": line.sim.iccid if there else "",
            "number": line.sim.number if there else "",
            "reg": self._reg(line),
            "callstate": _CALLS[line.call_state],
            "signal": line.rssi,
            "slot": 255,
        }

    def _reg(self, line: GatewayLine) -> str:
        if not line.enabled:
            return "POWER_OFF"
        if not line.has_sim:
            return "NO_SIM"
        if line.registration in _REGISTERED:
            return "REGISTER_OK"
        return "SEARCHING_NETWORK" if line.registration is Registration.SEARCHING else "UNREGISTER"

    def _answer(self, code: int, **values: object) -> web.Response:
        return web.json_response({"error_code": code, "sn": self.sn, **values})

    def _stamp(self, moment: float) -> str:
        return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%d %H:%M:%S")
