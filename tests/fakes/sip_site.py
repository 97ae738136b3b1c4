"""A site with our SIP on a free port, and what it was told; and a far end that sends and receives raw datagrams."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

from edge_agent.contracts import IncomingCall, VoiceEvent
from edge_agent.drivers.sip.peer import LineState, SipPeer
from edge_agent.drivers.sip.settings import LineSettings, PeerSettings, SipQuirks, SipSettings
from edge_agent.drivers.sip.stack import SipStack
from edge_agent.drivers.sip.transaction import Intervals
from telecore.ids import ChannelId, DeviceId
from tests.fakes.sip_media import FakeMediaPorts

QUICK = Intervals(t1=0.03, t2=0.15, t4=0.15)
"""What RFC 3261 says, many times as fast."""
LINE1, LINE2 = ChannelId("edge/gw/1"), ChannelId("edge/gw/2")
CALM = SipQuirks(options_every_s=0, rtp_dead_s=0)


class Heard:
    """An ``on_event`` that remembers, and can be waited for."""

    def __init__(self) -> None:
        self.events: list[VoiceEvent] = []
        self._more = asyncio.Event()

    def __call__(self, event: VoiceEvent) -> None:
        self.events.append(event)
        self._more.set()

    @property
    def kinds(self) -> list[str]:
        return [event.kind.value for event in self.events]

    @property
    def digits(self) -> str:
        return "".join(event.digit for event in self.events)

    async def until(self, kind: str, within_s: float = 3.0) -> VoiceEvent:
        async with asyncio.timeout(within_s):
            while kind not in self.kinds:
                self._more.clear()
                await self._more.wait()
        return next(event for event in self.events if event.kind.value == kind)


class Told:
    """PeerEvents that remember. ``on_message`` stands for the store; ``accept``: answer each call at once."""

    def __init__(self) -> None:
        self.calls: asyncio.Queue[IncomingCall] = asyncio.Queue()
        self.states: list[tuple[ChannelId, LineState]] = []
        self.messages: list[tuple[ChannelId, str, str, str]] = []
        self.on_message: Callable[[], Any] | None = None
        self.accept = False
        self.changed = asyncio.Event()
        self.heard = Heard()
        self.hang_up_after: float | None = None
        self._answering: set[asyncio.Task[None]] = set()

    def incoming(self, call: IncomingCall) -> None:
        self.heard = Heard()
        call.voice.on_event = self.heard
        self.calls.put_nowait(call)
        if self.accept:
            task = asyncio.ensure_future(self._answer(call))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, call: IncomingCall) -> None:
        await call.voice.answer()
        if self.hang_up_after is not None:
            await asyncio.sleep(self.hang_up_after)
            await call.voice.hang_up()

    def line_changed(self, channel: ChannelId, state: LineState) -> None:
        self.states.append((channel, state))
        self.changed.set()

    async def message(self, channel: ChannelId, key: str, sender: str, body: str) -> None:
        if self.on_message is not None:
            await self.on_message()
        self.messages.append((channel, key, sender, body))

    async def until(self, channel: ChannelId, *, up: bool, within_s: float = 5.0) -> LineState:
        async with asyncio.timeout(within_s):
            while True:
                state = next((state for name, state in reversed(self.states) if name == channel), None)
                if state is not None and state.up is up:
                    return state
                self.changed.clear()
                await self.changed.wait()


class Site:
    def __init__(self, stack: SipStack, peer: SipPeer, told: Told, media: FakeMediaPorts) -> None:
        self.stack = stack
        self.peer = peer
        self.told = told
        self.media = media

    @property
    def port(self) -> int:
        return self.stack.port


def gateway(port: int, **changes: Any) -> PeerSettings:
    settings: dict[str, Any] = {
        "device": DeviceId("gw"),
        "host": "127.0.0.1",
        "port": port,
        "lines": (LineSettings(LINE1, "goip01"), LineSettings(LINE2, "goip02")),
        "quirks": CALM,
        **changes,
    }
    return PeerSettings(**settings)


@asynccontextmanager
async def site(
    peer_settings: PeerSettings, *, intervals: Intervals = QUICK, media: Any = None, **settings: Any
) -> AsyncIterator[Site]:
    """Ours, with one far end, running."""
    ports = FakeMediaPorts() if media is None else media
    stack = SipStack(SipSettings(port=0, **settings), ports, intervals=intervals)
    peer = SipPeer(stack, peer_settings)
    told = Told()
    await peer.open()
    running = asyncio.create_task(peer.run(told))
    await asyncio.sleep(0)
    try:
        yield Site(stack, peer, told, ports)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await peer.close()


class RawFarEnd(asyncio.DatagramProtocol):
    """A socket of a far end; its messages are text, written out in the tests."""

    def __init__(self) -> None:
        self.inbox: asyncio.Queue[str] = asyncio.Queue()
        self.all: list[str] = []
        self.port = 0
        self.echo = False
        self.ours = 0
        self._polite = False
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        text = data.decode("utf-8", "replace")
        self.all.append(text)
        self.inbox.put_nowait(text)
        self.ours = addr[1]
        if self.echo:
            self.send(data, addr[1])
        if self._polite:
            self._end(text)

    def error_received(self, exc: Exception) -> None:
        return

    def send(self, data: bytes | str, port: int, host: str = "127.0.0.1") -> None:
        assert self._transport is not None
        octets = data.encode("utf-8", "surrogateescape") if isinstance(data, str) else data
        self._transport.sendto(octets, (host, port))

    async def next(self, starts: str = "", within_s: float = 3.0) -> str:
        """The next message that begins so; others are passed over."""
        async with asyncio.timeout(within_s):
            while True:
                text = await self.inbox.get()
                if text.startswith(starts):
                    return text

    async def silence(self, for_s: float = 0.15) -> None:
        """Nothing comes for so long."""
        await asyncio.sleep(for_s)
        assert self.inbox.empty(), self.inbox.get_nowait()

    def drain(self) -> None:
        while not self.inbox.empty():
            self.inbox.get_nowait()

    def end_calls(self) -> None:
        """From now on every call is refused or ended as the site asks, so that it can be closed at once."""
        self._polite = True
        for text in {text for text in self.all if text.startswith("INVITE")}:
            self._end(text)

    def _end(self, text: str) -> None:
        method = text.partition(" ")[0]
        if method == "INVITE":
            self.send(answer(text, "486 Busy Here", tag="over"), self.ours)
        elif method in ("BYE", "REGISTER"):
            self.send(answer(text, "200 OK"), self.ours)
        elif text.startswith("SIP/2.0 200") and header(text, "CSeq").endswith(" INVITE"):
            ack = request(
                "ACK",
                self.port,
                to=header(text, "To"),
                sender=header(text, "From"),
                branch="z9hG4bKlast",
                cseq=int(header(text, "CSeq").split()[0]),
            )
            self.send(ack.replace("Call-ID: c1", f"Call-ID: {header(text, 'Call-ID')}"), self.ours)

    def close(self) -> None:
        assert self._transport is not None
        self._transport.close()


@asynccontextmanager
async def far_end(host: str = "127.0.0.1") -> AsyncIterator[RawFarEnd]:
    _, end = await asyncio.get_running_loop().create_datagram_endpoint(RawFarEnd, local_addr=(host, 0))
    try:
        yield end
    finally:
        end.close()
        await asyncio.sleep(0)


@asynccontextmanager
async def visit(*, media: Any = None, **changes: Any) -> AsyncIterator[tuple[Site, RawFarEnd]]:
    """A site and its gateway, which ends at the end what is left of calls."""
    async with far_end() as far, site(gateway(far.port, **changes), media=media) as ours:
        yield ours, far
        far.end_calls()


SDP = (
    "v=0\r\no=gw 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 30000 RTP/AVP 8 0 18 4 97\r\na=rtpmap:97 telephone-event/8000\r\na=fmtp:97 0-15\r\na=ptime:20\r\n"
)


def request(
    method: str,
    port: int,
    *lines: str,
    uri: str = "sip:1000@127.0.0.1",
    sender: str = "<sip:goip01@127.0.0.1>;tag=f1",
    to: str = "<sip:1000@127.0.0.1>",
    call_id: str = "c1",
    cseq: int = 1,
    branch: str = "z9hG4bKb1",
    via: str = "",
    body: str = "",
) -> str:
    """A request of the far end, whose port this is."""
    head = [
        f"{method} {uri} SIP/2.0",
        via or f"Via: SIP/2.0/UDP 127.0.0.1:{port};branch={branch};rport",
        f"From: {sender}",
        f"To: {to}",
        f"Call-ID: {call_id}",
        f"CSeq: {cseq} {method}",
        "Max-Forwards: 70",
        *([f"Contact: <sip:goip01@127.0.0.1:{port}>"] if method in ("INVITE", "REGISTER", "UPDATE") else []),
        *(["Content-Type: application/sdp"] if body and not any("ontent-" in line for line in lines) else []),
        *lines,
        f"Content-Length: {len(body.encode())}",
    ]
    return "\r\n".join(head) + "\r\n\r\n" + body


def answer(text: str, status: str, *lines: str, tag: str = "g1", body: str = "") -> str:
    """A response of the far end to a request of ours."""
    kept = [line for line in text.split("\r\n") if re.match(r"(?i)(via|from|call-id|cseq|record-route):", line)]
    to = header(text, "To")
    to = to if ";tag=" in to or not tag else f"{to};tag={tag}"
    more = ["Content-Type: application/sdp"] if body else []
    head = [f"SIP/2.0 {status}", *kept, f"To: {to}", *lines, *more, f"Content-Length: {len(body)}"]
    return "\r\n".join(head) + "\r\n\r\n" + body


def header(text: str, name: str) -> str:
    """The value of the first header of this name; AssertionError when there is none."""
    found = re.search(rf"(?im)^{re.escape(name)}:\s*(.*?)\r?$", text)
    assert found is not None, f"no {name} in {text}"
    return found[1]


def tag_of(value: str) -> str:
    found = re.search(r";tag=([^;\s]+)", value)
    assert found is not None, value
    return found[1]
