"""Keeping a call alive: refreshes by UPDATE or re-INVITE, glare, and the watch for theirs (RFC 4028, RFC 3261 §14)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge_agent.drivers.sip import session_timer
from edge_agent.drivers.sip.asking import ask
from edge_agent.drivers.sip.call_states import CallState
from edge_agent.drivers.sip.message import Headers, Received, Request, Response
from edge_agent.drivers.sip.negotiation import NotAcceptable
from edge_agent.drivers.sip.session_timer import SessionTimer
from telecore.causes import Cause
from telecore.errors import TimedOut

if TYPE_CHECKING:
    from edge_agent.drivers.sip.call import SipCall

_GLARES = 5


class Refresh:
    """``pending``: a re-INVITE of ours is on its way, so theirs is answered 491."""

    def __init__(self, call: SipCall) -> None:
        self._call = call
        self._handle: asyncio.TimerHandle | None = None
        self._glares = 0
        self._updates_refused = False
        self.timer: SessionTimer | None = None
        self.pending = False

    def start(self, timer: SessionTimer | None) -> None:
        """After the answer, and after each refresh of either side."""
        self.stop()
        self.timer = timer
        if timer is None:
            return
        seconds = timer.refresh_after_s if timer.ours else timer.dead_after_s
        self._handle = self._call.line.stack.later(seconds, self._due)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _due(self) -> None:
        timer = self.timer
        if timer is None:
            return
        if not timer.ours:
            self._call.lose(Cause.TIMER_EXPIRED)
            return
        # The end of the session is watched for while ours is under way, too.
        self._handle = self._call.line.stack.later(
            timer.dead_after_s - timer.refresh_after_s, lambda: self._call.lose(Cause.TIMER_EXPIRED)
        )
        if "update" in self._call.remote_allows and not self._updates_refused:
            self._begin_update(timer)
        else:
            self.reinvite()

    def _begin_update(self, timer: SessionTimer) -> None:
        self._call.line.stack.spawn(self._update(timer))

    async def _update(self, timer: SessionTimer) -> None:
        call, dialog = self._call, self._call.dialog
        if dialog is None:
            return
        lines = session_timer.offered(int(timer.interval_s), ours=True)

        def make() -> Request:
            return dialog.request("UPDATE", ("contact", call.line.contact), ("supported", "timer"), *lines)

        try:
            response = await ask(call.line.stack, make, dialog.next_hop(), call.line.authorizer)
        except TimedOut:
            call.lose(Cause.TIMER_EXPIRED)
            return
        if response.status < 300:
            self._glares = 0
            self._refreshed(response.headers, timer)
        elif response.status in (408, 481):
            call.lose(Cause.TIMER_EXPIRED)
        elif response.status in (405, 501):
            self._updates_refused = True
            self.reinvite()
        else:
            self._later(lambda: self._begin_update(timer))

    def reinvite(self) -> None:
        """Offer the same again, with a new version (§14.1)."""
        call, dialog = self._call, self._call.dialog
        if dialog is None or self.pending:
            return
        self.pending = True
        lines: list[tuple[str, str]] = []
        if self.timer is not None:
            lines = session_timer.offered(int(self.timer.interval_s), ours=self.timer.ours)
        headers = [("contact", call.line.contact), ("supported", "timer"), ("content-type", "application/sdp"), *lines]
        request = dialog.request("INVITE", *headers, body=call.negotiation.offer())
        user = _ReInvite(self, dialog.local_seq)
        call.line.stack.send_request(call.line.authorizer.sign(request), dialog.next_hop(), user)

    def answered(self, received: Received, number: int) -> None:
        """The final response to a re-INVITE of ours."""
        call, response = self._call, received.message
        assert isinstance(response, Response)
        self.pending = False
        if response.status < 300:
            self._glares = 0
            if call.dialog is not None:
                call.dialog.refresh(response.headers)
                call.line.stack.send_ack(call.dialog.ack(number), call.dialog.next_hop())
            self._take(response)
        elif response.status in (408, 481):
            call.lose(Cause.TIMER_EXPIRED)
        elif call.line.authorizer.learn(response, tried=False) and self._glares < _GLARES:
            self._glares += 1
            self.reinvite()
        else:
            self._later(self.reinvite)

    def _later(self, again: Callable[[], None]) -> None:
        """It is refused just now: they ask for something themselves (491), or have too much to do. The session goes on
        till its end all the same, so there is time to ask again."""
        if self._glares < _GLARES and self._call.state is CallState.ACTIVE:
            self._glares += 1
            self._call.later(self._glare_wait(), again)

    def again(self, number: int) -> None:
        """Its 2xx came again: so must the ACK."""
        dialog = self._call.dialog
        if dialog is not None:
            self._call.line.stack.send_ack(dialog.ack(number), dialog.next_hop())

    def silent(self) -> None:
        self.pending = False
        self._call.lose(Cause.TIMER_EXPIRED)

    def _take(self, response: Response) -> None:
        if response.body:
            try:
                self._call.agree(self._call.negotiation.accept(response.body))
            except NotAcceptable:
                self._call.lose(Cause.INTERWORKING)
                return
        if self.timer is not None:
            self._refreshed(response.headers, self.timer)

    def _refreshed(self, headers: Headers, timer: SessionTimer) -> None:
        self.start(session_timer.accepted(headers, ours=int(timer.interval_s)))

    def _glare_wait(self) -> float:
        """§14.1: who chose the Call-ID waits 2.1 to 4 s, the other up to 2 s."""
        if self._call.began_it:
            return self._call.line.stack.uniform(2.1, 4.0)
        return self._call.line.stack.uniform(0.0, 2.0)


class _ReInvite:
    def __init__(self, refresh: Refresh, number: int) -> None:
        self._refresh = refresh
        self._number = number
        self._final = False

    def on_response(self, received: Received) -> None:
        message = received.message
        if not isinstance(message, Response) or message.status < 200:
            return
        if self._final:
            self._refresh.again(self._number)
            return
        self._final = True
        self._refresh.answered(received, self._number)

    def on_timeout(self) -> None:
        self._refresh.silent()
