"""What one target of a <Dial> asks for, and why nobody could carry it, whatever the channels."""

from __future__ import annotations

from dataclasses import dataclass, replace

from cloud.store.records import CallRecord
from telecore.errors import InvalidTwiml
from telecore.ids import CLIENT, E164
from telecore.model import Direction
from telecore.numbers import is_e164, is_emergency, is_short_code
from telecore.sip_target import SipTarget, check_sip_caller, parse_sip_target
from telecore.twiml.control import DialTarget

CALLER_ID = 13214
NUMBER_FORMAT = 13223
FORBIDDEN = 13225
NOT_ROUTED = 13224
NESTED = 13201
NO_SIP = 13246

MAX_IDENTITY = 121

Fault = tuple[int, str]
"""Twilio's code, and what is wrong."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One target, read. ``caller``: the number that is to be shown, None for the channel's own; ``sip``: a URI."""

    to: str
    caller: E164 | None = None
    sip: SipTarget | None = None


def read_target(target: DialTarget, caller_id: str | None, parent: CallRecord) -> Asked | Fault:
    """What is to be dialled, or why that is not possible."""
    if parent.direction is Direction.OUTBOUND_DIAL:
        return NESTED, "<Dial> within a dialled leg is not possible"
    if target.kind == "sip":
        return _sip(target, caller_id, parent)
    if target.kind == "client":
        return _client(target, caller_id)
    if is_emergency(target.number):
        return FORBIDDEN, "<Dial> to an emergency number is not carried"
    if not (is_e164(target.number) or is_short_code(target.number)):
        return NUMBER_FORMAT, "<Dial> needs a number with + and its country code, or a short code"
    return Asked(target.number, E164(caller_id) if caller_id else None)


def _client(target: DialTarget, caller_id: str | None) -> Asked | Fault:
    if not is_identity(target.number.removeprefix(CLIENT)):
        return NOT_ROUTED, "<Client> needs an identity of at most 121 characters without spaces"
    return Asked(target.number, E164(caller_id[:64]) if caller_id else None)


def is_identity(text: str) -> bool:
    """Whether a browser may be called so."""
    return 0 < len(text) <= MAX_IDENTITY and text.isprintable() and " " not in text


def _sip(target: DialTarget, caller_id: str | None, parent: CallRecord) -> Asked | Fault:
    try:
        check_sip_caller(caller_id or "")
        wanted = parse_sip_target(target.number)
    except InvalidTwiml as error:
        return error.code, f"<Sip>: {error.message}"
    if is_emergency(wanted.user):
        return FORBIDDEN, "<Dial> to an emergency number is not carried"
    shown = caller_id or _user_of(parent.caller)
    sip = replace(wanted, caller=shown, username=target.username, password=target.password)
    return Asked(wanted.uri, sip=sip)


def _user_of(caller: str) -> str:
    """Who calls, as a From may show it."""
    return caller.rpartition(":")[2].partition("@")[0]


def refusal(asked: Asked, reasons: str, *, reachable: bool) -> Fault:
    """Why no channel takes it now. ``reachable``: at least one could, were it free."""
    if asked.sip is None:
        return NOT_ROUTED, reasons
    if not reachable:
        return NO_SIP, f"<Sip>: no trunk of the caller's site calls SIP URIs of {asked.sip.host}"
    return NOT_ROUTED, reasons
