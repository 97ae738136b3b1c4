"""What a far end is asked and told by itself: OPTIONS, our registration, expiry of theirs, names that move."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from edge_agent.drivers.sip import reaching
from edge_agent.drivers.sip.asking import ask
from edge_agent.drivers.sip.call_states import CallState
from edge_agent.drivers.sip.hop import Hop, numeric
from edge_agent.drivers.sip.message import CSeq, Headers, Request
from edge_agent.drivers.sip.registration import Account, Registration
from edge_agent.drivers.sip.settings import Registers
from edge_agent.drivers.sip.uri import NameAddr, sip_uri
from edge_agent.drivers.together import together
from telecore.causes import Cause
from telecore.errors import DeviceLost, TimedOut

if TYPE_CHECKING:
    from edge_agent.drivers.sip.line import Line
    from edge_agent.drivers.sip.peer import SipPeer

log = logging.getLogger(__name__)

LOOK_UP_EVERY_S = 120.0
_MISSES = 2
_ANSWER_WITHIN_S = 8.0
_EXPIRY_LOOK_S = 1.0


async def watch(peer: SipPeer) -> None:
    """Until cancelled. Raises DeviceLost when our own address is gone."""
    parts = [_own_address(peer)]
    if peer.settings.registers is Registers.WITH_US:
        parts.append(_expiry(peer))
    if peer.settings.host and not numeric(peer.settings.host):
        parts.append(_names(peer))
    for line in peer.lines.values():
        if peer.settings.registers is Registers.WITH_THEM:
            parts.append(_register(peer, line))
        if peer.settings.quirks.options_every_s > 0:
            parts.append(_options(peer, line))
        if peer.settings.registers is Registers.NOBODY:
            break  # one far end, one answer for all its lines
    await together(*parts)


async def _own_address(peer: SipPeer) -> None:
    why = await peer.stack.lost()
    raise DeviceLost(f"SIP cannot use address {peer.stack.settings.listen} any more: {why}")


async def _expiry(peer: SipPeer) -> None:
    while True:
        await asyncio.sleep(_EXPIRY_LOOK_S)
        gone = set(peer.registrar.expired(peer.stack.now()))
        if gone:
            peer.learn_addresses()
        for line in peer.lines.values():
            if line.settings.user.lower() in gone:
                peer.note(line, up=False, reason="its registration expired")


async def _names(peer: SipPeer) -> None:
    while True:
        await asyncio.sleep(LOOK_UP_EVERY_S)
        try:
            peer.place = await reaching.find(peer.settings, peer.stack.settings.listen)
        except DeviceLost as error:
            log.info("%s: %s", peer.settings.device, error)
        else:
            peer.learn_addresses()


async def _register(peer: SipPeer, line: Line) -> None:
    stack, settings = peer.stack, peer.settings
    host = settings.domain or settings.host
    user = line.settings.user or (settings.credentials.user if settings.credentials else "")
    account = Account(
        str(sip_uri("", host, None if settings.domain else settings.port)),
        str(sip_uri(user, host)),
        peer.contact(line.settings),
        f"{stack.token()}-{stack.token()}",
        stack.token(),
    )
    registration = Registration(stack, account, line.authorizer, lambda news: peer.registered(line, news))
    try:
        await registration.run(lambda: _hop(peer), stack.rng)
    finally:
        if peer.place.hop is not None:
            await registration.withdraw(peer.place.hop)


def _hop(peer: SipPeer) -> Hop:
    if peer.place.hop is None:
        raise DeviceLost("a trunk without an address")
    return peer.place.hop


async def _options(peer: SipPeer, line: Line) -> None:
    """Any answer is one: many boxes know no OPTIONS and say so (404, 405, 501). It tells of the place that was asked,
    and so nothing of a line that has moved or left meanwhile."""
    misses, every = 0, peer.settings.quirks.options_every_s
    asked: Hop | None = None
    ping = _Ping(peer, line)
    while True:
        hop = _line_hop(peer, line)
        if hop != asked:
            asked, misses = hop, 0
        if hop is not None:
            answer = await _ask_options(ping, hop, min(every, _ANSWER_WITHIN_S))
            if _line_hop(peer, line) != hop:
                continue
            misses = misses + 1 if answer is None else 0
            if answer is not None:
                agent, took = answer
                _heard(peer, line, up=True, reason="answers", contact=str(hop), user_agent=agent, round_trip_s=took)
            elif misses >= _MISSES:
                _heard(peer, line, up=False, reason="no answer to OPTIONS", contact=str(hop))
                _give_up_unanswered(peer, line)
        await asyncio.sleep(every)


async def _ask_options(ping: _Ping, hop: Hop, within_s: float) -> tuple[str, float] | None:
    """What answers there, and after how many seconds; None: nothing."""
    peer, line = ping.peer, ping.line
    began = asyncio.get_running_loop().time()
    try:
        response = await ask(peer.stack, lambda: ping.request(hop), hop, line.authorizer, within_s=within_s)
    except TimedOut:
        return None
    took = asyncio.get_running_loop().time() - began
    return response.headers.get("server") or response.headers.get("user-agent") or "", took


def _heard(peer: SipPeer, line: Line, *, up: bool, reason: str, contact: str, **more: object) -> None:
    registers = peer.settings.registers
    if registers is Registers.WITH_THEM:
        # The registration decides; OPTIONS only measure.
        peer.note(line, up=line.state.up, reason=line.state.reason, contact=contact, **more)
        return
    reason = "registered" if up and registers is Registers.WITH_US else reason
    for each in peer.lines.values() if registers is Registers.NOBODY else (line,):
        peer.note(each, up=up, reason=reason, contact=contact, **more)


def _give_up_unanswered(peer: SipPeer, line: Line) -> None:
    """Calls that ring at a box which is away ring nowhere. Of answered ones their sound tells."""
    for each in peer.lines.values() if peer.settings.registers is Registers.NOBODY else (line,):
        for call in tuple(each.calls):
            if call.state is not CallState.ACTIVE:
                call.lose(Cause.DESTINATION_OUT_OF_ORDER)


def _line_hop(peer: SipPeer, line: Line) -> Hop | None:
    if peer.settings.registers is Registers.WITH_US:
        binding = peer.registrar.get(line.settings.user.lower(), peer.stack.now())
        return binding.hop if binding is not None else None
    return peer.place.hop


class _Ping:
    """One row of OPTIONS: the same Call-ID, the next CSeq."""

    def __init__(self, peer: SipPeer, line: Line) -> None:
        self.peer = peer
        self.line = line
        self._call_id = peer.stack.token()
        self._tag = peer.stack.token()
        self._number = 0

    def request(self, hop: Hop) -> Request:
        self._number += 1
        settings = self.peer.settings
        host = settings.domain or settings.host or hop.address
        ours = NameAddr(sip_uri(self.line.settings.user or "simferry", host))
        headers = Headers(
            [
                ("max-forwards", "70"),
                ("from", str(ours.tagged(self._tag))),
                ("to", f"<{sip_uri('', host)}>"),
                ("call-id", self._call_id),
                ("cseq", str(CSeq(self._number, "OPTIONS"))),
                ("contact", self.line.contact),
                ("accept", "application/sdp"),
            ]
        )
        return Request("OPTIONS", str(sip_uri("", host, hop.port)), headers)
