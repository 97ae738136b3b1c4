"""What reached a number: its messages put together, and what was heard in its calls."""

from __future__ import annotations

from typing import Any

from simulator.handset_audio import HandsetAudio
from simulator.segments import Reassembly
from simulator.smsc import Parcel
from simulator.timing import Timers, iso

KEPT_MESSAGES = 20_000
KEPT_RECORDINGS = 500
KEPT_BYTES = 256_000_000

Message = dict[str, object]


class Recordings:
    """What handsets heard, by call; the oldest are forgotten when there is too much."""

    def __init__(self) -> None:
        self._ears: dict[str, HandsetAudio] = {}

    def keep(self, call_id: str, audio: HandsetAudio) -> None:
        """Remember this call's handset; of two handsets, the called one."""
        self._ears[call_id] = audio
        while len(self._ears) > KEPT_RECORDINGS or (len(self._ears) > 1 and self._size() > KEPT_BYTES):
            del self._ears[next(iter(self._ears))]

    def of(self, call_id: str) -> HandsetAudio | None:
        """The handset's audio of a call, or None when no handset was in it or it is forgotten."""
        return self._ears.get(call_id)

    def _size(self) -> int:
        return sum(len(audio.heard) for audio in self._ears.values())


class MessageIds:
    """Ids of messages, one series for the whole lab."""

    def __init__(self) -> None:
        self.last = 0

    def new(self) -> str:
        """The next id."""
        self.last += 1
        return f"message{self.last}"


class Inbox:
    """The messages one number received, in order."""

    def __init__(self, number: str, timers: Timers, ids: MessageIds, recordings: Recordings) -> None:
        self.number = number
        self.recordings = recordings
        self.messages: list[Message] = []
        self._timers = timers
        self._ids = ids
        self._parts = Reassembly()

    def receive(self, parcel: Parcel) -> Message | None:
        """Take a part; the message when it is complete."""
        text = parcel.content.text if parcel.content.text or not parcel.content.data else parcel.content.data.hex()
        whole = self._parts.add(parcel.sender, parcel.concat, text)
        if whole is None:
            return None
        body, parts = whole
        message: Message = {
            "id": self._ids.new(),
            "from": parcel.sender,
            "to": self.number,
            "body": body,
            "parts": parts,
            "received_at": iso(self._timers.now()),
        }
        self.messages.append(message)
        del self.messages[:-KEPT_MESSAGES]
        return message

    def snapshot(self) -> dict[str, object]:
        """Messages and waiting parts as JSON values."""
        return {"messages": list(self.messages), "parts": self._parts.snapshot()}

    def restore(self, values: dict[str, Any]) -> None:
        """Put a snapshot back."""
        self.messages = list(values["messages"])
        self._parts.restore(values["parts"])
