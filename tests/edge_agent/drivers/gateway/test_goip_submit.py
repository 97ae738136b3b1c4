"""An SMS session with a GoIP, step by step, as the maker's document has it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.gateway.goip_codec import Answer, Notice, parse
from edge_agent.drivers.gateway.goip_submit import STEPS, GoipSubmit, Step, Taken, ref_of
from telecore.errors import Busy, DeviceRefused, OutcomeUnknown, TelecoreError


def session() -> GoipSubmit:
    return GoipSubmit(11, "hello", "+8613800000000", "password1")


def hear(submit: GoipSubmit, *lines: str) -> None:
    for line in lines:
        said = parse(f"{line}\n".encode())
        assert not isinstance(said, Notice)
        submit.receive(said)


def test_the_makers_example() -> None:
    submit = session()
    said = []
    for answer in ("PASSWORD 11", "SEND 11", "WAIT 11 1", "OK 11 1"):
        said.append(submit.datagram)
        hear(submit, answer)
    assert said == [
        b"MSG 11 5 hello\n",
        b"PASSWORD 11 password1\n",
        b"SEND 11 1 +8613800000000\n",
        b"SEND 11 1 +8613800000000\n",
    ]
    assert submit.outcome == Taken("s11")


def test_firmware_that_numbers_its_sms() -> None:
    submit = session()
    hear(submit, "PASSWORD 11", "SEND 11", "OK 11 1 32")
    assert submit.outcome == Taken(32)


@pytest.mark.parametrize(
    ("lines", "kind", "words"),
    [
        (["ERROR 11 TOO MANY SESSIONS"], Busy, "TOO MANY"),
        (["PASSWORD 11", "ERROR 11 PASSWORD"], DeviceRefused, "error"),
        (["PASSWORD 11", "SEND 11", "ERROR 11 1 errorstatus:38"], DeviceRefused, "cms 38"),
        (["PASSWORD 11", "SEND 11", "ERROR 11 1 errorstatus:1"], DeviceRefused, "cms"),
        (["PASSWORD 11", "SEND 11", "ERROR 11 1 errorstatus:332"], OutcomeUnknown, "332"),
        (["PASSWORD 11", "SEND 11", "WAIT 11 1", "ERROR 11 NO SUCH SESSION"], OutcomeUnknown, "lost the session"),
    ],
)
def test_refusals(lines: list[str], kind: type[TelecoreError], words: str) -> None:
    submit = session()
    hear(submit, *lines)
    assert isinstance(submit.outcome, kind)
    assert words in str(submit.outcome)


@pytest.mark.parametrize(
    ("lines", "step"),
    [
        (["OK 11 1 32", "WAIT 11 1", "SEND 11", "DONE 11"], Step.ANNOUNCED),
        (["PASSWORD 11", "PASSWORD 11", "OK 11 1"], Step.AUTHENTICATING),
        (["PASSWORD 11", "SEND 11", "PASSWORD 11", "SEND 11", "OK 11 7 32", "WAIT 11 7"], Step.SUBMITTED),
    ],
)
def test_what_comes_late_or_twice_changes_nothing(lines: list[str], step: Step) -> None:
    submit = session()
    hear(submit, *lines)
    assert (submit.step, submit.outcome) == (step, None)


def test_giving_up_is_in_doubt_only_after_the_handover() -> None:
    submit = session()
    assert isinstance(submit.give_up("x"), Busy)
    hear(submit, "PASSWORD 11")
    assert isinstance(submit.give_up("x"), Busy)
    hear(submit, "SEND 11")
    assert isinstance(submit.give_up("x"), OutcomeUnknown)


@pytest.mark.parametrize(("sms_no", "ref"), [("32", 32), ("0", 0), ("", ""), ("a1", "a1"), ("9" * 80, "9" * 64)])
def test_references(sms_no: str, ref: int | str) -> None:
    assert ref_of(sms_no) == ref


VERBS = sorted({verb for _, verb in STEPS} | {"DONE", "USSD"})


@given(st.lists(st.tuples(st.sampled_from(VERBS), st.text(max_size=20)), max_size=12))
def test_any_answers_end_it_at_most_once_and_never_say_taken_before_the_handover(
    answers: list[tuple[str, str]],
) -> None:
    submit = session()
    outcomes = []
    for verb, rest in answers:
        before = submit.step
        submit.receive(Answer(verb, 11, rest))
        if submit.outcome is not None:
            outcomes.append(submit.outcome)
        if submit.step is Step.TAKEN and before is not Step.TAKEN:
            assert before is Step.SUBMITTED
    assert all(outcome is outcomes[0] for outcome in outcomes)
