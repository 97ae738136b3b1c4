"""A line that registers with the agent, each with its own account (RFC 3261 §10)."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from simulator.sip.agent import Headers, UserAgent, new_tag
from simulator.sip.digest import Account
from simulator.sip.message import Address, Message, parameter
from simulator.sip.sockets import HOST
from simulator.timing import Handle, Timers

KEEPALIVE_S = 20.0
SOONEST_S = 1.0


class Registration:
    """Renews itself in good time, and tries again after a failure."""

    def __init__(self, agent: UserAgent, account: Account, to: Address, timers: Timers) -> None:
        self._agent = agent
        self._account = account
        self._to = to
        self._timers = timers
        self._call_id = secrets.token_hex(8)
        self._tag = new_tag()
        self._cseq = 0
        self._timer: Handle | None = None
        self._keeping: Handle | None = None
        self._on = False
        self.registered = False
        self.status = 0
        self.changed: Callable[[], None] = lambda: None

    def start(self) -> None:
        """Register and stay so."""
        self._on = True
        self._register(self._agent.manner.waits.expires)
        if self._agent.manner.keepalive:
            self._keep_alive()

    def stop(self, *, politely: bool) -> None:
        """No more; `politely`: the agent is told."""
        self._on = False
        for timer in (self._timer, self._keeping):
            if timer is not None:
                timer.cancel()
        if politely and self.registered:
            self._register(0)
        self.registered = False

    def _register(self, expires: int) -> None:
        host, port = self._to
        user = self._account.user
        self._cseq += 1
        address = f"<sip:{user}@{host}:{port}>"
        headers: Headers = [self._agent.via(), ("Max-Forwards", "70"), ("From", f"{address};tag={self._tag}")]
        headers += [("To", address), ("Call-ID", self._call_id), ("CSeq", f"{self._cseq} REGISTER")]
        headers += [("Contact", self._agent.contact(user)), ("Expires", str(expires))]
        headers += [("User-Agent", self._agent.manner.product)]
        request = Message(tuple(headers), method="REGISTER", uri=f"sip:{host}:{port}")
        asking = self._agent.ask(request, self._to, lambda response: self._answered(response, expires), self._account)
        self._asking = asking

    def _answered(self, response: Message | None, expires: int) -> None:
        if not self._on or (response is not None and response.status < 200):
            return
        self._cseq = max(self._cseq, self._asking.request.cseq[0])
        self.status = 408 if response is None else response.status
        was, self.registered = self.registered, response is not None and response.status == 200
        if self.registered and response is not None:
            wait = max(SOONEST_S, 0.8 * self._granted(response, expires))
        else:
            wait = self._agent.manner.waits.register_again
        self._timer = self._timers.after(wait, lambda: self._register(expires))
        if was != self.registered:
            self.changed()

    def _granted(self, response: Message, asked: int) -> int:
        """Seconds: of our own Contact, or of Expires."""
        ours = f"{HOST}:{self._agent.port}"
        given = [parameter(value, "expires") for value in response.all("contact") if ours in value]
        for text in (*given, response.get("expires")):
            if text.isascii() and text.isdigit() and len(text) < 8:
                return int(text)
        return asked

    def _keep_alive(self) -> None:
        self._agent.send_raw(self._agent.manner.keepalive, self._to)
        self._keeping = self._timers.after(KEEPALIVE_S, self._keep_alive)
