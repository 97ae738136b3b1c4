"""Whose doing each code is: 24.008, 24.011, 27.005 §3.2.5, 27.007 §9.2."""

from __future__ import annotations

import pytest

from telecore.causes import (
    AMBIGUOUS_CMS,
    Blame,
    CallBlame,
    Cause,
    blame_call,
    blame_cme,
    blame_cms,
    blame_registration,
    cause_of_reason,
    cause_of_sip,
    reason_of_cause,
    rejection_of,
    sip_response_of,
    status_of,
)

CMS = {
    Blame.DESTINATION: [1, 27, 28, 30, 195, 196],
    Blame.SIM: [8, 10, 29, 50, 193, 310, 311, 312, 313, 315, 316, 317, 318],
    Blame.NETWORK: [17, 38, 41, 42, 47, 192, 194, 331, 314, 515],
    Blame.UNKNOWN: [197, 332],
    Blame.MODEM: [
        *(69, 81, 95, 96, 97, 98, 99, 111, 128, 129, 130, 143, 144, 145, 159, 160, 161, 175, 176, 198, 199, 304, 305),
        *(208, 209, 211, 320, 322, 210, 212, 300, 301, 302, 303, 321, 340, 330),
    ],
}
CME = {
    Blame.SIM: [10, 11, 12, 13, 15, 16, 17, 18, *range(40, 48), 102, 103, 104, 106, 107, 108, 177],
    Blame.NETWORK: [14, 515, 30, 31, 32, 111, 112, 113, 116, 117, 122],
    Blame.MODEM: [0, 3, 4, 23, 58, 60, 100, 132, 133, 140],
}
CALLS = {
    CallBlame.SIM: [8, 29, 50, 57, 63, 68],
    CallBlame.NORMAL: [16, 17, 18, 19],
    CallBlame.DOUBTFUL: [21, 31, 127],
    CallBlame.DESTINATION: [1, 3, 20, 22, 27, 28],
    CallBlame.NETWORK: [34, 38, 41, 42, 43, 44, 47, 58, 55, 65, 99],
}
REGISTRATION = {
    Blame.SIM: [2, 3, 7, 8],
    Blame.MODEM: [5, 6],
    Blame.DESTINATION: [11, 12, 13, 14, 15],
    Blame.NETWORK: [16, 17, 19, 20, 21, 22, 95, 111],
}


@pytest.mark.parametrize(("blame", "codes"), CMS.items())
def test_cms(blame: Blame, codes: list[int]) -> None:
    assert {code: blame_cms(code)[0] for code in codes} == dict.fromkeys(codes, blame)


@pytest.mark.parametrize(("blame", "codes"), CME.items())
def test_cme(blame: Blame, codes: list[int]) -> None:
    assert {code: blame_cme(code) for code in codes} == dict.fromkeys(codes, blame)


@pytest.mark.parametrize(("blame", "causes"), CALLS.items())
def test_calls(blame: CallBlame, causes: list[int]) -> None:
    assert {cause: blame_call(cause) for cause in causes} == dict.fromkeys(causes, blame)


@pytest.mark.parametrize(("blame", "causes"), REGISTRATION.items())
def test_registration(blame: Blame, causes: list[int]) -> None:
    assert {cause: blame_registration(cause) for cause in causes} == dict.fromkeys(causes, blame)


def test_what_is_ambiguous_is_tried_again() -> None:
    assert {21, 127, 255, 500} == AMBIGUOUS_CMS
    assert all(blame_cms(code)[0] in (Blame.SIM, Blame.NETWORK) for code in AMBIGUOUS_CMS)


def test_a_code_nobody_knows_is_the_modems() -> None:
    assert blame_cms(9999)[0] is Blame.MODEM
    assert blame_cme(9999) is Blame.MODEM
    assert blame_cme(None) is Blame.MODEM


@pytest.mark.parametrize(
    ("status", "reasons", "cause"),
    [
        (486, (), 17), (480, (), 18), (404, (), 1), (603, (), 21), (503, (), 41), (408, (), 102), (488, (), 88),
        (480, ("Q.850;cause=17",), 17), (480, ('SIP;cause=200, q.850 ; text="x" ; cause = 20',), 20),
        (486, ("Q.850;cause=0",), 17), (486, ("Q.850;cause=200",), 17), (486, ("nonsense", ""), 17),
        (302, (), 23), (499, (), 127), (599, (), 41), (699, (), 21),
    ],
)  # fmt: skip
def test_the_cause_of_a_sip_response(status: int, reasons: tuple[str, ...], cause: int) -> None:
    assert cause_of_sip(status, reasons) == cause


def test_a_refusal_is_always_one_and_a_reason_can_be_read_back() -> None:
    for cause in range(1, 128):
        assert 400 <= rejection_of(cause) < 700
        assert cause_of_reason([reason_of_cause(cause)]) == cause
    assert rejection_of(17) == 486
    assert cause_of_reason([]) is None


ENDINGS = {
    "busy": {17: 486, 21: 603},
    "no-answer": {16: 480, 18: 480, 19: 480, 20: 480, 31: 480, 102: 504},
    "failed": {
        1: 404, 3: 503, 8: 403, 22: 410, 27: 502, 28: 484, 29: 501, 34: 503, 38: 503, 41: 503, 42: 503, 44: 503,
        47: 503, 50: 403, 57: 403, 63: 503, 68: 402, 127: 500, 88: 500, 200: 500,
    },
}  # fmt: skip
"""Twilio's status and the SIP response of each cause, where nobody answered."""


@pytest.mark.parametrize(("status", "responses"), ENDINGS.items())
def test_the_final_callback_of_each_cause(status: str, responses: dict[int, int]) -> None:
    assert {cause: status_of(cause, answered=False).value for cause in responses} == dict.fromkeys(responses, status)
    assert {cause: sip_response_of(cause, answered=False) for cause in responses} == responses


def test_404_is_said_of_a_number_that_does_not_exist_and_of_nothing_else() -> None:
    assert [cause for cause in range(300) if sip_response_of(cause, answered=False) == 404] == [1]
    assert {sip_response_of(cause, answered=True) for cause in range(300)} == {200}
    assert set(map(int, Cause)) <= {cause for row in ENDINGS.values() for cause in row}
