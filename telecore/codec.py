"""Events, commands and notices ↔ JSON objects.

An object carries its ``kind``. Unknown kinds and malformed fields raise RemoteProtocolError; unknown keys are
ignored, so that a newer peer can add some.
"""

from __future__ import annotations

from typing import Any, TypeVar

import telecore.twiml.verbs  # noqa: F401  (registers the verbs that a RunPage may carry)
from telecore.commands import Command
from telecore.errors import RemoteProtocolError
from telecore.events import Event
from telecore.json_text import json_text
from telecore.notices import Notice
from telecore.schema import SchemaError, Tagged, dump, read

T = TypeVar("T", bound=Tagged)


def encode(value: Event | Command | Notice) -> dict[str, Any]:
    """The JSON object of a value."""
    return dict(dump(value))


def encode_text(value: Event | Command | Notice) -> str:
    """The same as compact JSON text."""
    return json_text(value)


def decode_event(data: object) -> Event:
    return _decode(Event, data)


def decode_command(data: object) -> Command:
    return _decode(Command, data)


def decode_notice(data: object) -> Notice:
    return _decode(Notice, data)


def _decode(family: type[T], data: object) -> T:
    try:
        return read(family, data, strict=False)
    except SchemaError as error:
        raise RemoteProtocolError(f"{family.__name__.lower()} {error.message}") from error
