"""The line itself: echo, terminators, results, prompts, unsolicited codes."""

import pytest

from tests.simulator.fake import Desk, submit


@pytest.fixture
def desk() -> Desk:
    return Desk(1)


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_every_terminator(desk: Desk, end: str) -> None:
    assert desk.type("AT" + end) == "\r\nOK\r\n"


def test_case_does_not_matter_and_noise_before_at_is_ignored(desk: Desk) -> None:
    assert desk.type("xxat+cgmm\r") == "\r\nSIM7600-SIM\r\n\r\nOK\r\n"
    assert desk.type("hello\r") == ""


def test_echo_is_byte_by_byte(desk: Desk) -> None:
    desk.at("ATE1")
    assert [desk.type(char) for char in "AT\r"] == ["A", "T", "\r\r\nOK\r\n"]
    assert desk.at("ATE0") == "ATE0\r\r\nOK\r\n"
    assert desk.at("AT") == "\r\nOK\r\n"


def test_a_line_stops_at_its_first_error(desk: Desk) -> None:
    desk.at("AT+CMEE=1")
    assert desk.at("AT+CGMM;+NONSENSE;+CGMM") == "\r\nSIM7600-SIM\r\n\r\n+CME ERROR: 4\r\n"


@pytest.mark.parametrize(
    ("level", "answer"), [(0, "ERROR"), (1, "+CME ERROR: 4"), (2, "+CME ERROR: operation not supported")]
)
def test_the_three_levels_of_errors(desk: Desk, level: int, answer: str) -> None:
    desk.at(f"AT+CMEE={level}")
    assert desk.at("AT+SYNCML=?") == f"\r\n{answer}\r\n"


def test_numeric_results_and_silence(desk: Desk) -> None:
    assert desk.at("ATV0") == "0\r"
    assert desk.at("AT+CGMM") == "SIM7600-SIM\r\n0\r"
    assert desk.at("ATX9") == "4\r"
    desk.at("ATV1Q1")
    assert desk.at("AT") == ""


def test_a_slash_repeats_the_last_line(desk: Desk) -> None:
    desk.at("AT+CGMM")
    assert desk.type("A/") == "\r\nSIM7600-SIM\r\n\r\nOK\r\n"


def test_escape_and_ctrl_z_outside_text_entry_are_swallowed(desk: Desk) -> None:
    assert desk.type("AT+NONS\x1bAT\r") == "\r\nOK\r\n"
    assert desk.type("\x1aAT\r") == "\r\nOK\r\n"


def test_a_line_without_end_is_bounded(desk: Desk) -> None:
    assert desk.type("AT" + "+" * 100_000 + "\r") in ("\r\nERROR\r\n", "")
    desk.type("\r")
    assert desk.at("AT") == "\r\nOK\r\n"


def test_commands_wait_while_one_runs(desk: Desk) -> None:
    pdu = submit("+85512000010", "x")
    assert desk.at(f"AT+CMGS={len(pdu) - 1}") == "\r\n> "
    assert desk.type(pdu.hex() + "\x1aAT+CGMM\r") == ""
    assert desk.wait(1) == "\r\n+CMGS: 0\r\n\r\nOK\r\n\r\nSIM7600-SIM\r\n\r\nOK\r\n"


def test_the_prompt_can_be_left_and_times_out(desk: Desk) -> None:
    assert desk.at("AT+CMGS=18") == "\r\n> "
    assert desk.type("0011\x1b") == "\r\nOK\r\n"
    assert desk.at("AT+CMGS=18") == "\r\n> "
    assert desk.wait(61) == "\r\nOK\r\n"
    assert desk.at("AT") == "\r\nOK\r\n"


def test_unsolicited_codes_wait_for_the_end_of_text_entry(desk: Desk) -> None:
    desk.at("AT+CNMI=2,1,0,0,0")
    desk.at("AT+CMGS=18")
    desk.network.handsets["+85512000010"].send("+85510000001", "hello")
    assert desk.wait(5) == ""
    assert desk.type("\x1b") == '\r\nOK\r\n\r\n+CMTI: "SM",0\r\n'


def test_the_echo_of_a_pdu_comes_back_too(desk: Desk) -> None:
    desk.at("ATE1")
    desk.at("AT+CMGS=18")
    assert desk.type("0011") == "0011"
