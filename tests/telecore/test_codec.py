"""Every event, command and notice goes over the wire and back."""

from __future__ import annotations

import dataclasses
import json
import typing
from datetime import UTC, datetime
from enum import Enum
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.codec import decode_command, decode_event, decode_notice, encode, encode_text
from telecore.commands import Command
from telecore.errors import RemoteProtocolError
from telecore.events import Event, MessageReceived
from telecore.ids import Address, ChannelId, MessageSid
from telecore.notices import Notice
from telecore.schema import Tagged

DECODERS = {Event: decode_event, Command: decode_command, Notice: decode_notice}
CASES = [(family, member) for family in DECODERS for member in family.members.values()]


def sample(hint: Any) -> Any:
    """Some value of this type that is not the default."""
    while isinstance(hint, typing.NewType):
        hint = hint.__supertype__
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (tuple, frozenset):
        return origin((sample(args[0]),))
    if origin is dict:
        return {"k": sample(args[1])}
    if args:
        return sample(next(arg for arg in args if arg is not type(None)))
    if issubclass(hint, Tagged) and "members" in hint.__dict__:
        return sample(next(iter(hint.members.values())))
    if issubclass(hint, Enum):
        return list(hint)[-1]
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint)
        return hint(**{field.name: sample(hints[field.name]) for field in dataclasses.fields(hint)})
    return {str: "x", int: 7, float: 1.5, bool: True, datetime: datetime(2026, 1, 2, 3, tzinfo=UTC), bytes: b"z"}[hint]


@pytest.mark.parametrize(("family", "member"), CASES, ids=lambda case: case.__name__)
def test_there_and_back(family: type[Any], member: type[Any]) -> None:
    value = sample(member)
    assert DECODERS[family](json.loads(json.dumps(encode(value)))) == value
    assert encode_text(value) == json.dumps(encode(value), separators=(",", ":"))


@given(st.text(), st.integers(), st.none() | st.datetimes(timezones=st.timezones()), st.booleans())
def test_text_is_what_json_makes_of_it(body: str, parts: int, sent_at: datetime | None, complete: bool) -> None:
    event = MessageReceived(
        message=MessageSid("SM1"),
        channel=ChannelId(body),
        sender=Address("x"),
        recipient=None,
        body=body,
        parts=parts,
        sent_at=sent_at,
        complete=complete,
    )
    assert encode_text(event) == json.dumps(encode(event), separators=(",", ":"))


@pytest.mark.parametrize("data", [None, [], "x", {}, {"kind": 3}, {"kind": "no.such"}, {"kind": "call.hang_up"}])
def test_nonsense_is_one_error(data: object) -> None:
    for decode in DECODERS.values():
        with pytest.raises(RemoteProtocolError):
            decode(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.sampled_from(CASES), st.dictionaries(st.sampled_from(["id", "call", "at", "page", "verbs", "status"]), JSON))
def test_any_fields_are_a_value_or_one_error(case: tuple[type[Any], type[Any]], fields: dict[str, Any]) -> None:
    family, member = case
    try:
        DECODERS[family]({**fields, "kind": member.kind})
    except RemoteProtocolError:
        return
