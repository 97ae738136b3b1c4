"""One SMS on its way through a GoIP: what is sent when, and what the answers mean (sans-I/O).

MSG → PASSWORD, PASSWORD → SEND, SEND → WAIT … OK or ERROR, DONE → DONE (GOIP SMS Interface §3). From the second time on
SEND asks for the outcome of its ``telid``, so a repetition submits nothing: the box keeps the last ten.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from edge_agent.drivers.gateway import goip_codec
from edge_agent.drivers.gateway.goip_codec import Answer
from telecore.causes import Blame, blame_cms
from telecore.errors import Busy, DeviceRefused, OutcomeUnknown, TelecoreError

_TELID = 1
_STATUS = re.compile(r"errorstatus:\s*(-?[0-9]{1,5})")
GENERAL_FAILURE = 1
"""What the box says whenever it knows no better (§3.6), so not the network's cause 1, an unassigned number."""


class Step(StrEnum):
    """Where the session is. From SUBMITTED on, the SMS may be out."""

    ANNOUNCED = "announced"
    AUTHENTICATING = "authenticating"
    SUBMITTED = "submitted"
    TAKEN = "taken"
    REFUSED = "refused"


STEPS = {
    (Step.ANNOUNCED, "PASSWORD"): Step.AUTHENTICATING,
    (Step.ANNOUNCED, "ERROR"): Step.REFUSED,
    (Step.AUTHENTICATING, "PASSWORD"): Step.AUTHENTICATING,
    (Step.AUTHENTICATING, "SEND"): Step.SUBMITTED,
    (Step.AUTHENTICATING, "ERROR"): Step.REFUSED,
    (Step.SUBMITTED, "SEND"): Step.SUBMITTED,
    (Step.SUBMITTED, "WAIT"): Step.SUBMITTED,
    (Step.SUBMITTED, "OK"): Step.TAKEN,
    (Step.SUBMITTED, "ERROR"): Step.REFUSED,
}
"""What is not here is an answer that came late or twice, and changes nothing."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The network took it. ``ref`` is what a DELIVER will name; firmware that tells none gets a name of ours."""

    ref: int | str


class GoipSubmit:
    """``outcome`` is None until the box has said how it went."""

    def __init__(self, sendid: int, text: str, number: str, password: str) -> None:
        """Raises ValueError for a text or a number that the protocol cannot carry."""
        self.sendid = sendid
        self.step = Step.ANNOUNCED
        self.outcome: Taken | TelecoreError | None = None
        self._datagrams = {
            Step.ANNOUNCED: goip_codec.message(sendid, text),
            Step.AUTHENTICATING: goip_codec.password(sendid, password),
            Step.SUBMITTED: goip_codec.send(sendid, _TELID, number),
        }

    @property
    def datagram(self) -> bytes:
        """What to send now, and again when no answer comes."""
        return self._datagrams[self.step]

    def receive(self, answer: Answer) -> bool:
        """Take an answer; whether the session went a step further."""
        if self.outcome is not None or (self.step, answer.verb) not in STEPS:
            return False
        if self.step is Step.SUBMITTED and answer.verb in ("OK", "WAIT") and not _is_ours(answer.rest):
            return False
        before, self.step = self.step, STEPS[self.step, answer.verb]
        if self.step is Step.TAKEN:
            self.outcome = Taken(_ref(answer.rest, self.sendid))
        elif self.step is Step.REFUSED:
            self.outcome = _refusal(before, answer.rest)
        return self.step is not before

    def give_up(self, reason: str) -> TelecoreError:
        """No answer came: what that means."""
        if self.step is Step.SUBMITTED:
            return OutcomeUnknown(f"{reason} after the SMS was handed over")
        return Busy(f"{reason} before the SMS was handed over")


def _is_ours(rest: str) -> bool:
    return rest.split()[:1] in ([], [str(_TELID)])


def _ref(rest: str, sendid: int) -> int | str:
    words = rest.split()
    sms_no = words[1] if len(words) > 1 else f"s{sendid}"
    return ref_of(sms_no)


def ref_of(sms_no: str) -> int | str:
    """A submit's reference as OK and DELIVER write it; a number, or what else the firmware says."""
    return int(sms_no) if re.fullmatch(r"[0-9]{1,9}", sms_no) else sms_no[:64]


def _refusal(step: Step, rest: str) -> TelecoreError:
    words = rest.strip()[:80]
    if step is Step.ANNOUNCED:
        return Busy(f"the box takes no SMS now: {words}")
    if step is Step.AUTHENTICATING:
        return DeviceRefused("error", None, f"the line's password is refused: {words}")
    status = _STATUS.search(rest)
    if status is None:
        return OutcomeUnknown(f"the box lost the session: {words}")
    code = int(status[1])
    if code <= GENERAL_FAILURE:
        return DeviceRefused("cms", None, words)
    if blame_cms(code)[0] is Blame.UNKNOWN:
        return OutcomeUnknown(f"the network did not say whether it took it (CMS {code})")
    return DeviceRefused("cms", code, words)
