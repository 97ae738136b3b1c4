"""What may be asked of the services, checked and typed; and the services' face towards the API."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from cloud.store.records import (
    AccountRecord,
    CallRecord,
    FeedbackRecord,
    Hook,
    MessageRecord,
    RecordingRecord,
    StreamRecord,
    ValidationRecord,
)
from telecore.ids import E164, AccountSid, Address
from telecore.model import CallStatus, MachineSpec
from telecore.sip_target import SipTarget
from telecore.twiml.control import StreamSpec

Warnings = tuple[tuple[int, str], ...]
"""What of a request is not done as it was asked: Twilio's code and a sentence, for the debugger."""


@dataclass(frozen=True, slots=True)
class NewMessage:
    """An SMS to send. Whether ``sender`` and ``service`` are the account's, the service checks; one of them is given.

    ``validity_s`` runs from ``send_at``, or from now; None: the service's, or Twilio's. ``smart_encoded`` None: as the
    service does it. ``feedback``: the application will tell how it went. ``urgent``: a warning, which goes first;
    ``flash``: shown at once and not kept; ``port``: for an application in the
    handset; ``application``: whose callback is told in place of ``status_callback``; ``repeat``: it is sent
    again when nobody knows whether it went, and may come twice.
    """

    sender: E164 | None
    to: Address
    body: str
    status_callback: str = ""
    validity_s: int | None = None
    smart_encoded: bool | None = None
    urgent: bool = False
    flash: bool = False
    port: int | None = None
    service: str = ""
    send_at: datetime | None = None
    feedback: bool = False
    application: str = ""
    repeat: bool = False


@dataclass(frozen=True, slots=True)
class UpdateMessage:
    """``redact`` empties the body; ``cancel`` is for a scheduled message."""

    redact: bool = False
    cancel: bool = False


@dataclass(frozen=True, slots=True)
class NewCall:
    """A call to place, with ``url`` or ``twiml``, or with the URLs of an ``application``, which go before them.

    Whether ``caller`` is the account's, the service checks.

    ``sip``: a URI to call; ``to`` is the same as text.
    ``urgent``: a warning, which goes above quotas; ``hide_caller``: the callee is not to see the number.
    """

    caller: E164
    to: Address
    url: str = ""
    method: str = "POST"
    twiml: str = ""
    application: str = ""
    fallback: Hook = field(default_factory=Hook)
    status_callback: Hook = field(default_factory=Hook)
    status_callback_events: tuple[str, ...] = ("completed",)
    timeout_s: int = 60
    time_limit_s: int = 14400
    send_digits: str = ""
    record: bool = False
    record_channels: int = 1
    record_track: str = "both"
    trim_silence: bool = True
    recording_callback: Hook = field(default_factory=Hook)
    recording_callback_events: tuple[str, ...] = ("completed",)
    urgent: bool = False
    hide_caller: bool = False
    machine: MachineSpec | None = None
    machine_first: bool = True
    warnings: Warnings = ()
    machine_callback: Hook = field(default_factory=Hook)
    sip: SipTarget | None = None


@dataclass(frozen=True, slots=True)
class UpdateCall:
    """What to change on a live call. None: leave it. ``status`` is completed or canceled."""

    status: CallStatus | None = None
    url: str | None = None
    method: str = "POST"
    twiml: str | None = None
    fallback: Hook | None = None
    status_callback: Hook | None = None
    time_limit_s: int | None = None
    warnings: Warnings = ()


@dataclass(frozen=True, slots=True)
class NewStream:
    """A stream to begin on a live call."""

    spec: StreamSpec


class Streams(Protocol):
    """``services.streams.Streams``. Raises NotFound for a call or a stream that is not the account's."""

    async def create(self, account: AccountSid, call: str, wanted: NewStream) -> StreamRecord:
        """Raises InvalidRequest 21220 for a call that is not in progress."""

    async def stop(self, account: AccountSid, call: str, name: str) -> StreamRecord:
        """``name``: its SID or its name."""


@dataclass(frozen=True, slots=True)
class NewRecording:
    """A recording of a live call. ``track``: ``inbound`` (what the party says), ``outbound`` or ``both``."""

    channels: int = 1
    track: str = "both"
    trim_silence: bool = False
    callback: Hook = field(default_factory=Hook)
    callback_events: tuple[str, ...] = ("completed",)


@dataclass(frozen=True, slots=True)
class ChangeRecording:
    """``status``: ``paused``, ``in-progress`` or ``stopped``; ``pause_silence``: the pause is heard, not left out."""

    status: str
    pause_silence: bool = True


class CallRecordings(Protocol):
    """``services.call_recordings.CallRecordings``. Raises NotFound for what is not the account's."""

    async def start(self, account: AccountSid, call: str, wanted: NewRecording) -> RecordingRecord:
        """Raises InvalidRequest 21220 for a call that nobody speaks on, TunnelDown."""

    async def change(self, account: AccountSid, call: str, sid: str, wanted: ChangeRecording) -> RecordingRecord:
        """Raises InvalidRequest 21220 for one that does not run, TunnelDown."""


class Accounts(Protocol):
    """``services.standing.Standing``."""

    async def update(self, sid: AccountSid, changes: dict[str, object]) -> AccountRecord:
        """Raises NotFound; InvalidRequest 21479 for a status that a closed account is to have."""


@dataclass(frozen=True, slots=True)
class NewValidation:
    """A number to call and ask for a code. ``extension`` is dialled once the call is answered."""

    number: E164
    friendly_name: str = ""
    extension: str = ""
    status_callback: Hook = field(default_factory=Hook)


class Validations(Protocol):
    """``services.validation.Validation``."""

    async def create(self, account: AccountSid, wanted: NewValidation) -> ValidationRecord:
        """Raises InvalidRequest 21449 for a number of ours, 21450 for one that is validated; NoRoute."""


class Calls(Protocol):
    """``services.calls.CallService``. Raises NotFound for a call that is not the account's."""

    async def create(self, account: AccountSid, wanted: NewCall) -> CallRecord:
        """Raises InvalidRequest 21210 for a caller that is not the account's, NoRoute."""

    async def update(self, account: AccountSid, sid: str, wanted: UpdateCall) -> CallRecord:
        """Raises InvalidRequest 21220 when the call is not in a state for it."""

    async def delete(self, account: AccountSid, sid: str) -> None:
        """Raises InvalidRequest 20009 for a call that has not ended."""

    async def written(self, sid: str) -> None:
        """Return once the row of a call that has been announced is there, or after a while all the same."""


class Messages(Protocol):
    """``services.messages.MessageService``. Raises NotFound for a message that is not the account's."""

    async def create(self, account: AccountSid, wanted: NewMessage) -> MessageRecord:
        """Raises InvalidRequest: 21606 for a sender that is not the account's, 21701 for such a service, 21610."""

    async def update(self, account: AccountSid, sid: str, wanted: UpdateMessage) -> MessageRecord:
        """Raises InvalidRequest 30409 when it cannot be cancelled."""

    async def delete(self, account: AccountSid, sid: str) -> None:
        """Raises InvalidRequest 20009 while it is being sent."""

    async def feedback(self, account: AccountSid, sid: str, outcome: str) -> FeedbackRecord:
        """Keep what the application tells of it."""
