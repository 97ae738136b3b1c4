"""The simulator's HTTP interface (`lab.md`), loopback only; errors are JSON and name the field."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import ClientError, ClientSession, ClientTimeout, WSMsgType, web

from simulator import requests, views
from simulator.calls import NORMAL, Call, CallState
from simulator.control_extras import Extras, read_body
from simulator.faults import FaultRefused
from simulator.handset_audio import HandsetAudio
from simulator.lab import Lab
from simulator.live_handset import LiveHandset
from simulator.requests import BadRequest, Body
from simulator.subscriber import Handset
from telecore.audio.wav import write_wav

log = logging.getLogger(__name__)

LARGEST_BODY = 64 * 1024 * 1024
SUPERVISOR_S = 60.0
STOP_S = 1.0
STATIC = Path(__file__).parent / "static"
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Control:
    """The routes over one lab."""

    def __init__(self, lab: Lab, supervisor_url: str | None) -> None:
        self._lab = lab
        self._network = lab.network
        self._supervisor_url = supervisor_url

    @asynccontextmanager
    async def listening(self, port: int) -> AsyncIterator[str]:
        """Answer on that port of the loopback interface, 0 for a free one; gives the URL. OSError when it is taken."""
        runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=STOP_S)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            host, taken = runner.addresses[0][:2]
            yield f"http://{host}:{taken}"
        finally:
            await runner.cleanup()

    def _application(self) -> web.Application:
        app = web.Application(middlewares=[_errors], client_max_size=LARGEST_BODY)
        app.add_routes(
            [
                web.get("/", self._home),
                web.get("/handset", self._page),
                web.static("/static", STATIC),
                web.get("/subscribers", self._subscribers),
                web.get("/subscribers/{number}", self._subscriber),
                web.put("/subscribers/{number}", self._behave),
                web.post("/subscribers/{number}/calls", self._dial),
                web.get("/subscribers/{number}/messages", self._messages),
                web.post("/subscribers/{number}/messages", self._send),
                web.get("/subscribers/{number}/live", self._live),
                web.get("/calls", self._calls),
                web.get("/calls/{id}", self._call),
                web.get("/calls/{id}/heard.wav", self._heard),
                web.post("/calls/{id}/digits", self._press),
                web.post("/calls/{id}/speak", self._speak),
                web.post("/calls/{id}/hangup", self._hang_up),
                web.get("/network", self._show_network),
                web.get("/faults", self._faults),
                web.post("/faults", self._begin_fault),
                web.delete("/faults/{id}", self._end_fault),
                web.post("/processes/{name}/restart", self._restart),
                *Extras(self._lab).routes(),
            ]
        )
        return app

    # ---------------------------------------------------------------------------------- subscribers

    async def _subscribers(self, request: web.Request) -> web.Response:
        handsets = [views.handset(phone) for phone in self._network.handsets.values()]
        return web.json_response(handsets + [views.sim(self._network, card) for card in self._network.sims.values()])

    async def _subscriber(self, request: web.Request) -> web.Response:
        number = self._number(request)
        if number in self._network.sims:
            return web.json_response(views.sim(self._network, self._network.sims[number]))
        return web.json_response(views.handset(self._network.handsets[number]))

    async def _behave(self, request: web.Request) -> web.Response:
        phone = self._handset(request)
        body = await read_body(request, *requests.BEHAVIOUR_FIELDS)
        phone.behaviour = requests.behaviour(phone.behaviour, body, await _speech(body))
        return web.json_response(views.handset(phone))

    async def _dial(self, request: web.Request) -> web.Response:
        phone = self._handset(request)
        body = await read_body(request, "to", "press", "speak_wav", "withheld")
        to, press, speak = body.number("to"), body.presses(), await _speech(body)
        call = phone.dial(to, press=press, speak=speak, withheld=body.flag("withheld"))
        if call is None:
            raise BadRequest(None, f"{phone.number} is in a call already", status=409)
        return web.json_response({"id": call.id})

    async def _messages(self, request: web.Request) -> web.Response:
        inbox = self._network.inbox(self._number(request))
        return web.json_response([] if inbox is None else inbox.messages)

    async def _send(self, request: web.Request) -> web.Response:
        phone = self._handset(request)
        body = await read_body(request, "to", "body", *requests.STYLE_FIELDS)
        style = requests.style(body)
        text = body.text("body") if style.data is None else ""
        try:
            sent = phone.send(body.number("to"), text, style)
        except ValueError as error:
            raise BadRequest("body", str(error)) from error
        return web.json_response({"id": sent.id, "parts": sent.parts})

    # ---------------------------------------------------------------------------------------- calls

    async def _calls(self, request: web.Request) -> web.Response:
        calls = self._network.exchange.calls.values()
        return web.json_response([views.call(self._network, call) for call in calls])

    async def _call(self, request: web.Request) -> web.Response:
        return web.json_response(views.call(self._network, self._find_call(request)))

    async def _heard(self, request: web.Request) -> web.Response:
        call = self._find_call(request)
        ears = self._network.recordings.of(call.id)
        if ears is None and not any(isinstance(end, Handset) for end in call.ends()):
            raise BadRequest("id", f"no handset is in {call.id}", status=404)
        wav = write_wav(bytes(ears.heard) if ears else b"")
        return web.Response(body=wav, content_type="audio/wav")

    async def _press(self, request: web.Request) -> web.Response:
        call, audio = self._talk(request)
        body = await read_body(request, "digits")
        audio.press(body.digits())
        return web.json_response(views.call(self._network, call))

    async def _speak(self, request: web.Request) -> web.Response:
        call, audio = self._talk(request)
        wav = await request.read()
        samples = await asyncio.to_thread(requests.speech_of, "body", wav)
        try:
            audio.say(samples)
        except ValueError as error:
            raise BadRequest("body", str(error)) from error
        return web.json_response(views.call(self._network, call))

    async def _hang_up(self, request: web.Request) -> web.Response:
        call = self._find_call(request)
        body = await read_body(request, "cause", optional=True)
        cause = body.integer("cause", NORMAL, 1, 127)
        if call.state is CallState.ENDED:
            raise BadRequest("id", f"{call.id} has ended", status=409)
        self._network.exchange.end(call, cause)
        return web.json_response(views.call(self._network, call))

    # ------------------------------------------------------------------------------ network, faults

    async def _show_network(self, request: web.Request) -> web.Response:
        return web.json_response(views.network(self._lab))

    async def _faults(self, request: web.Request) -> web.Response:
        return web.json_response([views.fault(fault) for fault in self._network.faults.all()])

    async def _begin_fault(self, request: web.Request) -> web.Response:
        body = await read_body(request, open_ended=True)
        kind, target = body.text("kind"), body.text("target")
        for_s = body.optional_seconds("for_s")
        fault = self._network.faults.begin(kind, target, body.others("kind", "target", "for_s"), for_s)
        return web.json_response({"id": fault.id})

    async def _end_fault(self, request: web.Request) -> web.Response:
        fault_id = request.match_info["id"]
        if not self._network.faults.end(fault_id):
            raise BadRequest("id", f"no fault {fault_id!r} is in force", status=404)
        return web.json_response({"id": fault_id})

    async def _restart(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        if self._supervisor_url is None:
            raise BadRequest("name", "this simulator runs without the lab's supervisor", status=409)
        url = f"{self._supervisor_url.rstrip('/')}/processes/{name}/restart"
        timeout = ClientTimeout(total=SUPERVISOR_S)
        try:
            async with ClientSession(timeout=timeout) as session, session.post(url) as answer:
                return web.Response(body=await answer.read(), status=answer.status, content_type=answer.content_type)
        except (ClientError, TimeoutError) as error:
            raise BadRequest("name", f"the lab's supervisor does not answer: {error}", status=502) from error

    # ----------------------------------------------------------------------------------- the browser

    async def _home(self, request: web.Request) -> web.Response:
        raise web.HTTPFound("/handset")

    async def _page(self, request: web.Request) -> web.FileResponse:
        return web.FileResponse(STATIC / "handset.html")

    async def _live(self, request: web.Request) -> web.WebSocketResponse:
        phone = self._handset(request)
        if phone.watcher is not None:
            raise BadRequest("number", f"{phone.number} is held by another browser", status=409)
        socket = web.WebSocketResponse(heartbeat=20, max_msg_size=256 * 1024)
        await socket.prepare(request)
        live = LiveHandset(phone, self._network.exchange)
        async with asyncio.TaskGroup() as tasks:
            writer = tasks.create_task(_write(socket, live))
            try:
                async for message in socket:
                    if message.type is WSMsgType.BINARY:
                        live.spoken(message.data)
                    elif message.type is WSMsgType.TEXT:
                        live.told(message.data)
            finally:
                live.close()
                writer.cancel()
        return socket

    # --------------------------------------------------------------------------------------- finding

    def _number(self, request: web.Request) -> str:
        number = request.match_info["number"]
        if self._network.inbox(number) is None:
            raise BadRequest("number", f"no subscriber has the number {number!r}", status=404)
        return number

    def _handset(self, request: web.Request) -> Handset:
        number = self._number(request)
        if number not in self._network.handsets:
            raise BadRequest("number", f"{number} is a SIM in a modem, not a handset", status=409)
        return self._network.handsets[number]

    def _find_call(self, request: web.Request) -> Call:
        call = self._network.exchange.calls.get(request.match_info["id"])
        if call is None:
            raise BadRequest("id", f"there is no call {request.match_info['id']!r}", status=404)
        return call

    def _talk(self, request: web.Request) -> tuple[Call, HandsetAudio]:
        call = self._find_call(request)
        ears = self._network.recordings.of(call.id)
        if call.state is not CallState.ANSWERED or ears is None:
            raise BadRequest("id", f"no handset is talking in {call.id}, it is {call.state}", status=409)
        return call, ears


async def _write(socket: web.WebSocketResponse, live: LiveHandset) -> None:
    while True:
        item = await live.outgoing.get()
        if isinstance(item, bytes):
            await socket.send_bytes(item)
        else:
            await socket.send_str(item)


async def _speech(body: Body) -> bytes | None:
    wav = body.wav()
    return None if wav is None else await asyncio.to_thread(requests.speech_of, "speak_wav", wav)


@web.middleware
async def _errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except (BadRequest, FaultRefused) as error:
        return _error(error.status, str(error), error.field)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        return _error(error.status, f"{request.method} {request.path}: {error.reason}", None)


def _error(status: int, message: str, field: str | None) -> web.Response:
    log.info("refused with %d, field %s", status, field)
    return web.json_response({"error": message, "field": field}, status=status)
