"""``compat: somleng``: errors with its statuses and codes, and SIDs written as UUIDs."""

from __future__ import annotations

from collections.abc import Mapping

from cloud.web.errors import InWords
from telecore.errors import Refused
from telecore.ids import sid_of_uuid

TWILIO = "twilio"
_TOLD = frozenset({400, 404, 409})
_PREFIXES = {
    "Accounts": "AC",
    "Calls": "CA",
    "Messages": "SM",
    "IncomingPhoneNumbers": "PN",
    "Recordings": "RE",
    "Applications": "AP",
    "Conferences": "CF",
    "Queues": "QU",
}
"""A collection's name in a path → the letters that its SIDs begin with."""


def in_its_words(error: Refused, compat: str, method: str) -> Refused:
    """The error as accounts of this kind expect it: 422 for what was to be written, and the code as text."""
    if compat == TWILIO or error.status not in _TOLD:
        return error
    return InWords(
        error.message, code=error.code, status=422 if error.status == 400 and method != "GET" else error.status
    )


def sids_of_uuids(path: str, fields: Mapping[str, str]) -> dict[str, str]:
    """The pieces of a path, UUIDs made SIDs by the collection that they stand in."""
    pieces = path.split("/")
    before = {piece.removesuffix(".json"): pieces[at - 1] for at, piece in enumerate(pieces) if at}
    return {name: sid_of_uuid(value, _PREFIXES.get(before.get(value, ""), "")) for name, value in fields.items()}
