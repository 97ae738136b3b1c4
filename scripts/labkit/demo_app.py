"""The sample application of the demo: a village registers for flood warnings by phone or by SMS.

It knows nothing of Simferry. It is what anybody would write for Twilio: three web hooks that answer with TwiML.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from xml.sax.saxutils import escape

from aiohttp import web

from telecore import signature

Note = Callable[[str], None]

WELCOME = (
    "Welcome to the flood warning line. Press 1 to register this phone for warnings, "
    "or press 2 to hear the river level."
)
VOICE = "/voice"


class FloodLine:
    """The application and what it has learned. ``note`` is told each step; ``token`` checks Twilio's signature."""

    def __init__(self, note: Note, token: str) -> None:
        self._note = note
        self._token = token
        self.registered: list[str] = []
        self.digits: list[str] = []
        self.messages: list[str] = []
        self.statuses: list[str] = []

    def application(self) -> web.Application:
        app = web.Application()
        app.router.add_post(VOICE, self.voice)
        app.router.add_post("/choice", self.choice)
        app.router.add_post("/sms", self.sms)
        app.router.add_post("/status", self.status)
        return app

    async def voice(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        self._note(f"webhook  POST /voice   CallSid={form['CallSid'][:10]}…  From={form['From']}")
        gather = f'<Gather numDigits="1" action="/choice" timeout="8"><Say>{escape(WELCOME)}</Say></Gather>'
        return _twiml(f"{gather}<Say>We heard no key. Goodbye.</Say>")

    async def choice(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        digits = form.get("Digits", "")
        self.digits.append(digits)
        self._note(f"webhook  POST /choice  Digits={digits}")
        if digits != "1":
            return _twiml("<Say>The river stands at two metres. Goodbye.</Say><Hangup/>")
        self.registered.append(form["From"])
        return _twiml("<Say>Thank you. This phone is registered for flood warnings.</Say><Hangup/>")

    async def sms(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        self.messages.append(form["Body"])
        self._note(f"webhook  POST /sms     From={form['From']}  Body={form['Body']!r}")
        return _twiml(f"<Message>Registered for {escape(form['Body'])}. Reply STOP to end.</Message>")

    async def status(self, request: web.Request) -> web.Response:
        form = await self._form(request)
        status = form.get("MessageStatus") or form.get("CallStatus", "")
        self.statuses.append(status)
        self._note(f"webhook  POST /status  {status}")
        return web.Response(status=204)

    async def _form(self, request: web.Request) -> Mapping[str, str]:
        """The fields of a request whose signature is right; anybody else is turned away."""
        fields = [(name, str(value)) for name, value in (await request.post()).items()]
        given = request.headers.get("X-Twilio-Signature", "")
        if not signature.verify(self._token, str(request.url), fields, given):
            raise web.HTTPForbidden(text="the signature is wrong")
        return dict(fields)


def _twiml(verbs: str) -> web.Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>'
    return web.Response(text=text, content_type="text/xml")
