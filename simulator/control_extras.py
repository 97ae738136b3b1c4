"""What the HTTP interface has beyond the contract of `lab.md`: modems, accounts, the operator's own messages."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict
from datetime import date

from aiohttp import web

from simulator import requests, views
from simulator.lab import Lab
from simulator.modem.modem import Modem
from simulator.requests import BadRequest, Body
from simulator.sim import Sim
from simulator.ussd_menu import GSM7_DCS, UCS2_DCS

MOST_CENTS = 100_000_000


class Extras:
    """More routes over one lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._network = lab.network

    def routes(self) -> list[web.RouteDef]:
        """To be added to the application."""
        return [
            web.get("/modems", self._modems),
            web.put("/modems/{name}", self._change),
            web.post("/modems/{name}/say", self._say),
            web.put("/sims/{number}", self._account),
            web.post("/sims/{number}/ussd", self._ussd),
            web.post("/sims/{number}/operator_messages", self._operator_message),
        ]

    async def _modems(self, request: web.Request) -> web.Response:
        return web.json_response([self._modem_json(modem) for modem in self._lab.modems])

    async def _change(self, request: web.Request) -> web.Response:
        modem = self._modem(request)
        body = await read_body(request, *requests.HABIT_FIELDS)
        modem.habits = requests.habits(modem.habits, body)
        return web.json_response(self._modem_json(modem))

    async def _say(self, request: web.Request) -> web.Response:
        modem = self._modem(request)
        body = await read_body(request, "lines", "base64")
        if "base64" in body:
            try:
                modem.say(base64.b64decode(body.text("base64"), validate=True))
            except binascii.Error as error:
                raise BadRequest("base64", f"base64 is none: {error}") from error
        else:
            lines = body.values().get("lines")
            if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
                raise BadRequest("lines", "lines must be a list of strings, or give base64")
            modem.say("".join(f"\r\n{line}\r\n" for line in lines).encode("latin-1", errors="replace"))
        return web.json_response({})

    async def _account(self, request: web.Request) -> web.Response:
        sim = self._sim(request)
        body = await read_body(request, "balance_cents", "valid_until")
        if "balance_cents" in body:
            sim.balance = body.integer("balance_cents", 0, 0, MOST_CENTS)
        if "valid_until" in body:
            try:
                sim.valid_until = date.fromisoformat(body.text("valid_until"))
            except ValueError as error:
                raise BadRequest("valid_until", "valid_until must be a date like 2030-12-31") from error
        self._network.changed()
        return web.json_response(views.sim(self._network, sim) | {"valid_until": sim.valid_until.isoformat()})

    async def _ussd(self, request: web.Request) -> web.Response:
        sim = self._sim(request)
        body = await read_body(request, "text", "expects_reply", "ucs2")
        text, expects_reply = body.text("text"), body.flag("expects_reply")
        dcs = UCS2_DCS if body.flag("ucs2") else GSM7_DCS
        for modem in self._lab.modems:
            if modem.sim is sim:
                modem.push_ussd(text, expects_reply=expects_reply, dcs=dcs)
        for line in self._lab.lines:
            if line.sim is sim:
                line.push_ussd(text, expects_reply=expects_reply)
        return web.json_response({})

    async def _operator_message(self, request: web.Request) -> web.Response:
        sim = self._sim(request)
        body = await read_body(request, "body", "from")
        sender = body.text("from") if "from" in body else ""
        try:
            sent = self._network.operator_message(sim, body.text("body"), sender)
        except ValueError as error:
            raise BadRequest("body", str(error)) from error
        return web.json_response({"id": sent.id, "parts": sent.parts})

    def _modem_json(self, modem: Modem) -> views.Json:
        index = self._lab.modems.index(modem)
        at, pcm = self._lab.at_ports[index], self._lab.pcm_ports[index]
        shown = views.modem(modem, str(at.link), str(pcm.link) if pcm else None)
        return shown | {"habits": asdict(modem.habits)}

    def _modem(self, request: web.Request) -> Modem:
        name = request.match_info["name"]
        modem = next((modem for modem in self._lab.modems if modem.device == name), None)
        if modem is None:
            raise BadRequest("name", f"there is no modem {name!r}", status=404)
        return modem

    def _sim(self, request: web.Request) -> Sim:
        number = request.match_info["number"]
        if number not in self._network.sims:
            raise BadRequest("number", f"no SIM has the number {number!r}", status=404)
        return self._network.sims[number]


async def read_body(request: web.Request, *known: str, optional: bool = False, open_ended: bool = False) -> Body:
    """The JSON object of a request; BadRequest when it is none."""
    raw = await request.read()
    if optional and not raw.strip():
        return Body({}, known)
    try:
        values = json.loads(raw)
    except (ValueError, RecursionError) as error:
        raise BadRequest(None, f"the body is not JSON: {error}") from error
    return Body(values, known, open_ended=open_ended)
