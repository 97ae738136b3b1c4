"""SMS sessions of the simulated GoIP, as the maker's document has them."""

from __future__ import annotations

from simulator.gateway.goip_sessions import MAX_SESSIONS, STATUSES_KEPT, Sessions
from tests.fakes.gateway_lines import FREE, Shelf
from tests.simulator.fake import FakeTimers


class Box:
    """A line of the simulated network behind the sessions, and what was answered."""

    def __init__(self, *, report_no: bool = True) -> None:
        self.shelf = Shelf()
        self.sessions = Sessions(self.shelf.lines[0], "password1", self.shelf.timers, report_no=report_no)
        self.answers: list[str] = []

    @property
    def timers(self) -> FakeTimers:
        return self.shelf.timers

    def say(self, *lines: str) -> list[str]:
        """What is answered at once."""
        before = len(self.answers)
        for line in lines:
            assert self.sessions.take(f"{line}\n".encode(), self.answers.append)
        return [answer.strip() for answer in self.answers[before:]]

    def begin(self, sendid: int = 11) -> None:
        self.say(f"MSG {sendid} 5 hello", f"PASSWORD {sendid} password1")


def test_the_makers_example() -> None:
    box = Box()
    assert box.say("MSG 11 5 hello") == ["PASSWORD 11"]
    assert box.say("PASSWORD 11 password1") == ["SEND 11"]
    assert box.say(f"SEND 11 1 {FREE}") == ["WAIT 11 1"]
    box.timers.advance(5)
    assert box.answers[-1] == "OK 11 1 0\n"
    assert box.say(f"SEND 11 1 {FREE}") == ["OK 11 1 0"]
    assert box.say("DONE 11") == ["DONE 11"]
    assert box.sessions.submits == 1


def test_old_firmware_tells_no_number() -> None:
    box = Box(report_no=False)
    box.begin()
    box.say(f"SEND 11 1 {FREE}")
    box.timers.advance(5)
    assert box.answers[-1] == "OK 11 1\n"


def test_a_repetition_is_a_question_and_submits_nothing() -> None:
    box = Box()
    box.begin()
    for _ in range(5):
        assert box.say(f"SEND 11 1 {FREE}") == ["WAIT 11 1"]
    assert box.sessions.submits == 1


def test_only_the_last_ten_outcomes_are_known() -> None:
    box = Box()
    box.begin()
    for telid in range(STATUSES_KEPT + 1):
        box.say(f"SEND 11 {telid} {FREE}")
    box.timers.advance(60)
    assert box.say(f"SEND 11 1 {FREE}")[0].startswith("OK")
    assert box.say(f"SEND 11 0 {FREE}") == ["WAIT 11 0"]
    assert box.sessions.submits == STATUSES_KEPT + 2


def test_a_wrong_password_sends_nothing() -> None:
    box = Box()
    box.say("MSG 11 5 hello")
    assert box.say("PASSWORD 11 guess") == ["ERROR 11 PASSWORD"]
    assert box.say(f"SEND 11 1 {FREE}") == ["PASSWORD 11"]
    assert box.sessions.submits == 0


def test_five_sessions_and_no_more_until_one_ends_or_rests_too_long() -> None:
    box = Box()
    for sendid in range(MAX_SESSIONS):
        box.begin(sendid)
    assert box.say("MSG 99 5 hello") == ["ERROR 99 TOO MANY SESSIONS"]
    box.say("DONE 0")
    assert box.say("MSG 99 5 hello") == ["PASSWORD 99"]
    box.timers.advance(91)
    assert box.say(f"SEND 1 1 {FREE}") == ["ERROR 1 NO SUCH SESSION"]
    assert box.say("MSG 100 5 hello") == ["PASSWORD 100"]


def test_a_refusal_carries_the_networks_code() -> None:
    box = Box()
    box.shelf.fault("cms_error", code=38)
    box.begin()
    box.say(f"SEND 11 1 {FREE}")
    box.timers.advance(5)
    assert box.answers[-1] == "ERROR 11 1 errorstatus:38\n"


def test_a_length_that_is_not_the_texts_is_refused() -> None:
    box = Box()
    assert box.say("MSG 11 900 hello") == ["ERROR 11 BAD LENGTH"]
    assert box.say("MSG 12 0 ") == ["ERROR 12 BAD LENGTH"]
    assert box.say("MSG x 5 hello") == []
    assert box.sessions.take(b"reg:1;status:0;", box.answers.append) is False


def test_an_outcome_after_the_power_went_is_told_to_nobody() -> None:
    box = Box()
    box.begin()
    box.say(f"SEND 11 1 {FREE}")
    told = len(box.answers)
    box.sessions.forget()
    box.timers.advance(60)
    assert len(box.answers) == told
