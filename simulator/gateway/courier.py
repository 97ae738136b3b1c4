"""SMS of a line as SIP MESSAGE (RFC 3428): one after the other, each again until it is acknowledged."""

from __future__ import annotations

import secrets
from collections import deque

from simulator.gateway.contracts import Received
from simulator.sip.agent import Headers, UserAgent, new_tag
from simulator.sip.digest import Account
from simulator.sip.message import Address, Message
from simulator.sip.sockets import HOST
from simulator.timing import Handle, Timers

MOST_WAITING = 100
TYPE = "text/plain;charset=UTF-8"


class Courier:
    """Works while it has an agent to send by; a box without power keeps what it has taken."""

    def __init__(self, account: Account, to: Address, timers: Timers, again_s: float) -> None:
        self._account = account
        self._to = to
        self._timers = timers
        self._again_s = again_s
        self._waiting: deque[tuple[str, Received]] = deque()
        self._agent: UserAgent | None = None
        self._timer: Handle | None = None

    def take(self, received: Received) -> bool:
        """Whether there is room for it."""
        if len(self._waiting) >= MOST_WAITING:
            return False
        self._waiting.append((secrets.token_hex(10), received))
        if len(self._waiting) == 1:
            self._send()
        return True

    def start(self, agent: UserAgent) -> None:
        """SIP works from now on."""
        self._agent = agent
        self._send()

    def stop(self) -> None:
        """SIP works no longer."""
        self._agent = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _send(self) -> None:
        agent = self._agent
        if agent is None or not self._waiting:
            return
        call_id, received = self._waiting[0]
        host, port = self._to
        uri = f"sip:{self._account.user}@{host}:{port}"
        headers: Headers = [agent.via(), ("Max-Forwards", "70")]
        headers += [("From", f"<sip:{received.sender}@{HOST}:{agent.port}>;tag={new_tag()}"), ("To", f"<{uri}>")]
        headers += [("Call-ID", call_id), ("CSeq", "1 MESSAGE"), ("Content-Type", TYPE)]
        request = Message(tuple(headers), received.text.encode("utf-8", "replace"), method="MESSAGE", uri=uri)
        agent.ask(request, self._to, lambda response: self._answered(agent, response), self._account)

    def _answered(self, agent: UserAgent, response: Message | None) -> None:
        if agent is not self._agent or (response is not None and response.status < 200):
            return
        if response is not None and response.status < 300:
            self._waiting.popleft()
            self._send()
        else:
            self._timer = self._timers.after(self._again_s, self._send)
