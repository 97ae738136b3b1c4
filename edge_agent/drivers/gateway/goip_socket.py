"""The UDP socket a GoIP reports to: who may speak, and who waits for which answer."""

from __future__ import annotations

import asyncio
import hmac
import logging
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import cast

from edge_agent.drivers.gateway.goip_codec import Answer, Notice, parse
from telecore.errors import DeviceLost, RemoteProtocolError

log = logging.getLogger(__name__)

WARN_EVERY_S = 60.0
_ANSWERS_KEPT = 64
_LAST_SENDID = 2**31 - 1

Address = tuple[str, int]


class GoipSocket(asyncio.DatagramProtocol):
    """``passwords``: of each line, by its id. ``on_notice`` is called with what a line said, and whence.

    A stranger, and whoever has not the line's password, is never answered; ``strangers`` counts them, ``malformed``
    what could not be read.
    """

    def __init__(
        self, hosts: frozenset[str], passwords: Mapping[str, str], on_notice: Callable[[Notice, Address], None]
    ) -> None:
        self._hosts = hosts
        self._passwords = passwords
        self._on_notice = on_notice
        self._transport: asyncio.DatagramTransport | None = None
        self._waiting: dict[int, asyncio.Queue[Answer]] = {}
        # From anywhere, so that what an earlier run of ours began is not taken for this one's.
        self._sendid = secrets.randbelow(_LAST_SENDID // 2)
        self._warned: dict[str, float] = {}
        self.strangers = 0
        self.malformed = 0

    @property
    def port(self) -> int:
        """The port we listen on. Raises DeviceLost when closed."""
        if self._transport is None:
            raise DeviceLost("the socket is closed")
        return int(self._transport.get_extra_info("sockname")[1])

    async def open(self, listen: str, port: int) -> None:
        """Raises DeviceLost when the address cannot be had."""
        loop = asyncio.get_running_loop()
        try:
            await loop.create_datagram_endpoint(lambda: self, local_addr=(listen, port))
        except OSError as error:
            raise DeviceLost(f"cannot listen on {listen}:{port}: {error.strerror}") from error

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def send(self, datagram: bytes, to: Address) -> None:
        """Never waits, never raises: what is lost on the way is sent again by whoever needs it."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(datagram, to)

    @contextmanager
    def dialogue(self) -> Iterator[tuple[int, asyncio.Queue[Answer]]]:
        """A fresh ``sendid``, and what comes in answer to it while the block runs."""
        self._sendid = self._sendid % _LAST_SENDID + 1
        sendid, answers = self._sendid, asyncio.Queue[Answer](maxsize=_ANSWERS_KEPT)
        self._waiting[sendid] = answers
        try:
            yield sendid, answers
        finally:
            del self._waiting[sendid]

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | int, ...]) -> None:
        source = (str(addr[0]), int(addr[1]))
        if source[0] not in self._hosts:
            self.strangers += 1
            self._warn("stranger", f"{source[0]} is not the box, and is not answered ({self.strangers} so far)")
            return
        try:
            said = parse(data)
        except RemoteProtocolError as error:
            self.malformed += 1
            self._warn("malformed", f"{source[0]}: {error}: {data[:32].hex()} ({self.malformed} so far)")
            return
        if isinstance(said, Answer):
            self._hand_over(said)
        elif self._is_known(said):
            self._on_notice(said, source)
        else:
            self.strangers += 1
            who = f"{source[0]}: line {said.line[:32]!r}"
            self._warn("stranger", f"{who} has no or another password here, and is not answered")

    def error_received(self, exc: Exception) -> None:
        """ICMP says that a box is not there; its keep-alives tell that too."""
        log.debug("GoIP socket: %s", exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None

    def _hand_over(self, answer: Answer) -> None:
        answers = self._waiting.get(answer.sendid)
        if answers is not None and not answers.full():
            answers.put_nowait(answer)

    def _is_known(self, notice: Notice) -> bool:
        expected = self._passwords.get(notice.line)
        if expected is None:
            return False
        given = notice.password.encode("utf-8", "replace")
        return hmac.compare_digest(expected.encode("utf-8", "replace"), given)

    def _warn(self, about: str, text: str) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._warned.get(about, -WARN_EVERY_S) >= WARN_EVERY_S:
            self._warned[about] = now
            log.warning("GoIP: %s", text)
