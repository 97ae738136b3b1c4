"""What to do with the messages that wait for a line, and with a refusal. Pure: no clock, no disk, no modem."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from edge_agent.contracts import Permit
from edge_agent.spool import QueuedSms
from telecore.causes import Blame, blame_submit
from telecore.errors import CannotHold, DeviceLost, DeviceRefused, OutcomeUnknown, Refused, TelecoreError, Transient

EXPIRED = 30036
UNCERTAIN = 30008

RETRY_AFTER_S: Mapping[Blame, tuple[float, ...]] = {Blame.NETWORK: (10, 30, 60, 120, 300)}
"""How long to wait before each further attempt. Whoever else is to blame would refuse again."""

_SIM_AWAY_AFTER_S = (5.0, 15.0, 60.0)

RETRY_CODE_AFTER_S: Mapping[int, tuple[float, ...]] = {
    21: (30,),
    **dict.fromkeys((38, 42), (60, 120, 300, 300, 300)),
    **dict.fromkeys((208, 211), (30, 60)),
    **dict.fromkeys((210, 212), (10, 30)),
    300: (5, 30),
    **dict.fromkeys((310, 311, 312, 313, 315, 316, 317, 318), _SIM_AWAY_AFTER_S),
    314: (2, 2, 2, 2, 2),
    322: (30, 60),
    127: (),
    255: (20,),
    500: (20,),
    515: (5, 15),
}
"""``+CMS ERROR`` codes with times of their own: 38 and 42 are a network in trouble, which is left alone for a minute;
208, 211 and 322 a full storage that is being emptied; 210, 212 and 314 a phone or SIM that is busy; 500 an error
that may mean anything; with the others from 310 the SIM was pulled or wants its PIN, and until the channel has noticed,
its messages must not pay for it (27.005 §3.2.5)."""

RETRY_SMPP_AFTER_S: Mapping[int, tuple[float, ...]] = {
    0x58: (1, 2, 5, 10, *[30] * 60),
    0x14: (5, 10, 30, *[60] * 30),
    0x08: (10, 60, 300),
    0x45: (10, 60),
    0x64: (10, 30, 60, 120, 300),
    0xFF: (20,),
}
"""command_status of SMPP after which another attempt makes sense: the first two say only "not so fast"
(SMPP 3.4 §5.1.3). All others would come again."""

_TRANSIENT_AFTER_S = 5.0
_TRANSIENT_ATTEMPTS = 60


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message in a line's queue. Times are of the monotonic clock: ``due`` not before, ``deadline`` not after."""

    sms: QueuedSms
    due: float = 0.0
    deadline: float | None = None
    setbacks: int = 0
    """How often the line was not able to try."""


@dataclass(frozen=True, slots=True)
class Submit:
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Expire:
    waiting: Waiting


@dataclass(frozen=True, slots=True)
class Sleep:
    """Until something changes, or for so long."""

    seconds: float | None


@dataclass(frozen=True, slots=True)
class Wait:
    """It has to wait until then (monotonic clock)."""

    due: float


@dataclass(frozen=True, slots=True)
class Refuse:
    """Nobody will let it through in its time. ``code`` is Twilio's."""

    code: int
    reason: str


def admit(permit: Permit, waiting: Waiting, now: float) -> Wait | Refuse | None:
    """What becomes of a message that its SIM may not carry now; None: it may."""
    if permit.granted:
        return None
    if permit.wait_s is None:
        return Refuse(permit.code, permit.reason)
    due = now + permit.wait_s
    if waiting.deadline is not None and due >= waiting.deadline:
        return Refuse(permit.code, f"{permit.reason}; its time runs out before that")
    return Wait(due)


def remaining_s(waiting: Waiting, now: float) -> int | None:
    """How long the network may still try, for TP-VP; None without a limit."""
    return None if waiting.deadline is None else max(1, math.ceil(waiting.deadline - now))


@dataclass(frozen=True, slots=True)
class Again:
    """Nothing went out; try again. ``refused``: the network was asked and said no."""

    waiting: Waiting
    refused: bool


@dataclass(frozen=True, slots=True)
class GiveUp:
    """The message ends. ``code`` is Twilio's; ``uncertain``: it may have been sent."""

    code: int
    reason: str
    uncertain: bool = False


def judge(error: TelecoreError, waiting: Waiting, now: float) -> Again | GiveUp:
    """What a failed submit means for its message."""
    if isinstance(error, DeviceRefused):
        return _refused(error, waiting, now)
    if isinstance(error, CannotHold):
        return Again(waiting, refused=False)
    if isinstance(error, DeviceLost | Transient):
        if waiting.setbacks + 1 >= _TRANSIENT_ATTEMPTS:
            return GiveUp(UNCERTAIN, f"the modem could not send it in {_TRANSIENT_ATTEMPTS} attempts: {error}")
        later = replace(waiting, due=now + _TRANSIENT_AFTER_S, setbacks=waiting.setbacks + 1)
        return Again(later, refused=False)
    if isinstance(error, Refused):
        return GiveUp(error.code, error.message)
    if isinstance(error, OutcomeUnknown):
        return GiveUp(UNCERTAIN, f"it may have been sent: {error}", uncertain=True)
    return GiveUp(UNCERTAIN, f"the modem spoke nonsense, so it may have been sent: {error}", uncertain=True)


def _refused(error: DeviceRefused, waiting: Waiting, now: float) -> Again | GiveUp:
    blame, code = blame_submit(error.kind, error.code)
    if blame is Blame.UNKNOWN:
        return GiveUp(code, f"the network did not say whether it took it: {error}", uncertain=True)
    delays = _delays(error, blame)
    attempts = waiting.sms.attempts
    if attempts >= len(delays):
        return GiveUp(code, f"refused by the {blame.value}: {error}")
    sms = replace(waiting.sms, attempts=attempts + 1)
    return Again(replace(waiting, sms=sms, due=now + delays[attempts]), refused=True)


def _delays(error: DeviceRefused, blame: Blame) -> tuple[float, ...]:
    if error.kind == "smpp":
        return RETRY_SMPP_AFTER_S.get(error.code or 0, ())
    # Plain ERROR says as little as 500 does.
    return RETRY_CODE_AFTER_S.get(500 if error.code is None else error.code, RETRY_AFTER_S.get(blame, ()))
