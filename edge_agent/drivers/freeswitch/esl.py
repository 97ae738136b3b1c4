"""greenswitch in one thread of its own; the only file that imports greenswitch and gevent.

greenswitch runs on gevent, whose objects belong to the thread that made them. So all of it is made within the thread.
Commands go in through a deque and the one watcher of gevent that another thread may touch; what comes is told by calls
within the thread, which ``event_socket.py`` carries to the loop.

greenswitch 0.0.19 trusts the other end. What ``_Link`` overrides, each with a test in ``test_esl_faults.py``: headers a
caller can forge; commands that wait for ever when FreeSWITCH dies; the silent death at a byte that is not UTF-8, at
JSON and at XML; connecting without a limit; bodies of events read as headers; replies matched by nothing but order;
``send`` that may write half. Its server for outbound sockets is not used: we listen for nobody.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

import gevent
from gevent.event import AsyncResult, Event
from greenswitch.esl import InboundESL, NotConnectedError

from edge_agent.drivers.freeswitch.event_text import (
    MAX_BLOCK,
    EslMessage,
    content_length,
    read_block,
    read_event,
    read_text,
)
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, TelecoreError

WRITE_LIMIT_S = 5.0
RELEASE_LIMIT_S = 5.0


class Answer(StrEnum):
    """What kind of message answers a command."""

    COMMAND = "command/reply"
    API = "api/response"


class Pending(Protocol):
    """A command whose reply has not come. Both ends are called within the thread."""

    @property
    def answer(self) -> Answer: ...
    def set(self, message: EslMessage) -> None: ...
    def set_exception(self, error: TelecoreError) -> None: ...


class _Auth:
    """The command that greenswitch itself waits for."""

    answer = Answer.COMMAND

    def __init__(self) -> None:
        self._result = AsyncResult()

    def set(self, message: EslMessage) -> None:
        self._result.set(message)

    def set_exception(self, error: TelecoreError) -> None:
        self._result.set_exception(error)

    def get(self) -> EslMessage:
        message: EslMessage = self._result.get()
        return message


@dataclass(frozen=True, slots=True)
class EslAddress:
    """``host`` is numeric: gevent would resolve a name in threads of its own. ``limit_s``: to be connected within."""

    host: str
    port: int
    password: str
    limit_s: float


class _Link(InboundESL):  # type: ignore[misc]  # greenswitch has no types
    """greenswitch's client, sound. Lives in one thread and on one connection.

    ``deliver`` is called with each event, ``on_end`` once when the connection is over; ``reason`` says why.
    """

    def __init__(self, address: EslAddress, deliver: Callable[[EslMessage], None], on_end: Callable[[], None]) -> None:
        super().__init__(address.host, address.port, address.password, address.limit_s)
        self.sock: Any = None
        self.sock_file: Any = None
        self.reason = ""
        self._commands_sent: deque[Pending] = deque()
        self._deliver = deliver
        self._on_end = on_end

    def connect(self) -> None:
        """Fault: without a limit for the greeting and the answer to ``auth``."""
        with gevent.Timeout(self.timeout, NotConnectedError(f"no greeting within {self.timeout:g} s")):
            super().connect()

    def start_event_handlers(self) -> None:
        """Events go straight out: no queue of greenswitch's, which another greenlet would poll each second."""
        self._receive_events_greenlet = gevent.spawn(self.receive_events)

    def authenticate(self) -> None:
        reply = self.send(f"auth {self.password}")
        if not reply.get("Reply-Text").startswith("+OK"):
            raise DeviceRefused("error", None, "FreeSWITCH refuses the event socket's password")

    def send(self, data: str) -> EslMessage:
        """For greenswitch's own use while it connects."""
        pending = _Auth()
        self.post(pending, data.encode() + b"\n\n")
        return pending.get()

    def post(self, pending: Pending, raw: bytes) -> None:
        """Write a command; ``pending`` gets its reply, or the error. Faults: ``send`` may write half of it; a command
        written to a dead connection waits for ever."""
        if not self.connected:
            pending.set_exception(DeviceLost(self.reason or "not connected"))
            return
        self._commands_sent.append(pending)
        try:
            with gevent.Timeout(WRITE_LIMIT_S, TimeoutError("FreeSWITCH does not read")):
                self.sock.sendall(raw)
        except OSError as error:
            self._end(f"FreeSWITCH: {error}")

    def receive_events(self) -> None:
        """Fault: the end was told to nobody, and half of the possible errors ended nothing but this greenlet."""
        reason = "FreeSWITCH closed the event socket"
        try:
            while self.connected and (message := self._next()) is not None:
                self.handle_event(message)
        except (OSError, ValueError) as error:
            reason = f"FreeSWITCH: {error}"
        except RemoteProtocolError as error:
            reason = str(error)
        self._end(reason)

    def handle_event(self, message: EslMessage) -> None:
        """One message. Faults: events parsed by their outer shape only; replies given to whichever command is next."""
        kind = message.get("Content-Type")
        if kind in (Answer.COMMAND, Answer.API):
            self._reply(kind, message)
        elif kind == "auth/request":
            self._auth_request_event.set()
        elif kind == "text/rude-rejection":
            self._end("FreeSWITCH's access list refuses us")
        elif kind == "text/disconnect-notice":
            self._end("FreeSWITCH ends the event socket")
        elif kind.startswith("text/event-"):
            self._deliver(message)

    def close(self) -> None:
        """Whatever is open is closed, whoever waits is told."""
        self._end("closed")
        gevent.killall([self._receive_events_greenlet] if self._receive_events_greenlet else [])
        for file in (self.sock_file, self.sock):
            if file is not None:
                file.close()

    def _next(self) -> EslMessage | None:
        """The next message with its body; None at the end of the stream."""
        block = bytearray()
        while (line := self.sock_file.readline(MAX_BLOCK)) not in (b"\n", b"\r\n"):
            block += line
            if not line.endswith(b"\n"):
                return self._cut_off(block)
            if len(block) > MAX_BLOCK:
                raise RemoteProtocolError("event socket: headers without end")
        headers = read_block(bytes(block), encoded=False)
        length = content_length(headers)
        data = self.sock_file.read(length) if length else b""
        if len(data) < length:
            return None
        kind = headers.get("Content-Type", "")
        if not kind.startswith("text/event-"):
            return EslMessage(headers, read_text(data))
        event = read_event(kind, data)
        return EslMessage({**event.headers, "Content-Type": kind}, event.body)

    @staticmethod
    def _cut_off(block: bytes | bytearray) -> None:
        if len(block) >= MAX_BLOCK:
            raise RemoteProtocolError("event socket: a line without end")

    def _reply(self, kind: str, message: EslMessage) -> None:
        if not self._commands_sent:
            raise RemoteProtocolError("event socket: a reply to nothing")
        pending = self._commands_sent.popleft()
        if pending.answer != kind:
            pending.set_exception(DeviceLost("event socket out of step"))
            raise RemoteProtocolError(f"event socket: {kind} is not what the command waits for")
        pending.set(message)

    def _end(self, reason: str) -> None:
        if self.reason:
            return
        self.connected = self._run = False
        self.reason = reason
        while self._commands_sent:
            self._commands_sent.popleft().set_exception(DeviceLost(reason))
        self._auth_request_event.set()
        self._on_end()


