"""Telling a menu from an answer, and a code from a reply."""

from __future__ import annotations

import pytest

from edge_agent.contracts import UssdReply, UssdState
from edge_agent.drivers.gateway.ussd_answers import SESSION_S, SessionGuess, answered, begins_session, offers_choices


@pytest.mark.parametrize(
    ("text", "menu"),
    [
        ("1. Balance\n2. Data", True),
        ("Mau MP3? 1.YA 2.Info Kartu", True),
        ("1) Yes 2) No", True),
        ("Your balance is 4.20 USD, valid until 1.12.2026", False),
        ("1. You have 3 messages", False),
        ("1 Balance\n2 Top up", True),
        ("Menu\n1. A\n0. Back", True),
        ("Info\n1 Data\n* Kembali", True),
        ("Balance 3.50\nValid 2026", False),
        ("You have\n3 SMS left\n20 MB left", False),
        ("1234 is your code", False),
        ("2. of 3) messages", False),
        ("Sisa pulsa Rp.0.Aktif sd 25/11/2016", False),
        ("", False),
    ],
)
def test_menus(text: str, menu: bool) -> None:
    assert offers_choices(text) is menu
    assert answered(text) == UssdReply(UssdState.REPLY_WANTED if menu else UssdState.DONE, text)


@pytest.mark.parametrize(("code", "begins"), [("*123#", True), ("*#06#", True), ("1", False), ("*1", False)])
def test_codes(code: str, begins: bool) -> None:
    assert begins_session(code) is begins


def test_a_session_may_be_open_after_an_answer_and_for_a_while() -> None:
    now = [0.0]
    session = SessionGuess(lambda: now[0])
    assert not session.may_be_open
    session.answered()
    assert session.may_be_open
    now[0] = SESSION_S + 1
    assert not session.may_be_open
    session.answered()
    session.ended()
    assert not session.may_be_open
