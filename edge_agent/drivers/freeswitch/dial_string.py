"""What FreeSWITCH is told to dial. Values are let in or refused, never escaped: none can break out of its place."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from telecore.errors import InvalidRequest
from telecore.ids import E164
from telecore.numbers import safe_to_dial

_PLACE = re.compile(r"\{([a-z]+)\}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_TEXT = re.compile(r"[A-Za-z0-9+:._@-]*")
"""What a variable's value may be made of: no comma, quote, brace, blank, ``$``, ``^``, ``&``, ``|`` or ``%``."""
_TEMPLATE = re.compile(r"(\[[A-Za-z0-9=_.,:+-]*\])?[A-Za-z0-9=_/@:;.+*#-]+")
"""Variables in brackets, then one place to dial: of several only the first one's fate would be told."""
_PLACES = frozenset({"trunk", "number", "digits"})


@dataclass(frozen=True, slots=True)
class Dial:
    """One outbound call. ``ours`` and ``theirs``: ids of the leg to us and of the trunk's, both chosen by us.

    ``listen``: our SIP address, ``user`` what FreeSWITCH calls there by ``profile``.
    """

    ours: str
    theirs: str
    user: str
    listen: str
    profile: str
    trunk: str
    template: str
    to: str
    caller: E164 | None
    hidden: bool
    ring_limit_s: int


def check_trunk(name: str, template: str) -> None:
    """Raises InvalidRequest, naming what is wrong, for a gateway's name or a dial string that cannot be used."""
    if not _NAME.fullmatch(name):
        raise InvalidRequest(f"{name[:64]!r} cannot be the name of a gateway", field="gateway")
    places = set(_PLACE.findall(template))
    if unknown := places - _PLACES:
        raise InvalidRequest(f"a dial string has {{trunk}}, {{number}} and {{digits}}, no {unknown}", field="dial")
    if not places & {"number", "digits"}:
        raise InvalidRequest("a dial string without {number} dials nobody", field="dial")
    if not _TEMPLATE.fullmatch(_PLACE.sub("", template)):
        raise InvalidRequest(
            "a dial string is [variables] and one place, without blanks, quotes, &, | or {}", field="dial"
        )


def trunk_uri(template: str, trunk: str, to: str) -> str:
    """The trunk's dial string, filled in. Raises InvalidRequest for what is no number."""
    if not safe_to_dial(to):
        raise InvalidRequest(f"{to[:20]!r} is no number that can be dialled", field="To", code=21211)
    values = {"trunk": trunk, "number": to, "digits": to.removeprefix("+")}
    return _PLACE.sub(lambda place: values[place[1]], template)


def originate(dial: Dial) -> str:
    """The API command: call us first, and when we have answered, the trunk; then its every sound is heard by us.

    The other way round the first word after an answer would be lost, and early media with it.
    """
    common = {"simferry": dial.listen, "hangup_after_bridge": "true"}
    ours = {
        **common,
        "origination_uuid": dial.ours,
        "originate_timeout": "10",
        "origination_caller_id_number": dial.user,
    }
    theirs = {**common, "origination_uuid": dial.theirs, "leg_timeout": str(dial.ring_limit_s), **_identity(dial)}
    us = f"sofia/{dial.profile}/sip:{dial.user}@{dial.listen}"
    them = trunk_uri(dial.template, dial.trunk, dial.to)
    return f"originate {_block(ours)}{us} &bridge({_block(theirs)}{them})"


def _identity(dial: Dial) -> Mapping[str, str]:
    """Whom the callee sees. Hidden: nobody in From, the number in P-Asserted-Identity with ``Privacy: id`` (RFC 3325
    §9.1), by which the carrier still knows whom to bill."""
    shown = {} if dial.caller is None else {"origination_caller_id_number": dial.caller}
    if not dial.hidden:
        return {**shown, "origination_caller_id_name": dial.caller or "anonymous"}
    return {
        **shown,
        "origination_caller_id_name": "anonymous",
        "origination_privacy": "hide_name:hide_number",
        "sip_cid_type": "pid",
        "sip_from_uri": "sip:anonymous@anonymous.invalid",
        "sip_from_display": "Anonymous",
    }


def _block(variables: Mapping[str, str]) -> str:
    for name, value in variables.items():
        if not _TEXT.fullmatch(value):
            raise InvalidRequest(f"{value[:20]!r} cannot be handed to FreeSWITCH as {name}", field=name)
    return "{" + ",".join(f"{name}={value}" for name, value in variables.items()) + "}"
