"""Dialogues on FreeSWITCH's event socket: recorded between the driver and a real one, masked, and played again.

A file has one JSON object a line: ``agent`` with a command, or ``freeswitch`` with a message. What differs from run to
run stands as ``@OURS@``, ``@THEIRS@``, ``@JOB@`` (ids that the driver makes) and ``@LISTEN@`` (its SIP address).
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from edge_agent.drivers.freeswitch.event_text import content_length, read_block
from tests.fakes.event_socket import FakeEventSocket, packed

Record = tuple[str, str]

KEPT = re.compile(
    r"Content-Type|Content-Length|Reply-Text|Job-UUID|Job-Command|Event-Name|Event-Subclass|Event-Sequence|Unique-ID"
    r"|Gateway|State|Ping-Status|Status|Phrase|profile-name|Channel-State|Channel-Name|Answer-State|Call-Direction"
    r"|Hangup-Cause|Other-Leg-Unique-ID|Caller-Caller-ID-(Name|Number)|Caller-Destination-Number"
    r"|variable_(originate_failed_cause|hangup_cause|hangup_cause_q850|sip_term_status|proto_specific_hangup_cause"
    r"|sip_hangup_disposition|sip_term_cause|simferry|sip_reason|last_bridge_hangup_cause|bridge_hangup_cause)"
)
"""Headers of an event that are kept: the others tell of the machine, or are of no use here."""
_IDS = (
    ("OURS", re.compile(r"originate \{[^}]*origination_uuid=([0-9a-f-]{36})")),
    ("THEIRS", re.compile(r"&bridge\(\{[^}]*origination_uuid=([0-9a-f-]{36})")),
    ("JOB", re.compile(r"Job-UUID: ([0-9a-f]{32})")),
    ("LISTEN", re.compile(r"simferry[ =]([0-9.]+:[0-9]+)")),
)


def ids_in(command: str) -> dict[str, str]:
    return {name: match[1] for name, pattern in _IDS if (match := pattern.search(command))}


def fill(text: str, ids: dict[str, str]) -> str:
    return re.sub(r"@([A-Z]+)@", lambda match: ids.get(match[1], match[0]), text)


def load(path: Path) -> list[Record]:
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return [(side, text) for row in rows for side, text in row.items()]


def save(path: Path, records: Iterable[Record]) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps({side: text}) + "\n" for side, text in records))


class Recorder:
    """Stands between the driver and the event socket at ``target``; ``records`` is the masked dialogue."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.records: list[Record] = []
        self._ids: dict[str, str] = {}
        self._server: asyncio.Server | None = None
        self._pumps: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)
        for writer in self._writers:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        theirs, ours = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers += [writer, ours]
        for pump in (self._from_agent(reader, ours), self._from_freeswitch(theirs, writer)):
            self._pumps.add(asyncio.create_task(pump))

    async def _from_agent(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                data = await reader.readuntil(b"\n\n")
                command = data.decode().rstrip("\n")
                self._ids |= ids_in(command)
                self.records.append(("agent", "auth ***" if command.startswith("auth ") else self._masked(command)))
                writer.write(data)
        except asyncio.IncompleteReadError:
            writer.close()

    async def _from_freeswitch(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                block = await reader.readuntil(b"\n\n")
                headers = read_block(block, encoded=False)
                body = await reader.readexactly(content_length(headers))
                self.records.append(("freeswitch", self._masked(_trimmed(headers, block, body))))
                writer.write(block + body)
        except asyncio.IncompleteReadError:
            writer.close()

    def _masked(self, text: str) -> str:
        for name, value in self._ids.items():
            text = text.replace(value, f"@{name}@")
            text = text.replace(value.replace(":", "%3A"), f"@{name}@")
        return text


def _trimmed(headers: dict[str, str], block: bytes, body: bytes) -> str:
    if headers.get("Content-Type") != "text/event-plain":
        return (block + body).decode()
    head, _, rest = body.partition(b"\n\n")
    kept = [line for line in head.decode().split("\n") if KEPT.fullmatch(line.partition(":")[0])]
    return packed("\n".join(kept).encode() + b"\n\n" + rest).decode()


class ReplayedEventSocket(FakeEventSocket):
    """Plays FreeSWITCH's part of a dialogue, and knows where the agent's part differs: ``missed``."""

    def __init__(self, records: list[Record]) -> None:
        super().__init__()
        self.records = list(records)
        self.missed: list[str] = []
        self.ids: dict[str, str] = {}
        self.greeting = self._next().encode()

    async def _take(self, command: str, writer: asyncio.StreamWriter) -> None:
        async with self.heard:
            self.commands.append(command)
            self.heard.notify_all()
        self.ids |= ids_in(command)
        side, text = self.records.pop(0) if self.records else ("", "")
        if side != "agent" or (fill(text, self.ids) != command and text != "auth ***"):
            self.missed.append(f"{command} instead of {text}")
        writer.write(self._next().encode())

    def _next(self) -> str:
        """What FreeSWITCH says up to the agent's next command, its lengths as they are with the real ids."""
        said = ""
        while self.records and self.records[0][0] == "freeswitch":
            said += _measured(fill(self.records.pop(0)[1], self.ids))
        return said


def _measured(message: str) -> str:
    block, _, body = message.partition("\n\n")
    return re.sub(r"Content-Length: \d+", f"Content-Length: {len(body.encode())}", block, count=1) + "\n\n" + body
