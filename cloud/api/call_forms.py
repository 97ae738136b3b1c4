"""What may be asked of calls, read from parameters."""

from __future__ import annotations

import re

from cloud.api.called_party import called_party
from cloud.api.forms import Form
from cloud.api.machine_forms import machine_spec
from cloud.api.senders import OF_CALLS, read_sender
from cloud.services.requests import NewCall, UpdateCall, Warnings
from cloud.store.calls import CallFilter
from cloud.store.records import Hook
from telecore.errors import InvalidRequest
from telecore.model import CallStatus
from telecore.twiml.xml_text import parse

EVENTS = ("initiated", "ringing", "answered", "completed")
RECORDING_EVENTS = ("in-progress", "completed", "absent")
MAX_TIMEOUT_S = 600
MAX_TIME_LIMIT_S = 86400
_SEND_DIGITS = re.compile(r"[0-9*#A-Dw]{0,32}")

MAX_REASON = 50
TWO_DOCUMENTS, NOT_SHOWN = 32019, 20001
"""Warnings of the debugger."""
BAD_URL, BAD_METHOD, BAD_CALLBACK, BAD_EVENT = 21205, 21209, 21502, 21626


def new_call(form: Form) -> NewCall:
    """Raises InvalidRequest, InvalidTwiml."""
    _refuse_what_is_not_offered(form)
    to, sip = called_party(form)
    caller = read_sender(form, OF_CALLS)
    url, twiml = _document(form)
    application = form.text("ApplicationSid")
    if not url and not twiml and not application:
        raise InvalidRequest("One of 'Url', 'Twiml' and 'ApplicationSid' is required.", field="Url", code=BAD_URL)
    return NewCall(
        caller=caller,
        to=to,
        url=url,
        method=form.method("Method", code=BAD_METHOD),
        twiml=twiml,
        application=application,
        fallback=_fallback(form),
        status_callback=_status_callback(form),
        status_callback_events=events(form, "StatusCallbackEvent", EVENTS),
        timeout_s=form.integer("Timeout", 60, 1, MAX_TIMEOUT_S, code=21208),
        time_limit_s=form.integer("TimeLimit", 14400, 1, MAX_TIME_LIMIT_S),
        send_digits=_send_digits(form),
        record=form.boolean("Record"),
        record_channels=2 if form.word("RecordingChannels", ("mono", "dual"), "mono") == "dual" else 1,
        record_track=form.word("RecordingTrack", ("inbound", "outbound", "both"), "both"),
        trim_silence=form.word("Trim", ("trim-silence", "do-not-trim"), "trim-silence") == "trim-silence",
        recording_callback=form.hook(
            "RecordingStatusCallback", "RecordingStatusCallbackMethod", url_code=BAD_CALLBACK, method_code=BAD_METHOD
        ),
        recording_callback_events=events(form, "RecordingStatusCallbackEvent", RECORDING_EVENTS),
        urgent=form.urgent(),
        hide_caller=form.boolean("HideCallerId"),
        machine=machine_spec(form),
        machine_first=not form.boolean("AsyncAmd"),
        machine_callback=_machine_callback(form),
        warnings=(*_two_documents(form), *_not_shown(form)),
        sip=sip,
    )


def update_call(form: Form) -> UpdateCall:
    """Raises InvalidRequest, InvalidTwiml."""
    status = form.word("Status", (CallStatus.COMPLETED, CallStatus.CANCELED))
    url, twiml = _document(form)
    return UpdateCall(
        status=CallStatus(status) if status else None,
        url=url or None,
        method=form.method("Method", code=BAD_METHOD),
        twiml=twiml or None,
        fallback=_fallback(form) if form.given("FallbackUrl") else None,
        status_callback=_status_callback(form) if form.given("StatusCallback") else None,
        time_limit_s=form.integer("TimeLimit", 0, 1, MAX_TIME_LIMIT_S) or None,
        warnings=_two_documents(form),
    )


def call_filter(form: Form) -> CallFilter:
    status = form.word("Status", [status.value for status in CallStatus])
    return CallFilter(
        caller=form.number("From"),
        called=form.number("To"),
        parent=form.text("ParentCallSid") or None,
        status=CallStatus(status) if status else None,
        started=form.between("StartTime"),
        ended=form.between("EndTime"),
    )


def _refuse_what_is_not_offered(form: Form) -> None:
    form.refuse(["Byoc", "CallerId"], "is not offered: calls go out from the SIM's own number")


def _machine_callback(form: Form) -> Hook:
    """Only where nobody waits for it."""
    hook = form.hook(
        "AsyncAmdStatusCallback", "AsyncAmdStatusCallbackMethod", url_code=BAD_CALLBACK, method_code=BAD_METHOD
    )
    return hook if form.boolean("AsyncAmd") else Hook()


def _document(form: Form) -> tuple[str, str]:
    """URL and inline document; where both are given the URL wins."""
    url, twiml = form.url("Url", code=BAD_URL), form.text("Twiml")
    if twiml and not url:
        parse(twiml)  # what is no XML is told now, not when the callee has answered
    return url, "" if url else twiml


def _two_documents(form: Form) -> Warnings:
    if form.text("Url") and form.text("Twiml"):
        return ((TWO_DOCUMENTS, "'Twiml' was left aside, as there is 'Url'"),)
    return ()


def _not_shown(form: Form) -> Warnings:
    """Raises InvalidRequest for a reason that is too long."""
    reason = form.text("CallReason")
    if len(reason) > MAX_REASON:
        message = f"'CallReason' may have up to {MAX_REASON} characters"
        raise InvalidRequest(message, field="CallReason")
    return ((NOT_SHOWN, "'CallReason' cannot be shown: a SIM's network has no place for it"),) if reason else ()


def _fallback(form: Form) -> Hook:
    return form.hook("FallbackUrl", "FallbackMethod", url_code=BAD_URL, method_code=BAD_METHOD)


def _status_callback(form: Form) -> Hook:
    return form.hook("StatusCallback", "StatusCallbackMethod", url_code=BAD_CALLBACK, method_code=BAD_METHOD)


def events(
    form: Form, name: str, options: tuple[str, ...], default: tuple[str, ...] = ("completed",)
) -> tuple[str, ...]:
    """The events to be told, in their order. Raises InvalidRequest 21626."""
    asked = form.many(name) or default
    unknown = [event for event in asked if event not in options]
    if unknown:
        message = f"'{name}' {unknown[0][:40]} is not one of {', '.join(options)}"
        raise InvalidRequest(message, field=name, code=BAD_EVENT)
    return tuple(event for event in options if event in asked)


def _send_digits(form: Form) -> str:
    digits = form.text("SendDigits")
    if not _SEND_DIGITS.fullmatch(digits):
        message = "'SendDigits' may have up to 32 of 0-9, *, #, A-D and w (half a second)"
        raise InvalidRequest(message, field="SendDigits", code=21206)
    return digits
