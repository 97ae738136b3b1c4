"""The other end of the simulated gateway, played by hand: raw SIP over UDP, and RTP beside it. Independent of both
stacks: it knows strings only."""

from __future__ import annotations

import asyncio
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass, field

from telecore.audio import g711
from telecore.audio.tone import dtmf_tone, tone
from telecore.audio.tone_level import ToneLevel

Address = tuple[str, int]


@dataclass
class Got:
    """A message as it came."""

    text: str
    source: Address
    body: str = ""

    def __post_init__(self) -> None:
        head, _, self.body = re.sub(r"\r?\n", "\n", self.text).partition("\n\n")
        self.lines = head.split("\n")

    @property
    def start(self) -> str:
        return self.lines[0]

    @property
    def method(self) -> str:
        return self.start.split(maxsplit=1)[0]

    @property
    def status(self) -> int:
        return int(self.start.split()[1]) if self.start.startswith("SIP/2.0") else 0

    def all(self, name: str) -> list[str]:
        found = [line.partition(":") for line in self.lines[1:]]
        return [value.strip() for key, _, value in found if key.strip().lower() == name.lower()]

    def get(self, name: str) -> str:
        return (self.all(name) or [""])[0]

    @property
    def rtp_port(self) -> int:
        match = re.search(r"^m=audio (\d+)", self.body, re.MULTILINE)
        assert match, self.text
        return int(match[1])


def udp() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


class Party:
    """One port of SIP and one of RTP."""

    def __init__(self) -> None:
        self.sip, self.rtp = udp(), udp()
        self.port: int = self.sip.getsockname()[1]
        self.rtp_port: int = self.rtp.getsockname()[1]
        self.seen: list[Got] = []
        self.raw: list[bytes] = []
        self.inbox: asyncio.Queue[Got] = asyncio.Queue()
        self.sound = Sound(self.rtp)
        self._count = 0
        loop = asyncio.get_running_loop()
        loop.add_reader(self.sip, self._readable)
        loop.add_reader(self.rtp, self.sound.readable)

    def close(self) -> None:
        loop = asyncio.get_running_loop()
        self.sound.stop()
        for made in (self.sip, self.rtp):
            loop.remove_reader(made)
            made.close()

    def _readable(self) -> None:
        data, source = self.sip.recvfrom(65_535)
        self.raw.append(data)
        if data.strip(b"\0\r\n"):
            got = Got(data.decode(), source)
            self.seen.append(got)
            self.inbox.put_nowait(got)

    def send(self, text: str, to: Address) -> None:
        self.sip.sendto(text.encode(), to)

    async def expect(self, *kinds: str | int, limit: float = 5.0) -> Got:
        """The next request or response of one of these kinds; others before it are passed over."""
        async with asyncio.timeout(limit):
            while True:
                got = await self.inbox.get()
                if got.method in kinds or got.status in kinds:
                    return got

    async def nothing(self, *kinds: str | int, for_s: float) -> None:
        try:
            got = await self.expect(*kinds, limit=for_s)
        except TimeoutError:
            return
        raise AssertionError(got.text)

    # ------------------------------------------------------------------------------------- as server

    def answer(self, request: Got, status: int, *more: str, body: str = "", tag: str = "party") -> None:
        to = request.get("To")
        if status > 100 and "tag=" not in to:
            to += f";tag={tag}"
        lines = [f"SIP/2.0 {status} Whatever", *(f"Via: {via}" for via in request.all("Via"))]
        lines += [f"From: {request.get('From')}", f"To: {to}", f"Call-ID: {request.get('Call-ID')}"]
        lines += [f"CSeq: {request.get('CSeq')}", *more]
        self.send(_whole(lines, body), request.source)

    def contact(self) -> str:
        return f"Contact: <sip:agent@127.0.0.1:{self.port}>"

    def sdp(self, *, formats: str = "8 0 101", direction: str = "sendrecv", version: int = 1, extra: str = "") -> str:
        return (
            f"v=0\r\no=- 7 {version} IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {self.rtp_port} RTP/AVP {formats}\r\n{extra}"
            f"a=rtpmap:101 telephone-event/8000\r\na={direction}\r\n"
        )

    async def take_call(self, *, formats: str = "8 101") -> tuple[Got, Got]:
        """Answer the next INVITE at once: (INVITE, ACK)."""
        invite = await self.expect("INVITE")
        self.answer(invite, 100)
        self.answer(invite, 200, self.contact(), "Content-Type: application/sdp", body=self.sdp(formats=formats))
        self.sound.to = ("127.0.0.1", invite.rtp_port)
        return invite, await self.expect("ACK")

    # ------------------------------------------------------------------------------------- as client

    def invite(self, to: Address, number: str, *more: str, body: str | None = None, user: str = "agent") -> Dialogue:
        self._count += 1
        dialogue = Dialogue(self, to, f"sip:{number}@127.0.0.1:{to[1]}", f"call{self._count}@party", user)
        dialogue.send("INVITE", *more, body=self.sdp() if body is None else body)
        return dialogue

    def options(self, to: Address) -> None:
        Dialogue(self, to, f"sip:127.0.0.1:{to[1]}", "options", "agent").send("OPTIONS")

    async def call(self, to: Address, number: str, *, user: str = "agent", body: str | None = None) -> Dialogue:
        """A call that is answered and acknowledged."""
        dialogue = self.invite(to, number, user=user, body=body)
        dialogue.answered(await self.expect(200))
        return dialogue


