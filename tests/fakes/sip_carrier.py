"""A carrier's end of a SIP trunk, small and apart from the agent's own SIP: answers, refuses, calls, speaks.

PCMA only. What it does with a call that comes in is decided by the number that is dialled: ``plan`` maps it to what
happens. RTP goes by a socket of each call, with 20 ms of a tone in a packet.
"""

from __future__ import annotations

import asyncio
import cmath
import math
import re
import secrets
import struct
from collections.abc import Callable

from telecore.audio.g711 import alaw_to_l16, l16_to_alaw

SAMPLES = 160
TONE_AMPLITUDE = 8000
KEYS = "0123456789*#ABCD"


class Sip:
    """One message: ``first`` its first line, ``get`` a header's value."""

    def __init__(self, data: bytes) -> None:
        head, _, self.body = data.decode("utf-8", "replace").partition("\r\n\r\n")
        self.first, *lines = head.split("\r\n")
        self.headers = [(name.strip().lower(), value.strip()) for name, _, value in (x.partition(":") for x in lines)]

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.headers if key == name.lower()]

    def get(self, name: str) -> str:
        return next(iter(self.all(name)), "")

    @property
    def method(self) -> str:
        return self.first.split(" ")[0]

    @property
    def code(self) -> int:
        return int(self.first.split(" ")[1])

    @property
    def user(self) -> str:
        """Of the Request-URI."""
        match = re.match(r"\w+ sips?:([^@;>]*)@", self.first)
        return match[1] if match else ""


class CarrierCall(asyncio.DatagramProtocol):
    """One call and its sound. ``cause``: the Q.850 cause of the BYE or CANCEL it got, where that said one."""

    def __init__(self, carrier: Carrier, call_id: str, local: str, remote: str, target: str) -> None:
        self.carrier = carrier
        self.call_id = call_id
        self.local = local
        self.remote = remote
        self.target = target
        self.invite: Sip | None = None
        self.code = 0
        """The last response to our own INVITE."""
        self.other_code = 0
        """The last one to anything else."""
        self.changed = asyncio.Event()
        self.ended = asyncio.Event()
        self.cause: int | None = None
        self.digits = ""
        self.tone: float | None = None
        self.heard = bytearray()
        """What came, s16le."""
        self.media: tuple[str, int] | None = None
        self.branch = ""
        self.dtmf = 101
        self.cseq = 1
        self._transport: asyncio.DatagramTransport | None = None
        self._speaking: asyncio.Task[None] | None = None
        self._last_event: int | None = None
        self._seq, self._stamp, self._ssrc = 1, 0, secrets.randbits(32)

    # what a test does

    def ring(self, code: int = 180) -> None:
        """183 comes with sound."""
        assert self.invite is not None
        self.carrier.respond(self.invite, code, self, self.sdp() if code == 183 else "")

    def answer(self) -> None:
        assert self.invite is not None
        self.carrier.respond(self.invite, 200, self, self.sdp())

    def refuse(self, code: int, reason: str = "") -> None:
        assert self.invite is not None
        self.carrier.respond(self.invite, code, self, reason=reason)
        self.close()

    def bye(self, cause: int = 16) -> None:
        self.carrier.request(self, "BYE", f'Reason: Q.850;cause={cause};text="x"\r\n')
        self.close()

    def press(self, keys: str) -> None:
        """RFC 4733: 160 ms each, with three last packets."""
        for key in keys:
            stamp = self._stamp
            for number in range(11):
                end = 0x80 if number >= 8 else 0
                length = min(number + 1, 9) * SAMPLES
                self._rtp(struct.pack("!BBH", KEYS.index(key), end | 10, length), self.dtmf, stamp, not number)
            self._stamp += 2000

    async def hears(self, hertz: float, seconds: float = 3.0) -> float:
        """Amplitude of this tone in the last 400 ms heard, waited for until it is most of what was sent."""
        best = 0.0
        for _ in range(int(seconds / 0.05)):
            best = max(best, amplitude(bytes(self.heard[-6400:]), hertz))
            if best > TONE_AMPLITUDE * 0.8:
                break
            await asyncio.sleep(0.05)
        return best

    async def until(self, wanted: Callable[[CarrierCall], bool], seconds: float = 5) -> None:
        async with asyncio.timeout(seconds):
            while not wanted(self):
                self.changed.clear()
                await self.changed.wait()

    # media

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        self._speaking = asyncio.create_task(self._speak())

    def sdp(self) -> str:
        assert self._transport is not None
        port = self._transport.get_extra_info("sockname")[1]
        return (
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
            f"m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=ptime:20\r\n"
        )

    def take_sdp(self, body: str) -> None:
        port, event = re.search(r"m=audio (\d+)", body), re.search(r"a=rtpmap:(\d+) telephone-event/8000", body)
        if port:
            self.media = ("127.0.0.1", int(port[1]))
        if event:
            self.dtmf = int(event[1])

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) < 12:
            return
        kind, stamp = data[1] & 0x7F, struct.unpack_from("!I", data, 4)[0]
        if kind == 8:
            self.heard += alaw_to_l16(data[12:])
            del self.heard[:-160_000]
        elif kind == self.dtmf and len(data) >= 16 and stamp != self._last_event:
            self._last_event = stamp
            self.digits += KEYS[data[12] % 16]
            self.changed.set()

    def _rtp(self, payload: bytes, kind: int, stamp: int, mark: bool) -> None:
        if self._transport is None or self.media is None:
            return
        head = struct.pack("!BBHII", 0x80, kind | 0x80 * mark, self._seq & 0xFFFF, stamp & 0xFFFFFFFF, self._ssrc)
        self._seq += 1
        self._transport.sendto(head + payload, self.media)

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            self._rtp(self._sound(), 8, self._stamp, self._seq == 1)
            self._stamp += SAMPLES
            due += 0.02
            await asyncio.sleep(max(0.0, due - loop.time()))

    def _sound(self) -> bytes:
        if self.tone is None:
            return b"\xd5" * SAMPLES
        step = 2 * math.pi * self.tone / 8000
        wave = (int(TONE_AMPLITUDE * math.sin(step * (self._stamp + n))) for n in range(SAMPLES))
        return l16_to_alaw(struct.pack(f"<{SAMPLES}h", *wave))

    def close(self) -> None:
        self.ended.set()
        self.changed.set()
        if self._speaking is not None:
            self._speaking.cancel()
        if self._transport is not None:
            self._transport.close()

    def next_cseq(self) -> int:
        self.cseq += 1
        return self.cseq


