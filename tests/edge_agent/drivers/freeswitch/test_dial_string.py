"""No value breaks out of its place in what FreeSWITCH is told to dial."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.freeswitch.dial_string import Dial, check_trunk, originate, trunk_uri
from telecore.errors import InvalidRequest
from telecore.ids import E164

DIAL = Dial(
    ours="a-1",
    theirs="b-2",
    user="leg-a-1",
    listen="127.0.0.1:5060",
    profile="agent",
    trunk="trunk1",
    template="sofia/gateway/{trunk}/{number}",
    to="+85620123456",
    caller=E164("+85621000111"),
    hidden=False,
    ring_limit_s=60,
)


def test_the_whole_command() -> None:
    assert originate(DIAL) == (
        "originate {simferry=127.0.0.1:5060,hangup_after_bridge=true,origination_uuid=a-1,originate_timeout=10,"
        "origination_caller_id_number=leg-a-1}sofia/agent/sip:leg-a-1@127.0.0.1:5060"
        " &bridge({simferry=127.0.0.1:5060,hangup_after_bridge=true,origination_uuid=b-2,leg_timeout=60,"
        "origination_caller_id_number=+85621000111,origination_caller_id_name=+85621000111}"
        "sofia/gateway/trunk1/+85620123456)"
    )


def test_a_hidden_number() -> None:
    said = originate(replace(DIAL, hidden=True))
    assert "origination_privacy=hide_name:hide_number" in said
    assert "sip_from_uri=sip:anonymous@anonymous.invalid" in said
    assert "origination_caller_id_name=anonymous" in said


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("sofia/gateway/{trunk}/{number}", "sofia/gateway/trunk1/+85620123456"),
        ("[a=20,x=y]sofia/gateway/{trunk}/0{digits}", "[a=20,x=y]sofia/gateway/trunk1/085620123456"),
        ("sofia/trunks/sip:{digits}@192.0.2.1:5070", "sofia/trunks/sip:85620123456@192.0.2.1:5070"),
    ],
)  # fmt: skip
def test_templates(template: str, said: str) -> None:
    check_trunk("trunk1", template)
    assert trunk_uri(template, "trunk1", "+85620123456") == said


@pytest.mark.parametrize(
    "template",
    [
        "sofia/gateway/{trunk}",
        "sofia/gateway/{trunk}/{number} XML default",
        "sofia/gateway/{trunk}/{number}'",
        "{a=b}sofia/gateway/{trunk}/{number}",
        "sofia/gateway/{trunk}/{number})&system(x)",
        "sofia/gateway/{trunk}/{number}&x",
        "sofia/gateway/{trunk}/{nummer}/{number}",
        "sofia/gateway/${x}/{number}",
        "sofia/gateway/a/{number}|sofia/gateway/b/{number}",
        "sofia/gateway/a/{number},sofia/gateway/b/{number}",
        "sofia/gateway/a/{number}[x=y]",
        "sofia/gateway/{trunk}/{number}\n\napi fsctl shutdown",
        "",
    ],
)
def test_dial_strings_that_are_refused(template: str) -> None:
    with pytest.raises(InvalidRequest):
        check_trunk("trunk1", template)


@pytest.mark.parametrize("name", ["", "a b", "a/b", "a'b", "a,b", "a}b", "-a", "x" * 65, "a\n"])
def test_names_that_are_refused(name: str) -> None:
    with pytest.raises(InvalidRequest):
        check_trunk(name, DIAL.template)


@pytest.mark.parametrize(
    "to",
    [
        "",
        "+",
        "123,456",
        "123}",
        "123'",
        "123&x",
        "123 XML",
        "1)&system(id)",
        "123\n",
        "${x}",
        "*100#",
        "123|456",
        "٣٤٥",
    ],
)
def test_numbers_that_are_refused(to: str) -> None:
    with pytest.raises(InvalidRequest):
        originate(replace(DIAL, to=to))


@given(to=st.text(max_size=20), caller=st.text(max_size=20))
def test_whatever_comes_has_one_shape_or_is_refused(to: str, caller: str) -> None:
    try:
        said = originate(replace(DIAL, to=to, caller=E164(caller)))
    except InvalidRequest:
        return
    us = r"originate \{[^{}]*\}sofia/agent/sip:leg-a-1@127\.0\.0\.1:5060"
    assert re.fullmatch(us + r" &bridge\(\{[^{}()&]*\}sofia/gateway/trunk1/\+?[0-9]+\)", said)
    assert said.count(",") == originate(DIAL).count(",")
    assert said.count(" ") == 2
