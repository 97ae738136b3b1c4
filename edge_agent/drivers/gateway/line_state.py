"""How a line stands, of what its SIP and its box's own tongue say. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace

from edge_agent.contracts import RadioStatus
from edge_agent.drivers.sip.peer import LineState
from telecore.model import ChannelState, Service

_BY_TONGUE = frozenset({Service.SMS, Service.USSD})
_VOICE = frozenset({Service.VOICE})


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of one line.

    ``sip`` None: nothing yet. ``managed``: the box has a tongue that we speak; ``radio``: what it said last of the
    line; ``lost``: why it says nothing now, empty while it does.
    """

    managed: bool
    sip: LineState | None = None
    radio: RadioStatus | None = None
    lost: str = ""


def stands(known: Known) -> RadioStatus:
    """A line is registered when its radio is, or when nobody can ask its radio and calls can go.

    What does not work of it just now is in ``without``, with the reason: a box whose SIP is down still sends SMS.
    """
    if not known.managed:
        return _by_sip(known)
    if known.radio is not None and not known.lost:
        return _calls_down(known.radio, known.sip)
    return _tongue_down(known)


def _by_sip(known: Known) -> RadioStatus:
    sip = known.sip
    if sip is None:
        return RadioStatus(ChannelState.SEARCHING, reason="nothing heard of it yet")
    state = ChannelState.REGISTERED if sip.up else ChannelState.FAULTY
    return RadioStatus(state, reason="" if sip.up else sip.reason)


def _calls_down(radio: RadioStatus, sip: LineState | None) -> RadioStatus:
    if sip is not None and sip.up:
        return radio
    why = f"no calls: {sip.reason}" if sip is not None else "no calls yet: nothing heard of its SIP"
    reason = "; ".join(text for text in (radio.reason, why) if text)
    return replace(radio, reason=reason, without=radio.without | _VOICE)


def _tongue_down(known: Known) -> RadioStatus:
    sip, before = known.sip, known.radio
    why = known.lost or "its own interface has not answered yet"
    if sip is None or not sip.up:
        state = ChannelState.SEARCHING if sip is None and not known.lost else ChannelState.FAULTY
        reason = "; ".join(text for text in (why, sip.reason if sip is not None else "") if text)
        return RadioStatus(state, before.sim if before else None, reason=reason)
    return RadioStatus(
        ChannelState.REGISTERED,
        before.sim if before is not None else None,
        reason=f"calls only: {why}",
        without=_BY_TONGUE,
    )
