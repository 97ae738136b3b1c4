"""Handsets: people with phones who answer, are busy, press keys, speak, and get messages."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Protocol

from simulator.calls import ABSENT, BUSY, NORMAL, REJECTED, Call, CallState, Exchange
from simulator.handset_audio import HandsetAudio
from simulator.inbox import Inbox
from simulator.sending import PLAIN, Route, Sent, Style, send_message
from simulator.smsc import Parcel, Smsc, Verdict
from simulator.timing import Timers

ON_CALL = ("answer", "busy", "no_answer", "unreachable", "reject")
ON_SMS = ("deliver", "fail", "delay")
BROWSER_PATIENCE_S = 30.0


@dataclass(frozen=True, slots=True)
class Press:
    """Digits pressed some seconds after the call is answered."""

    after_s: float
    digits: str


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a handset does by itself; seconds are real ones, not scaled by --speed."""

    on_call: str = "answer"
    answer_after_s: float = 1.0
    hangup_after_s: float | None = None
    press: tuple[Press, ...] = ()
    speak: bytes | None = None  # s16le, 8 kHz
    on_sms: str = "deliver"
    sms_delay_s: float = 0.0


class Watcher(Protocol):
    """A browser that holds the handset: it rings there until somebody answers."""

    def call_changed(self, call: Call) -> None:
        """A call of this handset rings, is answered or ended."""

    def message_came(self, message: dict[str, object]) -> None:
        """A message was received."""


@dataclass(slots=True)
class _Talk:
    call: Call
    behaviour: Behaviour
    audio: HandsetAudio = field(default_factory=HandsetAudio)


class Handset:
    """One phone with its number; a Terminal for calls and a Recipient for messages."""

    device = ""

    def __init__(self, number: str, timers: Timers, exchange: Exchange, smsc: Smsc, inbox: Inbox) -> None:
        self.number = number
        self.behaviour = Behaviour()
        self.inbox = inbox
        self.watcher: Watcher | None = None
        self._timers = timers
        self._exchange = exchange
        self._smsc = smsc
        self._talk: _Talk | None = None
        self._references = itertools.count(1)

    @property
    def call(self) -> Call | None:
        """The call this handset is in."""
        return None if self._talk is None else self._talk.call

    def dial(
        self, to: str, *, press: tuple[Press, ...] = (), speak: bytes | None = None, withheld: bool = False
    ) -> Call | None:
        """Call a number; None when the handset is in a call already."""
        if self._talk is not None:
            return None
        behaviour = replace(self.behaviour, press=press, speak=speak)
        call = self._exchange.dial(self, to)
        call.withheld = withheld
        self._talk = _Talk(call, behaviour)
        return call

    def talking(self) -> HandsetAudio | None:
        """Ear and mouth of the call this handset is in."""
        return None if self._talk is None else self._talk.audio

    def send(self, to: str, body: str, style: Style = PLAIN) -> Sent:
        """Send a message. ValueError when it is too long."""
        return send_message(self._smsc, Route(self.number, to, next(self._references)), body, style)

    # ------------------------------------------------------------------------------------- Terminal

    @property
    def patience_s(self) -> float:
        """As long as its bearer means to wait; somebody at a browser must hear it first."""
        if self.watcher is not None:
            return BROWSER_PATIENCE_S
        return self.behaviour.answer_after_s if self.behaviour.on_call in ("answer", "reject") else 0.0

    def offer(self, call: Call) -> int | None:
        """A call comes in: the cause to refuse it, or None and it rings."""
        on_call = self.behaviour.on_call
        if on_call == "unreachable":
            return ABSENT
        if on_call == "busy" or self._talk is not None:
            return BUSY
        self._talk = _Talk(call, self.behaviour)
        if self.watcher is not None:
            self.watcher.call_changed(call)
        elif on_call == "answer":
            self._timers.after(self.behaviour.answer_after_s, lambda: self._exchange.answer(call))
        elif on_call == "reject":
            self._timers.after(self.behaviour.answer_after_s, lambda: self._exchange.end(call, REJECTED))
        return None

    def call_changed(self, call: Call) -> None:
        """The call is now ringing, answered or ended."""
        talk = self._talk
        if talk is None or talk.call is not call:
            return
        if call.state is CallState.ANSWERED:
            self._answered(talk)
        elif call.state is CallState.ENDED:
            talk.audio.on_frame = None
            self._talk = None
        if self.watcher is not None:
            self.watcher.call_changed(call)

    def audio(self, call: Call) -> HandsetAudio:
        """This handset's ear and mouth in the call."""
        if self._talk is None or self._talk.call is not call:
            raise LookupError(call.id)
        self.inbox.recordings.keep(call.id, self._talk.audio)
        return self._talk.audio

    def _answered(self, talk: _Talk) -> None:
        behaviour, call = talk.behaviour, talk.call
        if behaviour.speak is not None:
            talk.audio.say(behaviour.speak)
        for press in behaviour.press:
            self._timers.after(press.after_s, partial(talk.audio.press, press.digits))
        if behaviour.hangup_after_s is not None:
            self._timers.after(behaviour.hangup_after_s, lambda: self._exchange.end(call, NORMAL))

    # ------------------------------------------------------------------------------------ Recipient

    def sms_delay(self) -> float:
        """Real seconds by which messages come late."""
        return self.behaviour.sms_delay_s if self.behaviour.on_sms == "delay" else 0.0

    def take_sms(self, parcel: Parcel, done: Callable[[Verdict], None]) -> None:
        """Show the message, or refuse it."""
        if self.behaviour.on_sms == "fail":
            done(Verdict.FAILED)
            return
        message = self.inbox.receive(parcel)
        done(Verdict.TAKEN)
        if message is not None and self.watcher is not None:
            self.watcher.message_came(message)
