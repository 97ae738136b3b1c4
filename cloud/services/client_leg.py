"""One call with a browser: an edge holds its leg, handsets ring, one of them talks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from cloud.services.far_leg import AWAY_S, HELD_AGAIN_S
from cloud.services.feeds import MediaLine
from cloud.services.handsets import Handset
from cloud.store.records import CallRecord
from telecore.audio.frames import FRAME_SAMPLES
from telecore.causes import Cause
from telecore.commands import FarNews, TellFarLeg
from telecore.ids import CallSid, EdgeId, is_client
from telecore.model import CallStatus
from telecore.notices import Do


class ClientLeg:
    """``over`` is called once, when neither the edge nor a handset is in it any more.

    A talking handset whose socket is cut may come back within AWAY_S; so may the edge.
    """

    def __init__(self, record: CallRecord, near: EdgeId, line: MediaLine, over: Callable[[CallSid], None]) -> None:
        self.call = record.sid
        self.account = record.account
        self.near = near
        self.outgoing = not is_client(record.called)
        self.identity = (record.caller if self.outgoing else record.called).partition(":")[2]
        self.answered = record.status is CallStatus.IN_PROGRESS
        self._line = line
        self._over = over
        self._stream: int | None = None
        self._talking: Handset | None = None
        self._ringing: list[Handset] = []
        self._waits: dict[str, asyncio.TimerHandle] = {}
        self._ended = False

    # ------------------------------------------------------------------ the edge

    def hold(self, stream: int) -> None:
        """The edge says by which stream its sound goes, perhaps again."""
        if self._ended:  # it found nobody to ring
            return
        self._found("edge")
        self._let_go_of_stream()
        self._stream = stream
        self._line.on_media(self.near, stream, self._from_near)
        if self._ringing:
            self._tell(FarNews.RINGING)
        if self._talking is not None and not self.outgoing:
            self._tell(FarNews.ANSWERED)
            self._tell(FarNews.READY)

    def taken(self) -> None:
        """The edge has answered a call that a handset made."""
        self.answered = True
        if self._talking is not None:
            self._talking.say("joined", call=self.call)

    def leave(self, cause: int) -> None:
        """The edge has let it go, or the call is over otherwise."""
        self._finish(cause)

    def link(self, up: bool) -> None:
        """The edge came or went."""
        self._let_go_of_stream()
        self._found("edge")
        self._wait("edge", HELD_AGAIN_S if up else AWAY_S, lambda: self._finish(Cause.NETWORK_OUT_OF_ORDER))

    # ------------------------------------------------------------------ handsets

    def ring(self, handsets: list[Handset], shown: Mapping[str, object]) -> None:
        """Ring these. With none there is nobody to be called."""
        free = [handset for handset in handsets if handset.grant.incoming]
        if not free:
            self.end(Cause.SUBSCRIBER_ABSENT)
            return
        if all(handset.busy for handset in free):
            self.end(Cause.USER_BUSY)
            return
        self._ringing = [handset for handset in free if not handset.busy]
        for handset in self._ringing:
            handset.ringing[self.call] = self
            handset.say("ring", call=self.call, **shown)
        self._tell(FarNews.RINGING)

    def answer(self, handset: Handset) -> None:
        """This one takes it; the others ring no more."""
        if handset not in self._ringing or handset.busy:
            handset.say("ended", call=self.call, reason="taken")
            return
        self._ringing.remove(handset)
        self._stop_ringing("taken")
        self.answered = True
        self._join(handset)
        self._tell(FarNews.ANSWERED)
        self._tell(FarNews.READY)

    def reject(self, handset: Handset, cause: int = Cause.CALL_REJECTED) -> None:
        """It does not want it. When nobody is left that could, the call is over."""
        if handset in self._ringing:
            self._ringing.remove(handset)
            handset.ringing.pop(self.call, None)
            if not self._ringing and self._talking is None:
                self.end(cause)

    def dialled_by(self, handset: Handset) -> None:
        """It has made this call."""
        self._talking = handset
        handset.leg = self
        handset.say("dialling", call=self.call)

    def resume(self, handset: Handset) -> None:
        """It is back."""
        self._found("handset")
        if self._talking is not None:
            self._talking.leg = None
        self._join(handset)
        if self._stream is not None:
            self.hold(self._stream)

    def lost(self, handset: Handset) -> None:
        """Its socket is cut."""
        if handset is self._talking:
            handset.leg = self._talking = None
            self.expect_handset()
        else:
            self.reject(handset, Cause.SUBSCRIBER_ABSENT)

    def expect_handset(self) -> None:
        """Somebody talked, and is to come back soon."""
        self._wait("handset", AWAY_S, lambda: self.end(Cause.DESTINATION_OUT_OF_ORDER))

    def digit(self, key: str) -> None:
        self._tell(FarNews.DIGIT, digit=key)

    def frame(self, frame: bytes) -> None:
        """20 ms of µ-law from the handset."""
        if self._stream is not None and len(frame) == FRAME_SAMPLES:
            self._line.send_media(self.near, self._stream, frame)

    def end(self, cause: int) -> None:
        """The handset, or nobody, is there any more: the edge is told."""
        self._tell(FarNews.ENDED, cause)
        self._finish(cause)

    def close(self) -> None:
        """The cloud stops: edge and browser come back and tell of it again."""
        self._ended = True
        self._let_go()

    # ------------------------------------------------------------------ how it is done

    def _join(self, handset: Handset) -> None:
        handset.ringing.pop(self.call, None)
        self._talking = handset
        handset.leg = self
        handset.say("joined" if self.answered else "dialling", call=self.call)

    def _from_near(self, sequence: int, frame: bytes) -> None:
        if self._talking is not None:
            self._talking.play(frame)

    def _finish(self, cause: int) -> None:
        if self._ended:
            return
        self._ended = True
        talking = self._talking
        self._let_go()
        if talking is not None:
            talking.say("ended", call=self.call, reason="ended", cause=cause)
        self._stop_ringing("gone")
        self._over(self.call)

    def _let_go(self) -> None:
        for name in list(self._waits):
            self._found(name)
        self._let_go_of_stream()
        talking, self._talking = self._talking, None
        if talking is not None:
            talking.leg = None

    def _stop_ringing(self, reason: str) -> None:
        for handset in self._ringing:
            handset.ringing.pop(self.call, None)
            handset.say("ended", call=self.call, reason=reason)
        self._ringing = []

    def _tell(self, news: FarNews, cause: int = Cause.NORMAL_CLEARING, digit: str = "") -> None:
        told = TellFarLeg(call=self.call, news=news, cause=cause, digit=digit, keys_apart=True)
        self._line.notify(self.near, Do(told))

    def _wait(self, name: str, seconds: float, gone: Callable[[], None]) -> None:
        self._found(name)
        self._waits[name] = asyncio.get_running_loop().call_later(seconds, gone)

    def _found(self, name: str) -> None:
        timer = self._waits.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _let_go_of_stream(self) -> None:
        if self._stream is not None:
            self._line.on_media(self.near, self._stream, None)
            self._stream = None