class Listener(Protocol):
    """Who is told, within the thread: ``up`` once when connected, ``down`` once as the last thing."""

    def up(self) -> None: ...
    def event(self, message: EslMessage) -> None: ...
    def down(self, error: TelecoreError) -> None: ...


class EslThread:
    """One connection, in its own thread. ``start``, ``post``, ``stop`` and ``release`` are for the other thread.

    After ``down`` the thread waits for ``release``: only then is it certain that nobody touches its watcher any more.
    """

    def __init__(self, address: EslAddress, listener: Listener) -> None:
        self._address = address
        self._listener = listener
        self._posts: deque[tuple[Pending, bytes]] = deque()
        self._released = threading.Event()
        self._stopping = False
        self._wake: Callable[[], None] | None = None
        self._thread = threading.Thread(target=self._main, name=f"esl {address.host}:{address.port}", daemon=True)

    @property
    def alive(self) -> bool:
        return self._thread.is_alive()

    def start(self) -> None:
        self._thread.start()

    def post(self, pending: Pending, raw: bytes) -> None:
        """Write ``raw``, a command with the empty line behind it."""
        self._posts.append((pending, raw))
        self._send_wake()

    def stop(self) -> None:
        """End, whatever it is doing."""
        self._stopping = True
        self._send_wake()

    def release(self) -> None:
        """The last call: whoever was told ``down`` touches nothing of this any more."""
        self._wake = None
        self._released.set()

    def _send_wake(self) -> None:
        if self._wake is not None:
            self._wake()

    def _main(self) -> None:
        hub = gevent.get_hub()
        stir = Event()
        serving = gevent.Greenlet(self._serve, stir)

        def woken() -> None:
            if self._stopping:
                serving.kill(block=False)
            stir.set()

        watcher = hub.loop.async_()
        watcher.start(woken)
        self._wake = watcher.send
        stir.set()
        if not self._stopping:
            serving.start()
            serving.join()
        self._listener.down(self._why(serving))
        self._released.wait(RELEASE_LIMIT_S)
        watcher.stop()
        watcher.close()
        hub.destroy(destroy_loop=True)

    def _serve(self, stir: Event) -> TelecoreError:
        """Connect and carry commands until the connection ends; returns why it did."""
        link = _Link(self._address, self._listener.event, stir.set)
        try:
            link.connect()
            self._listener.up()
            while link.connected:
                stir.wait()
                stir.clear()
                while self._posts:
                    link.post(*self._posts.popleft())
            return DeviceLost(link.reason)
        except (OSError, NotConnectedError) as error:
            return DeviceLost(f"FreeSWITCH: {link.reason or error}")
        except TelecoreError as error:
            return error
        finally:
            link.close()

    def _why(self, serving: gevent.Greenlet) -> TelecoreError:
        error = serving.value if isinstance(serving.value, TelecoreError) else DeviceLost("closed")
        while self._posts:
            self._posts.popleft()[0].set_exception(DeviceLost(str(error)))
        return error
