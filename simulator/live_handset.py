"""A handset held by a browser: it rings there, speaks and hears over a WebSocket."""

from __future__ import annotations

import asyncio
import json

from simulator.calls import NORMAL, REJECTED, Call, CallState, Exchange
from simulator.handset_audio import HandsetAudio
from simulator.subscriber import Handset
from simulator.tones import check_digits

MOST_WAITING = 500


class LiveHandset:
    """Between one WebSocket and one handset; `outgoing` has JSON texts and frames of 320 bytes for the browser."""

    def __init__(self, phone: Handset, exchange: Exchange) -> None:
        self._phone = phone
        self._exchange = exchange
        self._audio: HandsetAudio | None = None
        self.outgoing: asyncio.Queue[str | bytes] = asyncio.Queue(MOST_WAITING)
        phone.watcher = self
        self._say(event="ready", number=phone.number, messages=phone.inbox.messages[-100:])

    def close(self) -> None:
        """The browser is gone: its call ends, the handset behaves by itself again."""
        self._phone.watcher = None
        if self._phone.call is not None:
            self._exchange.end(self._phone.call, NORMAL)

    def spoken(self, samples: bytes) -> None:
        """Sound from the microphone, s16le at 8 kHz."""
        if self._audio is not None:
            room = min(len(samples), self._audio.microphone.room())
            self._audio.microphone.put(samples[: room // 2 * 2])

    def told(self, text: str) -> None:
        """A wish of the browser: dial, answer, hangup, digits, send."""
        try:
            wish = json.loads(text)
            self._do(str(wish.get("do")), str(wish.get("to", "")), str(wish.get("text", "")))
        except (ValueError, AttributeError, RecursionError) as error:
            self._say(event="error", text=str(error))

    def call_changed(self, call: Call) -> None:
        """A call of the handset rings, is answered or ended."""
        if call.state is CallState.ANSWERED:
            self._audio = self._phone.talking()
            if self._audio is not None:
                self._audio.live = True
                self._audio.on_frame = self._heard
        elif call.state is CallState.ENDED:
            self._audio = None
        incoming = call.caller is not self._phone
        other = call.caller.number if incoming else call.to
        self._say(event="call", id=call.id, state=call.state.value, incoming=incoming, other=other, cause=call.cause)

    def message_came(self, message: dict[str, object]) -> None:
        """A message was received."""
        self._say(event="message", message=message)

    def _do(self, what: str, to: str, text: str) -> None:
        call = self._phone.call
        if what == "dial":
            if self._phone.dial(to) is None:
                raise ValueError("you are in a call already")
        elif what == "send":
            self._phone.send(to, text)
        elif call is None:
            raise ValueError("there is no call")
        elif what == "answer":
            self._exchange.answer(call)
        elif what == "hangup":
            refusing = call.caller is not self._phone and call.answered_at is None
            self._exchange.end(call, REJECTED if refusing else NORMAL)
        elif what == "digits" and self._audio is not None:
            self._audio.press(check_digits(text))

    def _heard(self, frame: bytes) -> None:
        if self.outgoing.qsize() < MOST_WAITING // 2:
            self.outgoing.put_nowait(frame)

    def _say(self, **event: object) -> None:
        if not self.outgoing.full():
            self.outgoing.put_nowait(json.dumps(event))
