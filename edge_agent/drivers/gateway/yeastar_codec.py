"""What a Yeastar TG is told, and what it says of SMS and USSD (sans-I/O). After "How to use TG SMS API"."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import quote

from edge_agent.contracts import UssdReply, UssdState
from edge_agent.drivers.at_modem.profile import UssdEncoding
from edge_agent.drivers.at_modem.ussd_text import decode_text
from edge_agent.drivers.gateway.ussd_answers import answered
from telecore.errors import DeviceRefused

_MESSAGE = re.compile(r"USSD Message:[ \t]?(.*)", re.IGNORECASE)
_TROUBLE = re.compile(r"(usage:|no such command|invalid|unable|error|fail|timeout|timed out)", re.IGNORECASE)


def send_sms(span: int, to: str, text: str, ident: int) -> str:
    return f'gsm send sms {span} "{to}" "{quote(text, safe="")}" {ident}'


def send_ussd(span: int, code: str, seconds: float) -> str:
    return f'gsm send ussd {span} "{code}" {seconds:.0f}'


def pieces(text: str, limit: int) -> list[str]:
    """The text in as few pieces as have at most ``limit`` octets each when URL-encoded; no character is cut."""
    found: list[str] = []
    size = limit + 1
    for character in text:
        octets = len(quote(character, safe="", errors="replace"))
        if size + octets > limit:
            found.append("")
            size = 0
        found[-1] += character
        size += octets
    return found


def complain(output: Iterable[str]) -> None:
    """Raises DeviceRefused when the output of a command is about a mistake."""
    for line in output:
        if _TROUBLE.search(line):
            raise DeviceRefused("error", None, line.strip()[:120])


def read_ussd(output: Iterable[str]) -> UssdReply:
    """The output of ``gsm send ussd``. Raises DeviceRefused when there is no message in it."""
    lines = list(output)
    for at, line in enumerate(lines):
        if found := _MESSAGE.search(line):
            text = decode_text("\n".join((found[1], *lines[at + 1 :])), None, (UssdEncoding.UCS2,))
            return answered(text)
    said = " ".join(line.strip() for line in lines if line.strip())
    if re.search(r"time ?d? ?out", said, re.IGNORECASE):
        return UssdReply(UssdState.TIMEOUT, "")
    raise DeviceRefused("error", None, said[:120] or "no USSD message in the answer")
