"""What a far end asks outside of calls: REGISTER, INVITE, MESSAGE, OPTIONS."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from edge_agent.drivers.sip import requests
from edge_agent.drivers.sip.auth import Asked, Verdict, read_fields
from edge_agent.drivers.sip.message import Received, Request, response_to
from edge_agent.drivers.sip.numbering import parties
from edge_agent.drivers.sip.settings import Registers
from edge_agent.drivers.sip.texts import Keys, is_text, text_of
from edge_agent.drivers.sip.transaction import Transaction
from edge_agent.drivers.sip.uri import parse_uri, shown
from telecore.errors import RemoteProtocolError, StorageFailed, TelecoreError

if TYPE_CHECKING:
    from edge_agent.drivers.sip.line import Line
    from edge_agent.drivers.sip.peer import SipPeer

log = logging.getLogger(__name__)

STORE_S = 25.0
"""An SMS that is not stored by then is answered 503; its sender has given up by itself after 32 s."""


class Door:
    """Of one peer; its source is known to be allowed, or it is a REGISTER that a digest must prove."""

    def __init__(self, peer: SipPeer) -> None:
        self._peer = peer
        self._keys = Keys()

    def serve(self, received: Received, transaction: Transaction) -> None:
        handlers: Mapping[str, Callable[[Received, Transaction], None]] = {
            "REGISTER": self._register, "INVITE": self._invite, "MESSAGE": self.message, "OPTIONS": self._options,
        }  # fmt: skip
        handlers[transaction.request.method](received, transaction)

    def message(self, received: Received, transaction: Transaction) -> None:
        """Stored before it is answered."""
        peer = self._peer
        line = peer.line_of(received)
        if not peer.allows(received.hop):
            self._reply(transaction, 403)
        elif line is None:
            self._reply(transaction, 404)
        elif not is_text(received):
            self._reply(transaction, 415, ("accept", "text/plain"))
        elif peer.events is None or peer.stack.spawn(self._store(line, received, transaction)) is None:
            self._reply(transaction, 503, ("retry-after", "30"))

    async def _store(self, line: Line, received: Received, transaction: Transaction) -> None:
        peer = self._peer
        events = peer.events
        assert events is not None
        key = self._keys.key(received, peer.stack.now())
        sender = parties(received, line.settings, peer.settings.quirks).caller or shown(
            received.envelope.sender.uri.user
        )
        try:
            async with asyncio.timeout(STORE_S):
                await events.message(line.channel, key, sender, text_of(received))
        except (StorageFailed, TimeoutError) as error:
            log.warning("%s: an SMS was not stored and not acknowledged: %s", line.channel, error or "too slow")
            self._reply(transaction, 503, ("retry-after", "30"))
        except TelecoreError as error:
            log.warning("%s: an SMS was not taken: %s", line.channel, error)
            self._reply(transaction, 500)
        else:
            self._reply(transaction, 200)

    def _options(self, received: Received, transaction: Transaction) -> None:
        del received
        self._reply(
            transaction,
            200,
            ("allow", requests.ALLOW),
            ("accept", "application/sdp"),
            ("supported", requests.SUPPORTED),
        )

    def _register(self, received: Received, transaction: Transaction) -> None:
        peer = self._peer
        if peer.settings.registers is not Registers.WITH_US:
            self._reply(transaction, 403)
            return
        line = peer.line_of(received, self._said_user(received))
        if line is None:
            self._strange(received, "REGISTER of an unknown line")
            self._reply(transaction, 404)
        elif self._proved(line, received, transaction):
            self._bind(line, received, transaction)

    def _bind(self, line: Line, received: Received, transaction: Transaction) -> None:
        peer, user = self._peer, line.settings.user.lower()
        outcome = peer.registrar.take(user, received, peer.stack.now())
        self._reply(transaction, outcome.status, *outcome.headers)
        if outcome.status != 200:
            return
        peer.learn_addresses()
        binding = peer.registrar.get(user, peer.stack.now())
        if binding is None:
            if outcome.changed:
                peer.note(line, up=False, reason="it withdrew its registration")
        else:
            peer.note(line, up=True, reason="registered", contact=str(binding.hop), user_agent=binding.user_agent)

    def _invite(self, received: Received, transaction: Transaction) -> None:
        peer = self._peer
        claimed = peer.claimed.get(_user_of(transaction.request))
        if claimed is not None:
            peer.lines[claimed[0]].invited(received, transaction, claimed[1])
            return
        line = peer.line_of(received, self._said_user(received))
        if line is None:
            log.warning("%s: a call came for no line that is set up here", peer.settings.device)
            self._reply(transaction, 404)
        elif peer.events is None:
            self._reply(transaction, 480)
        elif not peer.settings.challenge or self._proved(line, received, transaction):
            line.invited(received, transaction, None)

    def _proved(self, line: Line, received: Received, transaction: Transaction) -> bool:
        """By a digest where the line has a password; else only from an address that the settings name."""
        peer, request = self._peer, transaction.request
        credentials = line.settings.credentials or peer.settings.credentials
        if credentials is None:
            allowed = peer.allows(received.hop)
            if not allowed:
                self._strange(received, f"{request.method} without a password")
                self._reply(transaction, 403)
            return allowed
        realm = peer.settings.domain or "simferry"
        header = request.headers.get("authorization") or request.headers.get("proxy-authorization")
        asked = Asked(request.method, request.uri, request.body)
        verdict = peer.challenger.check(header, credentials, asked) if header else None
        if verdict is Verdict.RIGHT:
            return True
        if verdict is Verdict.WRONG:
            if request.method == "REGISTER" and not line.state.up and peer.allows(received.hop):
                peer.note(line, up=False, reason="it registers with a wrong password")
            self._strange(received, f"{request.method} with a wrong password")
            self._reply(transaction, 403)
        else:
            challenge = peer.challenger.challenge(realm, stale=verdict is Verdict.STALE)
            self._reply(transaction, 401, ("www-authenticate", challenge))
        return False

    def _said_user(self, received: Received) -> str:
        headers = received.message.headers
        header = headers.get("authorization") or headers.get("proxy-authorization")
        return read_fields(header).get("username", "") if header else ""

    def _strange(self, received: Received, tried: str) -> None:
        self._peer.stack.alarm(received.hop.address, tried)

    def _reply(self, transaction: Transaction, status: int, *headers: tuple[str, str]) -> None:
        stack = self._peer.stack
        stack.respond(transaction, response_to(transaction.request, status, *headers, tag=stack.token()))


def _user_of(request: Request) -> str:
    try:
        return parse_uri(request.uri).user
    except RemoteProtocolError:
        return ""