@dataclass
class Dialogue:
    """A call that the party began."""

    party: Party
    to: Address
    uri: str
    call_id: str
    user: str
    tag: str = ""
    cseq: int = 0
    branch: str = ""
    routes: list[str] = field(default_factory=list)

    def send(self, method: str, *more: str, body: str = "", same_branch: bool = False) -> None:
        if method not in ("ACK", "CANCEL"):
            self.cseq += 1
        if not same_branch:
            self.branch = f"z9hG4bK{self.call_id}{self.cseq}{method}"
        tag = f";tag={self.tag}" if self.tag and method != "CANCEL" else ""
        lines = [
            f"{method} {self.uri} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.party.port};branch={self.branch};rport",
            f"From: <sip:{self.user}@127.0.0.1>;tag=mine",
            f"To: <{self.uri}>{tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {self.cseq} {method}",
            self.party.contact(),
            "Max-Forwards: 70",
            *more,
        ]
        lines += ["Content-Type: application/sdp"] if body and not any("Content-Type" in line for line in more) else []
        self.party.send(_whole(lines, body), self.to)

    def learn(self, response: Got) -> None:
        match = re.search(r"tag=([\w.-]+)", response.get("To"))
        self.tag = match[1] if match else ""

    def answered(self, response: Got) -> None:
        self.learn(response)
        self.party.sound.to = ("127.0.0.1", response.rtp_port)
        self.send("ACK")


def _whole(lines: list[str], body: str) -> str:
    return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", ""]) + body


@dataclass
class Sound:
    """RTP, PCMA unless told otherwise."""

    socket: socket.socket
    to: Address = ("127.0.0.1", 9)
    payload: int = 8
    packets: list[tuple[int, int, int, int, bytes]] = field(default_factory=list)  # type, seq, stamp, ssrc, payload
    _sender: asyncio.Task[None] | None = None

    def readable(self) -> None:
        data, _ = self.socket.recvfrom(4096)
        _, kind, seq, stamp, source = struct.unpack_from("!BBHII", data)
        self.packets.append((kind & 0x7F, seq, stamp, source, data[12:]))

    def speak(self, samples: bytes, then: Callable[[], None] | None = None) -> None:
        """Send sound and silence after it, 20 ms each."""
        self.stop()
        self._sender = asyncio.get_running_loop().create_task(self._send(samples, then))

    def hum(self, hz: int = 1000, ms: int = 20_000) -> None:
        self.speak(tone((hz,), ms, -10))

    def stop(self) -> None:
        if self._sender is not None:
            self._sender.cancel()
            self._sender = None

    async def _send(self, samples: bytes, then: Callable[[], None] | None) -> None:
        encode = g711.l16_to_alaw if self.payload == 8 else g711.l16_to_ulaw
        loop = asyncio.get_running_loop()
        due, at = loop.time(), 0
        while True:
            frame = samples[at : at + 320].ljust(320, b"\0")
            head = struct.pack("!BBHII", 0x80, self.payload, at // 320 & 0xFFFF, at // 2, 7)
            self.socket.sendto(head + encode(frame), self.to)
            at += 320
            due += 0.02
            if at >= len(samples) and then is not None:
                then()
                then = None
            await asyncio.sleep(max(0.0, due - loop.time()))

    def press(self, key: int, *, payload: int = 101, stamp: int = 5000) -> None:
        """An RFC 4733 key, its end three times."""
        for n, duration in enumerate((160, 320, 480, 800, 800, 800)):
            flags = 0x8A if n > 2 else 0x0A
            packet = struct.pack("!BBHII", 0x80, payload, 100 + n, stamp, 7) + struct.pack("!BBH", key, flags, duration)
            self.socket.sendto(packet, self.to)

    def heard(self) -> bytes:
        """What came so far, s16le."""
        decoded = {8: g711.alaw_to_l16, 0: g711.ulaw_to_l16}
        return b"".join(decoded[kind](payload) for kind, _, _, _, payload in self.packets if kind in decoded)

    def keys(self, payload: int = 101) -> list[int]:
        """Events, once per timestamp."""
        stamps: dict[int, int] = {}
        for kind, _, stamp, _, data in self.packets:
            if kind == payload:
                stamps.setdefault(stamp, data[0])
        return list(stamps.values())


def digits(text: str) -> bytes:
    return b"".join(dtmf_tone(char) for char in text)


def level(samples: bytes, hz: int) -> float:
    """dBm0 of that frequency, in the loudest fifth of a second."""
    meter = ToneLevel(hz, 10)
    for at in range(0, len(samples), 320):
        meter.feed(samples[at : at + 320])
    return meter.level
