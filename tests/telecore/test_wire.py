"""What an edge or a controller of version 1 says is understood as long as version 1 is spoken, and it understands us.

A test that fails here says that a change breaks those out there: give a field a default instead, add a word or a kind
instead of changing one, or raise the version (``telecore/tunnel``).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from telecore.schema import dump, read
from telecore.tunnel import frames, proof
from telecore.tunnel.frames import Ack, Bulk, Bye, Hello, Item, Notice, Resume, Side
from telecore.tunnel.media import decode_media
from telecore.tunnel.proof import CloudSide, Proof, Welcome
from tests.telecore.wire import FAMILIES, NEEDED, added, now, words, written

WRITTEN = written()
KINDS = [(family, kind) for family, kinds in WRITTEN["kinds"].items() for kind in kinds]
AGAIN = "python -m tests.telecore.wire, and commit what it writes down"


def contains(whole: Any, part: Any) -> bool:
    """Whether all of ``part`` stands in ``whole``, at any depth."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(key in whole and contains(whole[key], part[key]) for key in part)
    if isinstance(part, list):
        return isinstance(whole, list) and len(whole) == len(part) and all(map(contains, whole, part))
    return bool(whole == part)


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_what_was_said_is_understood_and_said_again(family: str, kind: str) -> None:
    example = WRITTEN["kinds"][family][kind]["example"]
    assert contains(dump(read(FAMILIES[family], example, strict=False)), example)
    newer = {**example, "added_by_a_newer_one": {"x": [1]}}
    assert read(FAMILIES[family], newer, strict=False) == read(FAMILIES[family], example, strict=False)


@pytest.mark.parametrize(("family", "kind"), KINDS)
def test_what_must_be_said_and_what_silence_means_stay_as_they_were(family: str, kind: str) -> None:
    """What equals its default is not sent: with another default it would mean something else at the other end."""
    today = now()[family][kind]["fields"]
    assert WRITTEN["kinds"][family][kind]["fields"] == today, f"a field that is new has a default: {AGAIN}"


def test_a_field_that_must_be_said_is_not_written_down_for_a_kind_that_is_spoken() -> None:
    """The examples are what is said out there: with the new field in them nothing would show that it cannot be read."""
    known = {"fields": {"call": NEEDED}, "example": {"kind": "x", "call": "x"}}
    more = {"kind": "x", "call": "y", "why": "x"}
    assert added(known, {"fields": {"call": NEEDED, "why": {"is": ""}}, "example": more}) == {
        "fields": {"call": NEEDED, "why": {"is": ""}},
        "example": {"kind": "x", "call": "x", "why": "x"},
    }
    with pytest.raises(ValueError, match="x has got why"):
        added(known, {"fields": {"call": NEEDED, "why": NEEDED}, "example": more})


def test_every_kind_and_word_is_written_down() -> None:
    assert {name: sorted(kinds) for name, kinds in now().items()} == {
        name: sorted(kinds) for name, kinds in WRITTEN["kinds"].items()
    }, AGAIN
    assert words() == WRITTEN["words"], AGAIN


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        (
            '{"type":"hello","side":"edge","edge":"site-1","instance":"i","stream":"s","highest":7,"version":1,'
            '"minimum":1,"time":1700000000000}',
            Hello(Side.EDGE, "site-1", "i", "s", 7, 1, 1, 1_700_000_000_000),
        ),
        ('{"type":"resume","stream":"s","applied":5,"mark":"m"}', Resume("s", 5, "m")),
        ('{"type":"item","seq":6,"payload":{"kind":"x"}}', Item(6, {"kind": "x"})),
        ('{"type":"ack","applied":6}', Ack(6)),
        ('{"type":"notice","payload":{"kind":"x"}}', Notice({"kind": "x"})),
        ('{"type":"bye","code":"shutdown","reason":"r","after":3.5}', Bye("shutdown", "r", 3.5)),
    ],
)
def test_frames(text: str, frame: Any) -> None:
    assert frames.decode(text) == frame
    assert frames.decode(text[:-1] + ',"added_by_a_newer_one":1}') == frame
    assert contains(json.loads(frames.encode(frame)), json.loads(text))


def test_frames_of_the_first_edges_which_said_less() -> None:
    hello = '{"type":"hello","side":"edge","edge":"e","instance":"i","stream":"s","highest":0,"version":1,"minimum":1}'
    assert frames.decode(hello) == Hello(Side.EDGE, "e", "i", "s", 0, 1, 1, 0)
    assert frames.decode('{"type":"resume","stream":"s","applied":5}') == Resume("s", 5)
    assert frames.decode('{"type":"bye","code":"fault","reason":"r"}') == Bye("fault", "r")


def test_binary_frames() -> None:
    bulk = bytes.fromhex("02" + "00000007" + "0000000000000100" + "01") + b"data"
    assert frames.decode_bulk(bulk) == Bulk(7, 256, True, b"data")
    assert frames.encode_bulk(Bulk(7, 256, True, b"data")) == bulk
    (frame,) = decode_media(bytes.fromhex("01" + "0005" + "09" + "a0") + bytes(160))
    assert tuple(frame) == (5, 9, bytes(160))


def test_what_is_signed() -> None:
    side = CloudSide("site-1", "aa" * 32, "bb" * 32, "cc" * 32, ("dd" * 32,))
    signed = b"".join(
        b"%d:%b" % (len(part), part)
        for part in (
            b"simferry-tunnel-proof-1", b"cloud", b"site-1", b"aa" * 32, b"bb" * 32, b"cc" * 32, b"dd" * 32
        )
    )  # fmt: skip
    assert side.signed() == signed
    shown = Proof("ee" * 32, "dd" * 32, ("1.ab.cd",), "")
    edge = (b"simferry-tunnel-proof-1", b"edge", signed.hex().encode(), b"ee" * 32, b"dd" * 32, b"1.ab.cd", b"")
    assert shown.signed(side) == b"".join(b"%d:%b" % (len(part), part) for part in edge)
    said = proof.encode_welcome(Welcome("1.ab.cd", ("cc" * 32,), ""))
    assert json.loads(said) == {"type": "welcome", "state": "1.ab.cd", "keys": ["cc" * 32], "next": ""}
