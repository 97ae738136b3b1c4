"""What an OpenVox gateway is told, and what it says of SMS and USSD (sans-I/O).

After "VoxStack GSM Gateway API", and what the box's own scripts send and look for.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from edge_agent.contracts import UssdReply, UssdState
from edge_agent.drivers.at_modem.profile import UssdEncoding
from edge_agent.drivers.at_modem.ussd_text import decode_text
from telecore.errors import Busy, DeviceRefused, OutcomeUnknown, RemoteProtocolError
from telecore.ids import Iccid
from telecore.sms import Segment
from telecore.subscriber import iccid_from_ef
from telecore.ussd import state_of

READ_ICCID = "AT+CRSM=176,12258,0,0,10"
_ESCAPES = {"\\": "\\\\\\\\", "\r\n": "\\\\n", "\n": "\\\\n", "\r": "\\\\n", '"': '\\"'}
"""The command line takes one backslash away, what sends the SMS another."""
_ESCAPED = re.compile(r'\\|\r\n|\n|\r|"')
_USSD = re.compile(r"(\d)\s*:.*?(?:responses:(\d))?(?:,code:(\d{1,3}))?\s*")
_EF_ICCID = re.compile(r'\+CRSM:\s*144,\s*0,\s*"?([0-9A-Fa-f]{20})')


def send_segment(span: int, to: str, segment: Segment, ident: int, seconds: float) -> str:
    """One segment: alone, or with its place in a long SMS. The box chooses the alphabet itself."""
    text, flash = f'"{escape(segment.text)}"', int(segment.flash)
    if segment.concat is None:
        return f"gsm send sync sms {span} {to} {text} {seconds:.0f} {flash} {ident}"
    place = f"{segment.concat.reference % 256} {segment.concat.total} {segment.concat.number}"
    return f"gsm send sync csms {span} {to} {text} {place} {seconds:.0f} {flash} {ident}"


def send_ussd(span: int, code: str, seconds: float) -> str:
    return f'gsm send ussd {span} "{code}" {seconds:.0f}'


def read_iccid(span: int) -> str:
    return f"gsm send sync at {span} {READ_ICCID} 5000"


def escape(text: str) -> str:
    """A text between the quotes of a command."""
    return _ESCAPED.sub(lambda found: _ESCAPES[found[0]], text)


def read_sent(output: Iterable[str]) -> None:
    """How a segment went. Raises Busy and DeviceRefused (nothing went out), OutcomeUnknown."""
    said = " ".join(line.strip() for line in output if line.strip())
    words = said.upper()
    if "SUCCESS" in words:
        return
    if "WAS USING" in words:
        raise Busy(f"the module is in use: {said[:120]}")
    if "TIMEOUT" in words or "TIMED OUT" in words or not said:
        raise OutcomeUnknown(f"the box does not know how it went: {said[:120]}")
    if "FAIL" in words:
        raise DeviceRefused("cms", None, said[:120])
    if words.startswith(("USAGE", "NO SUCH COMMAND", "NO GSM")):
        raise DeviceRefused("error", None, said[:120])
    raise OutcomeUnknown(f"the box says something else: {said[:120]}")


def read_ussd(output: Iterable[str]) -> UssdReply:
    """``1:Recive USSD on span 12,responses:0,code:15`` and ``Text:…``, also on the same line.

    Raises DeviceRefused when the network refused it, RemoteProtocolError for something else altogether.
    """
    said = "\n".join(output).strip("\n")
    head, found_text, text = said.partition("Text:")
    found = _USSD.fullmatch(head.strip())
    if found is None:
        raise DeviceRefused("error", None, said[:120]) if said else RemoteProtocolError("no USSD answer at all")
    if found[1] != "1":
        if re.search(r"time ?d? ?out", said, re.IGNORECASE):
            return UssdReply(UssdState.TIMEOUT, "")
        raise DeviceRefused("error", None, said[:120])
    state = UssdState(state_of(int(found[2] or 0)).value)
    dcs = int(found[3]) if found[3] else None
    return UssdReply(state, decode_text(text if found_text else "", dcs, (UssdEncoding.UCS2,)))


def iccid_in(output: Iterable[str]) -> Iccid | None:
    """The ICCID that EF-ICCID holds; None when the module did not tell it."""
    found = _EF_ICCID.search("\n".join(output))
    if found is None:
        return None
    try:
        return iccid_from_ef(found[1])
    except RemoteProtocolError:
        return None
