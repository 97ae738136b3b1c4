"""Errors, sorted by what the caller should do about them.

TelecoreError
├── Refused              do not repeat as it is; has a Twilio code and an HTTP status
│   ├── InvalidRequest · InvalidTwiml · NotAllowed · NotFound · NoRoute · UsedUp
├── Transient            repeat after a while
│   ├── Busy · NoNetwork · TunnelDown · TimedOut · CannotHold · StorageFailed
├── DeviceLost           the port or the box is gone; only ``devices/runner`` catches it
├── DeviceRefused        the box said no: carries the kind of code (CME, CMS, …) and the code
├── OutcomeUnknown       it may have been done: never repeat by yourself
└── ProtocolError
    ├── LocalProtocolError     we misused it: a bug
    └── RemoteProtocolError    they sent nonsense: log with hex, answer in protocol, go on
"""

from __future__ import annotations


class TelecoreError(Exception):
    """Root of every error that Simferry raises on purpose."""


class Refused(TelecoreError):
    """The request is not acceptable as it is. ``code`` is Twilio's, ``status`` is HTTP's."""

    code = 20001
    status = 400

    def __init__(self, message: str, *, code: int | None = None, status: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        if code is not None:
            self.code = code
        if status is not None:
            self.status = status


class InvalidRequest(Refused):
    """A value is missing or malformed; the message names the field."""

    def __init__(
        self, message: str, *, field: str | None = None, code: int | None = None, status: int | None = None
    ) -> None:
        super().__init__(message, code=code, status=status)
        self.field = field


class InvalidTwiml(Refused):
    """The document cannot be run; the message is a sentence its author can act on."""

    code = 12100

    def __init__(self, message: str, *, code: int | None = None, line: int | None = None) -> None:
        super().__init__(message if line is None else f"{message} (line {line})", code=code)
        self.line = line


class NotAllowed(Refused):
    """Who asks may not do this."""

    code = 20003
    status = 401


class NotFound(Refused):
    """There is no such thing."""

    code = 20404
    status = 404


class NoRoute(Refused):
    """No channel may carry this; the message says why each was passed over."""

    code = 21612


class UsedUp(Refused):
    """So much is allowed, and no more until ``retry_after_s`` have passed."""

    code = 20429
    status = 429

    def __init__(self, message: str, retry_after_s: float, *, code: int | None = None) -> None:
        super().__init__(message, code=code)
        self.retry_after_s = retry_after_s


class Transient(TelecoreError):
    """It did not work now and may work later."""


class Busy(Transient):
    """The resource is in use."""


class NoNetwork(Transient):
    """The SIM is not registered, or the network does not answer."""


class TunnelDown(Transient):
    """The other side of the tunnel cannot be reached."""


class TimedOut(Transient):
    """No answer within the time given."""


class CannotHold(Transient):
    """The modem cannot keep a message to be sent now; nothing of it went out."""


class StorageFailed(Transient):
    """The disk is full or broken: nothing of this was kept, so nothing of it may be acknowledged."""


class DeviceLost(TelecoreError):
    """The port or the box is gone."""


class DeviceRefused(TelecoreError):
    """The device said no. ``kind`` is ``cme``, ``cms``, ``smpp``, ``sip`` or ``error``; ``code`` may be unknown."""

    def __init__(self, kind: str, code: int | None, text: str = "") -> None:
        super().__init__(f"{kind} {code if code is not None else text or 'without code'}")
        self.kind = kind
        self.code = code
        self.text = text


class OutcomeUnknown(TelecoreError):
    """The device may have done it before it fell silent. Never repeated by itself: a doubled SMS costs money."""


class ProtocolError(TelecoreError):
    """A rule of a protocol was broken."""


class LocalProtocolError(ProtocolError):
    """We broke it: a bug of ours."""


class RemoteProtocolError(ProtocolError):
    """The peer broke it."""
