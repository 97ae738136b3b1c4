"""The messages of a media stream (Twilio's WebSocket protocol), made and read. Sound in them is µ-law, 8 kHz, mono."""

from __future__ import annotations

import json
from binascii import Error as NotBase64
from binascii import a2b_base64, b2a_base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from telecore.audio.frames import FRAME_MS
from telecore.model import Track

MALFORMED = 31950
INVALID = 31951

CONNECTED = '{"event":"connected","protocol":"Call","version":"1.0.0"}'
FORMAT = {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1}


@dataclass(frozen=True, slots=True)
class StreamIdentity:
    """Whose stream it is, as its messages say."""

    account: str
    call: str
    stream: str


class Teller:
    """Makes what the application is told, numbered from its ``start`` on."""

    def __init__(self, who: StreamIdentity, tracks: Iterable[Track], parameters: Mapping[str, str]) -> None:
        self._who = who
        self._parameters = dict(parameters)
        self._sequence = 0
        self._chunks = dict.fromkeys(tracks, 0)
        self._tail = f'"}},"streamSid":"{who.stream}"}}'

    def start(self) -> str:
        """``customParameters`` stand within ``start``, as Twilio has them, and beside it, as Somleng does."""
        who = self._who
        body = {
            "accountSid": who.account,
            "streamSid": who.stream,
            "callSid": who.call,
            "tracks": [track.value for track in self._chunks],
            "mediaFormat": FORMAT,
            "customParameters": self._parameters,
        }
        return self._message("start", start=body, customParameters=self._parameters)

    def media(self, track: Track, frame: bytes) -> str:
        """One frame of a track; its ``timestamp`` is where it ends, in ms from the beginning of the stream."""
        self._sequence += 1
        chunk = self._chunks[track] = self._chunks[track] + 1
        payload = b2a_base64(frame, newline=False).decode()
        return (
            f'{{"event":"media","sequenceNumber":"{self._sequence}","media":{{"track":"{track.value}",'
            f'"chunk":"{chunk}","timestamp":"{chunk * FRAME_MS}","payload":"{payload}{self._tail}'
        )

    def sent(self, track: Track) -> int:
        """How many frames of a track were told."""
        return self._chunks[track]

    def dtmf(self, key: str) -> str:
        return self._message("dtmf", dtmf={"track": "inbound_track", "digit": key})

    def mark(self, name: str) -> str:
        return self._message("mark", mark={"name": name})

    def stop(self) -> str:
        return self._message("stop", stop={"accountSid": self._who.account, "callSid": self._who.call})

    def _message(self, event: str, **body: object) -> str:
        self._sequence += 1
        whole = {"event": event, "sequenceNumber": str(self._sequence), **body, "streamSid": self._who.stream}
        return json.dumps(whole, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class Said:
    """Sound for the party, of any length."""

    sound: bytes


@dataclass(frozen=True, slots=True)
class Marked:
    """To be told when all that was said before has been heard."""

    name: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """Forget what was said and is not heard yet."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Not to be understood. ``code`` is Twilio's."""

    code: int
    why: str


FromApp = Said | Marked | Cleared | Fault


def read(text: str | bytes, stream: str) -> FromApp:
    """What an application sent on this stream."""
    if isinstance(text, bytes):
        return Fault(MALFORMED, "a binary message; messages are text")
    try:
        message = json.loads(text)
    except (ValueError, RecursionError):
        return Fault(MALFORMED, "a message that is not JSON")
    if not isinstance(message, dict):
        return Fault(MALFORMED, "a message that is not a JSON object")
    event = message.get("event")
    if not isinstance(event, str) or event not in ("media", "mark", "clear"):
        return Fault(INVALID, f"a message with the event {str(event)[:40]!r}; known are media, mark and clear")
    if message.get("streamSid") != stream:
        return Fault(INVALID, f"a {event} message whose streamSid is not this stream's")
    if event == "clear":
        return Cleared()
    body = message.get(event)
    if not isinstance(body, dict):
        return Fault(INVALID, f"a {event} message without its {event} object")
    return _said(body) if event == "media" else _marked(body)


def _said(body: dict[str, object]) -> FromApp:
    payload = body.get("payload")
    if not isinstance(payload, str):
        return Fault(INVALID, "a media message without a payload")
    try:
        return Said(a2b_base64(payload, strict_mode=True))
    except (NotBase64, ValueError):
        return Fault(INVALID, "a media message whose payload is not base64")


def _marked(body: dict[str, object]) -> FromApp:
    name = body.get("name")
    return Marked(name) if isinstance(name, str) else Fault(INVALID, "a mark message without a name")