class Carrier(asyncio.DatagramProtocol):
    """``plan``: what happens to a call; called with it once its INVITE is here. ``register``: the response to REGISTER,
    None for silence; ``alive`` False: OPTIONS are not answered.
    """

    def __init__(self, plan: Callable[[CarrierCall], None]) -> None:
        self.plan = plan
        self.register: int | None = 200
        self.alive = True
        self.port = 0
        self.registered = 0
        self.contact = ""
        """Where who registered wants to be called."""
        self.calls: list[CarrierCall] = []
        self._transport: asyncio.DatagramTransport | None = None
        self._far: dict[str, tuple[str, int]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._arrived = asyncio.Event()

    async def start(self, port: int = 0) -> None:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", port))
        self.port = self._transport.get_extra_info("sockname")[1]

    async def stop(self) -> None:
        for call in self.calls:
            call.close()
        if self._transport is not None:
            self._transport.close()
        await asyncio.sleep(0)

    async def call(self, to: str, far: tuple[str, int], caller: str, name: str = "", target: str = "") -> CarrierCall:
        """Call ``to`` at the address ``far``; ``name``: the display name; ``target``: another Request-URI."""
        call_id = secrets.token_hex(8)
        local = f'"{name}" <sip:{caller}@127.0.0.1:{self.port}>;tag={secrets.token_hex(4)}'
        call = CarrierCall(
            self, call_id, local, f"<sip:{to}@{far[0]}:{far[1]}>", target or f"sip:{to}@{far[0]}:{far[1]}"
        )
        await call.open()
        self._far[call_id] = far
        self.calls.append(call)
        call.branch = secrets.token_hex(6)
        self.request(call, "INVITE", body=call.sdp(), branch=call.branch)
        return call

    def cancel(self, call: CarrierCall) -> None:
        """Our INVITE, which nobody answered yet."""
        self.request(call, "CANCEL", cseq=call.cseq, branch=call.branch)

    async def arrived(self, count: int = 1, seconds: float = 5) -> CarrierCall:
        async with asyncio.timeout(seconds):
            while len(self.calls) < count:
                self._arrived.clear()
                await self._arrived.wait()
        return self.calls[count - 1]

    def request(
        self,
        call: CarrierCall,
        method: str,
        extra: str = "",
        body: str = "",
        cseq: int | None = None,
        branch: str = "",
    ) -> None:
        number = cseq if cseq is not None else call.next_cseq()
        self._send(
            f"{method} {call.target} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{branch or secrets.token_hex(6)};rport\r\n"
            f"Max-Forwards: 70\r\nFrom: {call.local}\r\nTo: {call.remote}\r\nCall-ID: {call.call_id}\r\n"
            f"CSeq: {number} {method}\r\nContact: <sip:carrier@127.0.0.1:{self.port}>\r\n{extra}",
            body,
            self._far[call.call_id],
        )

    def respond(
        self, request: Sip, code: int, call: CarrierCall | None = None, body: str = "", reason: str = ""
    ) -> None:
        to = call.local if call is not None else f"{request.get('To')};tag=1"
        vias = "".join(f"Via: {via}\r\n" for via in request.all("Via"))
        records = "".join(f"Record-Route: {route}\r\n" for route in request.all("Record-Route"))
        extra = f"Reason: {reason}\r\n" if reason else ""
        if request.method == "REGISTER":
            extra += f"Contact: {request.get('Contact')};expires={request.get('Expires') or 60}\r\n"
        self._send(
            f"SIP/2.0 {code} {'OK' if code == 200 else 'So'}\r\n{vias}{records}"
            f"From: {request.get('From')}\r\nTo: {to}\r\n"
            f"Call-ID: {request.get('Call-ID')}\r\nCSeq: {request.get('CSeq')}\r\n"
            f"Contact: <sip:carrier@127.0.0.1:{self.port}>\r\n{extra}",
            body,
            self._far[request.get("Call-ID")],
        )

    def _send(self, head: str, body: str, far: tuple[str, int]) -> None:
        kind = "Content-Type: application/sdp\r\n" if body else ""
        if self._transport is not None:
            self._transport.sendto(f"{head}{kind}Content-Length: {len(body)}\r\n\r\n{body}".encode(), far)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        message = Sip(data)
        call_id = message.get("Call-ID")
        call = next((call for call in self.calls if call.call_id == call_id), None)
        if message.first.startswith("SIP/2.0"):
            if call is not None:
                self._answered(call, message)
            return
        self._far[call_id] = addr
        if message.method == "INVITE" and call is None:
            task = asyncio.get_running_loop().create_task(self._invited(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        elif message.method == "REGISTER":
            self.registered += 1
            contact = re.search(r"<([^>]+)>", message.get("Contact"))
            self.contact = contact[1] if contact else ""
            if self.register is not None:
                self.respond(message, self.register)
        elif message.method == "OPTIONS":
            if self.alive:
                self.respond(message, 200)
        elif message.method in ("BYE", "CANCEL"):
            self._over(message, call)
        elif message.method != "ACK":
            self.respond(message, 200, call)

    async def _invited(self, message: Sip) -> None:
        local = f"{message.get('To')};tag={secrets.token_hex(4)}"
        contact = re.search(r"<([^>]+)>", message.get("Contact"))
        target = contact[1] if contact else ""
        call = CarrierCall(self, message.get("Call-ID"), local, message.get("From"), target)
        call.invite = message
        call.take_sdp(message.body)
        self.calls.append(call)
        await call.open()
        self.plan(call)
        self._arrived.set()

    def _over(self, message: Sip, call: CarrierCall | None) -> None:
        self.respond(message, 200, call)
        if call is None:
            return
        if message.method == "CANCEL" and call.invite is not None:
            self.respond(call.invite, 487, call)
        reason = next((reason for reason in message.all("Reason") if reason.startswith("Q.850")), "")
        found = re.search(r"cause=(\d+)", reason)
        call.cause = int(found[1]) if found else None
        call.close()

    def _answered(self, call: CarrierCall, message: Sip) -> None:
        if "INVITE" not in message.get("CSeq"):
            call.other_code = message.code
            call.changed.set()
            return
        call.code = message.code
        if message.body:
            call.take_sdp(message.body)
        if message.code >= 200:
            call.remote = message.get("To")
            contact = re.search(r"<([^>]+)>", message.get("Contact"))
            call.target = contact[1] if contact and message.code < 300 else call.target
            self.request(call, "ACK", cseq=int(message.get("CSeq").split(" ")[0]))
            if message.code >= 300:
                call.close()
        call.changed.set()


def amplitude(sound: bytes, hertz: float) -> float:
    """Of a tone in s16le at 8 kHz (a Goertzel filter's answer, by its definition)."""
    count = len(sound) // 2
    if count < 800:
        return 0.0
    step = -2j * math.pi * hertz / 8000
    samples = struct.unpack(f"<{count}h", sound)
    return 2 * abs(sum(value * cmath.exp(step * n) for n, value in enumerate(samples))) / count
