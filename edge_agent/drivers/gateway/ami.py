"""A session at a manager port: connect, log in, ping, one command at a time; events to whoever wants them."""

from __future__ import annotations

import asyncio
import itertools
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from edge_agent.drivers.gateway.ami_codec import AmiReader, Block, action
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, TimedOut

log = logging.getLogger(__name__)

PORT = 5038
CONNECT_S = 10.0
ANSWER_S = 10.0
_READ = 65_536
_CLOSE_S = 2.0


@dataclass(frozen=True, slots=True)
class AmiAccount:
    """Where, and as whom. ``command``: the action that runs a command (``Command``; Yeastar: ``smscommand``)."""

    host: str
    port: int
    user: str
    secret: str
    command: str = "Command"


class AmiSession:
    """``on_event`` is called with every event; it must not wait. ``events`` False: none are asked for.

    A session is over for good once anything went wrong: then every call raises DeviceLost.
    """

    def __init__(
        self, account: AmiAccount, on_event: Callable[[Block], None], *, events: bool = True, answer_s: float = ANSWER_S
    ) -> None:
        self._account = account
        self._on_event = on_event
        self._events = events
        self._answer_s = answer_s
        self._reader = AmiReader()
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._ids = itertools.count(1)
        self._asked = ""
        self._answer: asyncio.Future[Block] | None = None
        self._echoes = False
        """Whether this box repeats our ActionID, by which a late answer is known."""
        self._lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def is_open(self) -> bool:
        return self._writer is not None and not self._lost.done()

    @property
    def banner(self) -> str:
        """What the box calls the interface."""
        return self._reader.banner

    async def open(self) -> None:
        """Connect and log in. Raises DeviceLost, DeviceRefused (account, or our address), TimedOut."""
        host, port = self._account.host, self._account.port
        try:
            async with asyncio.timeout(CONNECT_S):
                stream, self._writer = await asyncio.open_connection(host, port)
        except (OSError, TimeoutError) as error:
            raise DeviceLost(f"{host}:{port} does not take the connection: {error or 'no answer'}") from error
        self._reading = asyncio.create_task(self._read(stream), name=f"manager port {host}")
        login = (("Username", self._account.user), ("Secret", self._account.secret))
        events = () if self._events else (("Events", "off"),)
        try:
            await self.action("Login", *login, *events)
        except DeviceRefused as refusal:
            raise DeviceRefused("error", None, f"the box refuses the login: {refusal.text}") from refusal

    async def action(
        self,
        name: str,
        *headers: tuple[str, str],
        answer_s: float | None = None,
        begun: Callable[[], None] = lambda: None,
    ) -> Block:
        """Do something; what it was answered with. ``begun`` is called right before it is said.

        Raises DeviceRefused, DeviceLost, and TimedOut when no answer comes in time: nobody knows then what was done.
        """
        async with self._turn:
            if self._writer is None or self._lost.done():
                raise DeviceLost(self._lost.result() if self._lost.done() else "not open")
            number = str(next(self._ids))
            words = action(name, ("ActionID", number), *headers)
            answer: asyncio.Future[Block] = asyncio.get_running_loop().create_future()
            self._answer, self._asked = answer, number
            begun()
            try:
                async with asyncio.timeout(answer_s or self._answer_s):
                    await self._write(words)
                    block = await answer
            except (TimeoutError, asyncio.CancelledError) as error:
                if not self._echoes:
                    # Its answer may still come, and would be taken for the next one's.
                    self._fail(f"{self._account.host} did not answer {name}")
                if isinstance(error, TimeoutError):
                    raise TimedOut(f"{self._account.host} did not answer {name}") from None
                raise
            finally:
                self._answer, self._asked = None, ""
                if answer.done() and not answer.cancelled():
                    answer.exception()  # looked at, also when writing failed first
        if block.refused:
            raise DeviceRefused("error", None, block.get("Message") or block.name)
        return block

    async def command(
        self, text: str, *, answer_s: float | None = None, begun: Callable[[], None] = lambda: None
    ) -> tuple[str, ...]:
        """Run a command of the box; the lines of its output. Raises as ``action`` does."""
        block = await self.action(self._account.command, ("Command", text), answer_s=answer_s, begun=begun)
        return block.output

    async def until(self, news: asyncio.Future[Block], seconds: float) -> Block:
        """Wait for an event. Raises TimedOut, and DeviceLost when the session is over before it comes."""
        either: set[asyncio.Future[Block] | asyncio.Future[str]] = {news, self._lost}
        await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if news.done():
            return news.result()
        if self._lost.done():
            raise DeviceLost(self._lost.result())
        raise TimedOut(f"nothing came within {seconds:.0f} s")

    async def run(self, ping_s: float) -> None:
        """Ping until the session is over: DeviceLost."""
        while True:
            done, _ = await asyncio.wait({self._lost}, timeout=ping_s)
            if done:
                raise DeviceLost(self._lost.result())
            try:
                await self.action("Ping")
            except DeviceRefused as refusal:  # an account that may not ping shows that it is there all the same
                log.debug("%s: ping: %s", self._account.host, refusal)
            except TimedOut as error:
                self._fail(str(error))

    async def close(self) -> None:
        """Never raises; bounded in time."""
        self._fail("closed")
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait({self._reading}, timeout=_CLOSE_S)
        if self._writer is not None:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(_CLOSE_S):
                    await self._writer.wait_closed()

    async def _write(self, words: bytes) -> None:
        if self._writer is None:
            raise DeviceLost("not open")
        try:
            self._writer.write(words)
            await self._writer.drain()
        except OSError as error:
            self._fail(f"{self._account.host} is gone: {error}")
            raise DeviceLost(f"{self._account.host} is gone: {error}") from error

    async def _read(self, stream: asyncio.StreamReader) -> None:
        try:
            while data := await stream.read(_READ):
                for block in self._reader.feed(data):
                    self._take(block)
            self._fail(f"{self._account.host} closed the connection")
        except (OSError, RemoteProtocolError) as error:
            self._fail(f"{self._account.host}: {error}")

    def _take(self, block: Block) -> None:
        if block.is_event:
            self._on_event(block)
            return
        number = block.get("ActionID")
        self._echoes = self._echoes or bool(number)
        if self._answer is None or self._answer.done() or (number and number != self._asked):
            log.debug("%s: an answer that nobody waits for", self._account.host)
            return
        self._answer.set_result(block)

    def _fail(self, reason: str) -> None:
        if not self._lost.done():
            self._lost.set_result(reason)
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(DeviceLost(reason))
        if self._writer is not None:
            self._writer.close()
