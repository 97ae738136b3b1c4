import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.modem.command_line import Command, read_commands
from simulator.modem.errors import AtError, CmeError


@pytest.mark.parametrize(
    ("body", "commands"),
    [
        ("", []),
        ("+CMEE=1;+CREG=2", [("+CMEE", "=", "1"), ("+CREG", "=", "2")]),
        ("e0v1&c1+csq", [("E", "", "0"), ("V", "", "1"), ("&C", "", "1"), ("+CSQ", "", "")]),
        ("D+85512345678;", [("D", "", "+85512345678;")]),
        ("+CPCMREG=0;D012;", [("+CPCMREG", "=", "0"), ("D", "", "012;")]),
        ('+CUSD=1,"*1;2#",15;+CSQ', [("+CUSD", "=", '1,"*1;2#",15'), ("+CSQ", "", "")]),
        ("+CNMI=?;^CVOICE?", [("+CNMI", "=?", ""), ("^CVOICE", "?", "")]),
        ("S0=0S7?", [("S0", "=", "0"), ("S7", "?", "")]),
        ("$TSSPCSW=?", [("$TSSPCSW", "=?", "")]),
    ],
)
def test_lines(body: str, commands: list[tuple[str, str, str]]) -> None:
    assert [(one.name, one.how, one.text) for one in read_commands(body)] == commands


@pytest.mark.parametrize(
    ("text", "fields"),
    [("", []), ("1", ["1"]), ('"a,b",2', ["a,b", "2"]), ("1,,3", ["1", "", "3"]), (' "x" , 2,', ["x", "2", ""])],
)
def test_fields(text: str, fields: list[str]) -> None:
    assert Command("+X", "=", text).fields() == fields


def test_a_word_is_no_number() -> None:
    with pytest.raises(CmeError):
        Command("+X", "=", "one").number(0)


@given(st.text(max_size=80))
def test_anything_gives_commands_or_an_error(body: str) -> None:
    try:
        for command in read_commands(body):
            command.fields()
    except AtError:
        pass
