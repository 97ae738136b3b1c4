"""Transactions by a clock of our own: when what is sent again, and when it is given up (RFC 3261 §17)."""

from __future__ import annotations

import pytest

from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.layer import TransactionLayer
from edge_agent.drivers.sip.message import Headers, Received, Request, Response, parse, response_to
from edge_agent.drivers.sip.settings import Transport
from edge_agent.drivers.sip.transaction import START, TABLES, Kind, State
from tests.fakes.sip_site import request

FAR = Hop("192.0.2.1", 5060)


class Wire:
    """What was sent, and when; the user of both kinds of transactions."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, str]] = []
        self.told: list[int] = []
        self.timeouts = 0
        self.unacknowledged = 0
        self.cancels = 0
        self.layer = TransactionLayer(self._send)

    def _send(self, data: bytes, hop: Hop) -> None:
        self.sent.append(
            (round(self.now, 3), data.split(b" ", 1)[0].decode() if data[:3] != b"SIP" else data[8:11].decode())
        )

    def on_response(self, received: Received) -> None:
        assert isinstance(received.message, Response)
        self.told.append(received.message.status)

    def on_timeout(self) -> None:
        self.timeouts += 1

    def on_unacknowledged(self) -> None:
        self.unacknowledged += 1

    def on_cancel(self, received: Received) -> None:
        self.cancels += 1

    def run(self, until: float) -> None:
        while (deadline := self.layer.next_deadline()) is not None and deadline <= until:
            self.now = deadline
            self.layer.tick(self.now)
        self.now = until

    def times(self, what: str) -> list[float]:
        return [at for at, sent in self.sent if sent == what]


def of(method: str) -> Request:
    received = parse(request(method, 5060).encode())
    assert isinstance(received.message, Request)
    return received.message


def answered(method: str, status: int) -> Received:
    return parse(bytes(response_to(of(method), status, tag="t")), FAR)


def test_an_invite_is_sent_at_0_5_and_doubling_for_32_seconds() -> None:
    wire = Wire()
    wire.layer.begin(of("INVITE"), "z9hG4bKb1", FAR, wire, 0.0)
    wire.run(100)
    assert wire.times("INVITE") == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
    assert wire.timeouts == 1
    assert len(wire.layer) == 0


def test_other_requests_are_sent_every_4_seconds_at_most() -> None:
    wire = Wire()
    wire.layer.begin(of("BYE"), "z9hG4bKb1", FAR, wire, 0.0)
    wire.run(100)
    assert wire.times("BYE") == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert wire.timeouts == 1


def test_after_a_1xx_a_bye_is_sent_every_4_seconds_and_an_invite_no_more() -> None:
    wire = Wire()
    wire.layer.begin(of("BYE"), "z9hG4bKb1", FAR, wire, 0.0)
    wire.layer.response(answered("BYE", 100), 0.1)
    wire.run(9)
    assert wire.times("BYE") == [0, 0.5, 4.5, 8.5]
    wire.layer.begin(of("INVITE"), "z9hG4bKb1", FAR, wire, 9.0)
    wire.layer.response(answered("INVITE", 180), 9.1)
    wire.run(200)
    assert wire.times("INVITE") == [9]


def test_each_repetition_of_a_failure_is_acknowledged_and_told_once() -> None:
    wire = Wire()
    wire.layer.begin(of("INVITE"), "z9hG4bKb1", FAR, wire, 0.0)
    for at in (1.0, 2.0, 3.0):
        wire.now = at
        wire.layer.response(answered("INVITE", 486), at)
    assert wire.times("ACK") == [1, 2, 3]
    assert wire.told == [486]
    wire.run(32.9)
    assert len(wire.layer) == 1
    wire.run(33.1)
    assert len(wire.layer) == 0


def test_each_repetition_of_a_2xx_is_told_for_32_seconds() -> None:
    wire = Wire()
    wire.layer.begin(of("INVITE"), "z9hG4bKb1", FAR, wire, 0.0)
    for at in (1.0, 2.0):
        wire.layer.response(answered("INVITE", 200), at)
    assert wire.told == [200, 200]
    assert wire.times("ACK") == []
    wire.run(40)
    assert not wire.layer.response(answered("INVITE", 200), 40)


def served(wire: Wire, method: str = "INVITE") -> tuple[Received, object]:
    received = parse(request(method, 5060).encode(), FAR)
    transaction = wire.layer.request(received, FAR, wire.now)
    assert transaction is not None
    return received, transaction


@pytest.mark.parametrize(("status", "fails"), [(200, 1), (486, 0)])
def test_a_final_response_is_repeated_up_to_every_4_seconds_until_the_ack(status: int, fails: int) -> None:
    wire = Wire()
    received, transaction = served(wire)
    wire.layer.respond(transaction, response_to(of("INVITE"), status, tag="t"), 0.0, wire)  # type: ignore[arg-type]
    wire.run(100)
    assert wire.times(str(status)) == [0, 0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
    assert wire.unacknowledged == fails
    assert len(wire.layer) == 0
    del received


def test_an_ack_stops_it_and_the_invite_again_brings_the_same() -> None:
    wire = Wire()
    received, transaction = served(wire)
    wire.layer.respond(transaction, response_to(of("INVITE"), 486, tag="t"), 0.0)  # type: ignore[arg-type]
    assert wire.layer.ack(parse(request("ACK", 5060).encode(), FAR), 0.2)
    wire.run(4)
    assert wire.times("486") == [0]
    assert wire.layer.request(received, FAR, 4.0) is None
    wire.run(6)
    assert len(wire.layer) == 0


def test_the_ack_of_a_2xx_belongs_to_the_dialog() -> None:
    wire = Wire()
    received, transaction = served(wire)
    wire.layer.respond(transaction, response_to(of("INVITE"), 200, tag="t"), 0.0, wire)  # type: ignore[arg-type]
    assert not wire.layer.ack(parse(request("ACK", 5060).encode(), FAR), 0.2)
    wire.layer.acknowledged(transaction, 0.2)  # type: ignore[arg-type]
    wire.layer.request(received, FAR, 1.0)  # the INVITE again
    wire.run(100)
    assert wire.times("200") == [0, 0]
    assert wire.unacknowledged == 0


def test_over_tls_nothing_is_repeated_and_nothing_lingers() -> None:
    wire, tls = Wire(), Hop("192.0.2.1", 5061, Transport.TLS)
    wire.layer.begin(of("BYE"), "z9hG4bKb1", tls, wire, 0.0)
    wire.run(10)
    assert wire.times("BYE") == [0]
    wire.layer.response(answered("BYE", 200), 10.0)
    wire.run(10)
    assert len(wire.layer) == 0


def test_branches_without_the_cookie_are_told_apart_as_rfc2543_did() -> None:
    wire = Wire()
    first = parse(request("OPTIONS", 5060, branch="1", cseq=1).encode(), FAR)
    second = parse(request("OPTIONS", 5060, branch="1", cseq=2).encode(), FAR)
    assert wire.layer.request(first, FAR, 0.0) is not None
    assert wire.layer.request(second, FAR, 0.0) is not None
    assert wire.layer.request(first, FAR, 0.0) is None


def test_every_state_of_a_table_can_be_reached_and_left() -> None:
    for kind, table in TABLES.items():
        reached = {START[kind]} | {to for to, _ in table.values()}
        left = {state for state, _ in table}
        assert reached - {State.TERMINATED} == left
        assert State.TERMINATED in reached
    assert set(TABLES) == set(Kind)


def test_what_is_found_by_an_index_does_not_depend_on_how_many_there_are() -> None:
    layer = TransactionLayer(lambda data, hop: None)
    for number in range(3000):
        text = request("OPTIONS", 5060, branch=f"z9hG4bK{number}", call_id=str(number))
        layer.request(parse(text.encode(), FAR), FAR, 0.0)
    assert len(layer._servers) == len(layer._merged) == 3000
    layer.tick(0.0)
    assert Headers([("v", "x")]).get("via") == "x"
