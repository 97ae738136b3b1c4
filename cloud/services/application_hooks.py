"""Calls and messages that name an application: its URLs take the place of their own."""

from __future__ import annotations

from dataclasses import replace

from cloud.services.requests import NewCall, NewMessage
from cloud.store import applications
from cloud.store.database import Connection
from telecore.errors import InvalidRequest
from telecore.ids import AccountSid

NO_URL = 21205
NOT_OF_CALLS = 21218
NOT_OF_MESSAGES = 21420


def of_call(conn: Connection, account: AccountSid, wanted: NewCall) -> NewCall:
    """The call with its application's URLs. Raises InvalidRequest 21218, 21205 for an application without a URL."""
    if not wanted.application:
        return wanted
    found = applications.of_account(conn, account, wanted.application)
    if found is None:
        message = f"ApplicationSid {wanted.application[:34]} is not an application of this account"
        raise InvalidRequest(message, field="ApplicationSid", code=NOT_OF_CALLS)
    if not found.voice.url:
        raise InvalidRequest("The application has no voice URL", field="ApplicationSid", code=NO_URL)
    return replace(
        wanted,
        url=found.voice.url,
        method=found.voice.method,
        twiml="",
        fallback=found.voice_fallback,
        status_callback=found.status_callback,
    )


def of_message(conn: Connection, account: AccountSid, wanted: NewMessage) -> str:
    """Where the message's statuses are told. Raises InvalidRequest 21420 for an application that is not there."""
    if not wanted.application:
        return wanted.status_callback
    found = applications.of_account(conn, account, wanted.application)
    if found is None:
        message = f"ApplicationSid {wanted.application[:34]} is not an application of this account"
        raise InvalidRequest(message, field="ApplicationSid", code=NOT_OF_MESSAGES)
    return applications.message_callback(found).url
