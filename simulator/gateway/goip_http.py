"""A GoIP's web pages, as far as programs read them."""

from __future__ import annotations

import html
import itertools
import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from aiohttp import web

from simulator.gateway.contracts import GatewayLine, LineCall, Received, Submitted, UssdAnswer
from simulator.gateway.web_box import WebBox
from simulator.modem.core import Registration
from simulator.timing import Timers

INBOX = 5
WEAK = 10
ROOT = "/default/en_US"
_REGISTERED = (Registration.HOME, Registration.ROAMING)
_CALLS = {
    LineCall.IDLE: "IDLE",
    LineCall.DIALING: "DIALING",
    LineCall.ALERTING: "ALERTING",
    LineCall.CONNECTED: "CONNECTED",
    LineCall.INCOMING: "RINGING",
}


@dataclass(slots=True)
class _Job:
    key: str = ""
    status: str = ""
    error: str = ""


class GoipPages:
    """A Tongue. Lines are numbered from 1. `on_reboot`: the whole box is to restart."""

    def __init__(
        self,
        lines: Sequence[GatewayLine],
        timers: Timers,
        *,
        user: str = "admin",
        password: str = "admin",
        port: int = 0,
        on_reboot: Callable[[], None] = lambda: None,
    ) -> None:
        self._lines = {line.index + 1: line for line in lines}
        self._timers = timers
        self._user, self._password = user, password
        self._on_reboot = on_reboot
        self._jobs = {number: _Job() for number in self._lines}
        self._inbox: dict[int, deque[str]] = {number: deque(maxlen=INBOX) for number in self._lines}
        self._serial = itertools.count(1)
        self.web = WebBox(self._routes(), port=port, basic=(user, password))

    @property
    def where(self) -> dict[str, object]:
        """What a technician would read off its pages."""
        return {"url": self.web.url, "user": self._user, "password": self._password, "lines": sorted(self._lines)}

    async def start(self) -> None:
        """Answer, and take what the lines hear."""
        for number, line in self._lines.items():
            line.on_received = self._taker(number)
        await self.web.start()

    async def stop(self) -> None:
        """No answers any more."""
        await self.web.stop()

    def _taker(self, number: int) -> Callable[[Received], bool]:
        def take(received: Received) -> bool:
            stamp = datetime.fromtimestamp(received.stamp, UTC).strftime("%m-%d %H:%M:%S")
            self._inbox[number].appendleft(f"{stamp},{received.sender},{received.text}")
            return True

        return take

    def _routes(self) -> list[web.RouteDef]:
        return [
            web.get(f"{ROOT}/status.xml", self._status),
            web.get(f"{ROOT}/status.html", self._module),
            web.get(f"{ROOT}/tools.html", self._tools),
            web.post(f"{ROOT}/sms_info.html", self._send),
            web.post(f"{ROOT}/ussd_info.html", self._ussd),
            web.get(f"{ROOT}/send_sms_status.xml", self._job_status),
            web.get(f"{ROOT}/reboot.html", self._reboot),
        ]

    async def _status(self, request: web.Request) -> web.Response:
        kind = request.query.get("type", "list")
        if kind == "base":
            body = "<sn>GO8V0001</sn><version>GST1610-1.01-66</version><model>GoIP8</model>"
        else:
            body = "".join(self._line_facts(number, line, kind) for number, line in self._lines.items())
        return _xml(f'<?xml version="1.0" encoding="gb2312"?><status>{body}</status>')

    def _line_facts(self, number: int, line: GatewayLine, kind: str) -> str:
        up = line.registration in _REGISTERED
        facts = {
            "module_status_gsm": "Y" if line.enabled else "N",
            "gsm_sim": "Y" if line.has_sim else "N",
            "gsm_status": "Y" if up else _red("N"),
            "gsm_signal": _red(str(line.rssi)) if line.rssi < WEAK else str(line.rssi),
            "gsm_cur_oper": line.sim.operator.name if up else "&nbsp;",
            "line_state": _CALLS[line.call_state],
        }
        if kind == "gsm" and line.has_sim:
            facts |= {"gsm_number": line.sim.number, "sim_imsi": line.sim.imsi, "sim_iccid": line.sim.iccid}
        return "".join(f"<l{number}_{name}>{value}</l{number}_{name}>\n" for name, value in facts.items())

    async def _module(self, request: web.Request) -> web.Response:
        line = self._lines.get(int(request.query.get("line", "0") or 0))
        if line is not None and request.query.get("down") in ("0", "1"):
            line.enable(request.query["down"] == "0")
        return web.Response(text="<html>status</html>", content_type="text/html")

    async def _tools(self, request: web.Request) -> web.Response:
        script = "".join(
            f"sms= {json.dumps([*inbox, *[''] * (INBOX - len(inbox))], ensure_ascii=False)};\n"
            f'sms_row_insert(document.getElementById("l{number}_sms_store"), sms, sms_pos, {number});\n'
            for number, inbox in self._inbox.items()
        )
        page = f'<html><body><script language="javascript">\n{script}</script></body></html>'
        return web.Response(text=page, content_type="text/html")

    async def _send(self, request: web.Request) -> web.Response:
        form = await request.post()
        for number, job in self._begin(dict(form)):
            self._lines[number].submit(str(form.get("telnum")), str(form.get("smscontent")), _finish(job))
        return web.Response(text="<html>SMS is sent</html>", content_type="text/html")

    async def _ussd(self, request: web.Request) -> web.Response:
        form = await request.post()
        for number, job in self._begin(dict(form)):
            self._lines[number].ussd(str(form.get("telnum")), _answer(job))
        return web.Response(text="<html>USSD is sent</html>", content_type="text/html")

    def _begin(self, form: dict[str, object]) -> list[tuple[int, _Job]]:
        """The lines that are asked and are not busy with the last job; theirs begins."""
        begun = []
        for number in self._lines:
            if form.get(f"line{number}") == "1" and self._jobs[number].status != "STARTED":
                self._jobs[number] = _Job(str(form.get("smskey")), "STARTED")
                begun.append((number, self._jobs[number]))
        return begun

    async def _job_status(self, request: web.Request) -> web.Response:
        body = "".join(
            f"<smskey{number}>{html.escape(job.key)}</smskey{number}><status{number}>{job.status}</status{number}>"
            f"<error{number}>{html.escape(job.error)}</error{number}>"
            for number, job in self._jobs.items()
        )
        return _xml(f'<?xml version="1.0" encoding="utf-8"?><send-sms-status>{body}</send-sms-status>')

    async def _reboot(self, request: web.Request) -> web.Response:
        self._on_reboot()
        return web.Response(text="<html>rebooting</html>", content_type="text/html")


def _finish(job: _Job) -> Callable[[Submitted], None]:
    def done(submitted: Submitted) -> None:
        job.status, job.error = "DONE", "" if submitted.error is None else str(submitted.error)

    return done


def _answer(job: _Job) -> Callable[[UssdAnswer], None]:
    def done(answer: UssdAnswer) -> None:
        job.status, job.error = "DONE", answer.text

    return done


def _red(text: str) -> str:
    return html.escape(f'<font color="#FF0000">{text}</font>', quote=False)


def _xml(text: str) -> web.Response:
    return web.Response(text=text, content_type="text/xml")
