"""USSD over one port of a Dinstar box. An answer carries no mark of its question, so there is one at a time."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress

from edge_agent.contracts import UssdReply, UssdState
from edge_agent.drivers.gateway import dinstar_codec as codec
from edge_agent.drivers.gateway.http_client import HttpClient
from edge_agent.drivers.gateway.ussd_answers import SessionGuess, answered, begins_session, check_code
from telecore.errors import (
    Busy,
    DeviceLost,
    DeviceRefused,
    OutcomeUnknown,
    RemoteProtocolError,
    TimedOut,
    Transient,
)

log = logging.getLogger(__name__)

ECHO_S = 30.0
"""For so long the same text, pushed, is the answer that was polled already."""


class DinstarUssd:
    """A UssdService. ``timeout_s``: how long the network may take, ``poll_s`` between two looks for its answer."""

    def __init__(self, client: HttpClient, port: int, *, timeout_s: float = 60.0, poll_s: float = 1.0) -> None:
        self._client = client
        self._port = port
        self._timeout_s = timeout_s
        self._poll_s = poll_s
        self._pending: asyncio.Future[str | None] | None = None
        self._sent = False
        self._called_off = False
        self._last: tuple[str, float] = ("", 0.0)
        self._session = SessionGuess(asyncio.get_running_loop().time)

    async def request(self, code: str) -> UssdReply:
        """Send a code, or the reply to a menu; a code ends the session that an answer may have left open.

        Raises InvalidRequest, Busy, NoNetwork, DeviceRefused, DeviceLost, and TimedOut when nobody knows whether the
        network has it.
        """
        body = codec.send_ussd(self._port, check_code(code))
        if self._pending is not None:
            raise Busy("a USSD request is under way")
        self._pending = asyncio.get_running_loop().create_future()
        self._sent = self._called_off = False
        try:
            if self._session.may_be_open and begins_session(code):
                with suppress(TimedOut, DeviceRefused, RemoteProtocolError):
                    await self._cancel()
            before = await self._look()
            if self._called_off:  # before it was said
                return UssdReply(UssdState.RELEASED, "")
            await self._send(body)
            async with asyncio.timeout(self._timeout_s):
                text = await self._answer(before)
        except TimeoutError:
            with suppress(Transient, DeviceRefused, RemoteProtocolError):
                await self._cancel()
            return UssdReply(UssdState.TIMEOUT, "")
        finally:
            self._pending = None
        if text is None:
            return UssdReply(UssdState.RELEASED, "")
        self._last = (text, asyncio.get_running_loop().time())
        self._session.answered()
        return answered(text)

    async def cancel(self) -> None:
        """End the session; who waits gets ``released``. Raises DeviceLost, DeviceRefused, TimedOut."""
        self._called_off = True
        await self._cancel()
        if self._pending is not None and not self._pending.done():
            self._pending.set_result(None)

    def pushed(self, text: str) -> UssdReply | None:
        """The box pushed a text: None when it answers a request, else the network speaks of its own accord."""
        if not text.strip():
            return None
        if self._pending is not None:
            if self._sent and not self._pending.done():
                self._pending.set_result(text)
            return None
        last, at = self._last
        if text.strip() == last.strip() and asyncio.get_running_loop().time() - at < ECHO_S:
            return None
        return answered(text)

    async def _look(self) -> str:
        answer = await self._client.get(codec.USSD_REPLY, codec.query_ussd(self._port))
        texts = codec.read_ussd(codec.envelope(answer.json()))
        return next((found.text.strip() for found in texts if found.port == self._port), "")

    async def _send(self, body: codec.Body) -> None:
        try:
            answer = await self._client.post_json(codec.SEND_USSD, body, acts=True)
            codec.check_ussd_sent(codec.envelope(answer.json()), self._port)
        except (OutcomeUnknown, RemoteProtocolError) as error:
            raise TimedOut(f"whether the network has the code nobody knows: {error}") from error
        self._sent = True

    async def _answer(self, before: str) -> str | None:
        """The first text that is not the one of an earlier question; None: it was called off.

        Boxes differ in whether they forget the last answer when a new code is sent. One that shows nothing in between
        has; of one that goes on showing the old text only another text is believed.
        """
        pending = self._pending
        if pending is None:
            raise DeviceLost("closed")
        while not pending.done():
            try:
                text = await self._look()
            except (TimedOut, RemoteProtocolError) as error:
                log.info("port %d: looking for the answer: %s", self._port, error)
            else:
                if text and text != before:
                    return text
                before = before if text else ""
            await asyncio.wait({pending}, timeout=self._poll_s)
        return pending.result()

    async def _cancel(self) -> None:
        self._session.ended()
        try:
            answer = await self._client.post_json(codec.SEND_USSD, codec.cancel_ussd(self._port), acts=True)
            codec.envelope(answer.json())
        except OutcomeUnknown as error:
            raise TimedOut(str(error)) from error
