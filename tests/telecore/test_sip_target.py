"""SIP URIs as customers write them, and each fault with Twilio's code."""

from __future__ import annotations

import pytest

from telecore.errors import InvalidTwiml
from telecore.sip_target import SipTarget, check_sip_caller, is_sip, parse_sip_target, reaches


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("sip:bob@pbx.example", SipTarget("sip:bob@pbx.example", "pbx.example")),
        ("sip:PBX.example:5070", SipTarget("sip:PBX.example:5070", "pbx.example")),
        ("sips:+855@[::1]:5061;transport=tls", SipTarget("sips:+855@[::1]:5061;transport=tls", "::1")),
        (
            "sip:a?b@h;transport=tcp?X-One=1%202&x-two=a+b&User-to-User=00",
            SipTarget("sip:a?b@h;transport=tcp", "h", (("X-One", "1 2"), ("x-two", "a b"), ("User-to-User", "00"))),
        ),
    ],
)
def test_read(text, target):
    assert parse_sip_target(text) == target
    assert is_sip(text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", 13243),
        ("bob@pbx.example", 13243),
        ("sip:", 13243),
        ("sip:bob@", 13243),
        ("sip:bob@pbx example", 13243),
        ("sip:bob@pbx\r\nX: y", 13243),
        ("sip:bob@pbx\x00", 13243),
        ("sip:b\u00f6b@pbx", 13243),
        ("sip:bob@pbx:0", 13243),
        ("sip:bob@pbx:70000", 13243),
        ("sip:" + "b" * 255 + "@pbx", 13243),
        ("sip:" + "1" * 1_000_000, 13243),
        ("sip:bob@pbx?" + "&".join(f"x-{n}=1" for n in range(33)), 13251),
        ("sip:bob@pbx?Via=1", 13252),
        ("sip:bob@pbx?x-a%0d%0aVia=1", 13252),
        ("sip:bob@pbx?x-a=1%0d%0aVia:%20x", 13252),
        ("sip:bob@pbx?x-a=" + "1" * 1100, 13253),
    ],
)
def test_refused(text, code):
    with pytest.raises(InvalidTwiml) as caught:
        parse_sip_target(text)
    assert caught.value.code == code


def test_the_user_part_is_unescaped():
    assert parse_sip_target("sip:%31%31%32@h").user == "112"
    assert parse_sip_target("sip:h").user == ""


@pytest.mark.parametrize(("caller", "code"), [("a b", 13247), ("client:bob", 13247), ("1" * 65, 13248)])
def test_a_caller_that_cannot_be_shown(caller, code):
    with pytest.raises(InvalidTwiml) as caught:
        check_sip_caller(caller)
    assert caught.value.code == code
    check_sip_caller("+85510000001")


@pytest.mark.parametrize(
    ("domains", "host", "is_so"),
    [
        ((), "h", False),
        (("h",), "h", True),
        (("H",), "h", True),
        (("h",), "a.h", False),
        (("*.h",), "a.h", True),
        (("*.h",), "h", False),
        (("*.h",), "ah", False),
        (("*",), "anything", True),
    ],
)
def test_which_channel_reaches_it(domains, host, is_so):
    assert reaches(domains, host) is is_so
