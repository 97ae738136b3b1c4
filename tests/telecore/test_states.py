"""The tables of states and of causes."""

from __future__ import annotations

import pytest

from telecore.causes import Blame, Cause, ReportKind, blame_cms, report_code, report_kind, sip_response_of, status_of
from telecore.errors import LocalProtocolError, RemoteProtocolError
from telecore.model import CallStatus, ChannelState, MessageStatus
from telecore.states import (
    CALL_STATES,
    CHANNEL_STATES,
    FINAL_CALL,
    FINAL_MESSAGE,
    MESSAGE_STATES,
    may_become,
    next_state,
)


def test_final_states_lead_nowhere_and_all_others_lead_to_one() -> None:
    for table, final, states in ((CALL_STATES, FINAL_CALL, CallStatus), (MESSAGE_STATES, FINAL_MESSAGE, MessageStatus)):
        assert set(table) == set(states) - set(final)
        for state in table:
            seen, todo = set(), {state}
            while todo:
                seen |= todo
                todo = set().union(*(table.get(one, frozenset()) for one in todo)) - seen
            assert seen & final, state


def test_a_step_that_is_absent_is_somebodys_fault() -> None:
    assert next_state(CALL_STATES, CallStatus.RINGING, CallStatus.IN_PROGRESS) is CallStatus.IN_PROGRESS
    with pytest.raises(RemoteProtocolError):
        next_state(CALL_STATES, CallStatus.COMPLETED, CallStatus.RINGING)
    with pytest.raises(LocalProtocolError):
        next_state(MESSAGE_STATES, MessageStatus.SENT, MessageStatus.QUEUED, ours=True)


def test_only_the_operator_leaves_disabled() -> None:
    assert not may_become(CHANNEL_STATES, ChannelState.DISABLED, ChannelState.REGISTERED)
    assert may_become(CHANNEL_STATES, ChannelState.FAULTY, ChannelState.REGISTERED)


@pytest.mark.parametrize(
    ("cause", "answered", "status", "sip"),
    [
        (Cause.NORMAL_CLEARING, True, CallStatus.COMPLETED, 200),
        (Cause.NETWORK_OUT_OF_ORDER, True, CallStatus.COMPLETED, 200),
        (Cause.NORMAL_CLEARING, False, CallStatus.NO_ANSWER, 480),
        (Cause.USER_BUSY, False, CallStatus.BUSY, 486),
        (Cause.NO_ANSWER, False, CallStatus.NO_ANSWER, 480),
        (Cause.SUBSCRIBER_ABSENT, False, CallStatus.NO_ANSWER, 480),
        (Cause.UNALLOCATED_NUMBER, False, CallStatus.FAILED, 404),
        (Cause.CONGESTION, False, CallStatus.FAILED, 503),
        (999, False, CallStatus.FAILED, 500),
    ],
)
def test_causes(cause: int, answered: bool, status: CallStatus, sip: int) -> None:
    assert status_of(cause, answered=answered) is status
    assert sip_response_of(cause, answered=answered) == sip


def test_404_means_a_number_that_does_not_exist() -> None:
    from telecore.causes import SIP_RESPONSES

    assert {cause for cause, code in SIP_RESPONSES.items() if code == 404} == {1}


def test_blame() -> None:
    assert blame_cms(28) == (Blame.DESTINATION, 30005)
    assert blame_cms(332)[0] is Blame.UNKNOWN
    assert blame_cms(None) == blame_cms(500)
    assert blame_cms(304)[0] is Blame.MODEM


@pytest.mark.parametrize(
    ("status", "kind"),
    [(0, ReportKind.DELIVERED), (2, ReportKind.DELIVERED), (0x20, ReportKind.TRYING), (0x3F, ReportKind.TRYING),
     (0x40, ReportKind.FAILED), (0x65, ReportKind.FAILED)],
)  # fmt: skip
def test_status_reports(status: int, kind: ReportKind) -> None:
    assert report_kind(status) is kind
    assert report_code(0x46) == 30036
