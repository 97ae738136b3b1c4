"""State machines as tables: state → what happened → next state. What is absent is illegal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from telecore.errors import LocalProtocolError, RemoteProtocolError
from telecore.model import CallStatus as C
from telecore.model import ChannelState as H
from telecore.model import MessageStatus as M

S = TypeVar("S")

FINAL_CALL = frozenset({C.COMPLETED, C.BUSY, C.FAILED, C.NO_ANSWER, C.CANCELED})
LIVE_CALL = frozenset(C) - FINAL_CALL
FINAL_MESSAGE = frozenset({M.DELIVERED, M.UNDELIVERED, M.FAILED, M.CANCELED, M.RECEIVED})

CALL_STATES: Mapping[C, frozenset[C]] = {
    C.QUEUED: frozenset({C.INITIATED, C.RINGING, C.IN_PROGRESS, C.BUSY, C.FAILED, C.NO_ANSWER, C.CANCELED}),
    C.INITIATED: frozenset({C.RINGING, C.IN_PROGRESS, C.BUSY, C.FAILED, C.NO_ANSWER, C.CANCELED}),
    C.RINGING: frozenset({C.IN_PROGRESS, C.COMPLETED, C.BUSY, C.FAILED, C.NO_ANSWER, C.CANCELED}),
    C.IN_PROGRESS: frozenset({C.COMPLETED, C.FAILED}),
}
"""A call only moves forward; the edge may skip a state that its network does not tell it of."""

MESSAGE_STATES: Mapping[M, frozenset[M]] = {
    M.SCHEDULED: frozenset({M.ACCEPTED, M.QUEUED, M.FAILED, M.CANCELED}),
    M.ACCEPTED: frozenset({M.QUEUED, M.FAILED, M.CANCELED}),
    M.QUEUED: frozenset({M.SENDING, M.SENT, M.DELIVERED, M.UNDELIVERED, M.FAILED, M.CANCELED}),
    M.SENDING: frozenset({M.SENT, M.DELIVERED, M.UNDELIVERED, M.FAILED}),
    M.SENT: frozenset({M.DELIVERED, M.UNDELIVERED}),
    M.RECEIVING: frozenset({M.RECEIVED}),
}
"""A status report may overtake the submit's answer, so ``queued`` leads to ``delivered`` as well."""

CHANNEL_STATES: Mapping[H, frozenset[H]] = {state: frozenset(H) - {state} for state in H if state is not H.DISABLED} | {
    H.DISABLED: frozenset({H.ABSENT, H.SEARCHING})
}
"""A radio may fall from any state into any other; only an operator's ``disabled`` is left by the operator alone."""


def may_become(table: Mapping[S, frozenset[S]], now: S, then: S) -> bool:
    """Whether the table allows this step. A final state allows none."""
    return then in table.get(now, frozenset())


def next_state(table: Mapping[S, frozenset[S]], now: S, then: S, *, ours: bool = False) -> S:
    """``then``, if the table allows it; else LocalProtocolError when we caused it, RemoteProtocolError otherwise."""
    if may_become(table, now, then):
        return then
    error = LocalProtocolError if ours else RemoteProtocolError
    raise error(f"{now} does not lead to {then}")
