"""``gsm show span`` as boxes were seen to write it."""

from __future__ import annotations

import pytest

from edge_agent.drivers.gateway.gsm_span import Span, parse_span, parse_spans, radio_of
from telecore.ids import E164
from telecore.model import ChannelState

TG200 = [
    "D-channel: 2",
    "Status: Power on, Up, Active, Standard",
    "Manufacturer: Quectel",
    "Model Name: EC21",
    "Network Name: AT&T",
    "Network Status: Registered (Home network)",
    "Signal Quality (0,31): 19",
    "BER value (0,7): -1",
    "SIM IMSI: 310410000000001",
    "State: READY",
]
TG100 = [
    "D-channel: 2",
    "Status: Power on, Provisioned, Up, Active,Standard",
    "Manufacturer:",
    "Model Name: UC15",
    "Network Status: Registered (Home network)",
    "Signal Quality (0,31): 5",
    "Last send AT: AT+CREG?\\r\\n",
]


def test_a_tg200() -> None:
    span = parse_span(TG200)
    assert (span.manufacturer, span.model, span.operator, span.rssi) == ("Quectel", "EC21", "AT&T", 19)
    status = radio_of(span, E164("+13105550100"))
    assert status.state is ChannelState.REGISTERED
    assert status.sim is not None
    assert status.signal is not None
    assert (status.sim.imsi, status.sim.operator, status.sim.iccid) == ("310410000000001", "310410", "")
    assert (status.sim.msisdn, status.signal.dbm) == ("+13105550100", -75)


def test_a_span_without_an_imsi_has_no_sim_to_show() -> None:
    status = radio_of(parse_span(TG100), None)
    assert (status.state, status.sim) == (ChannelState.REGISTERED, None)


@pytest.mark.parametrize(
    ("span", "state", "reason"),
    [
        (Span("Power on, Provisioned, Undetected SIM Card, Active,Standard"), ChannelState.ABSENT, "no SIM"),
        (Span("Power off, Provisioned, Down"), ChannelState.DISABLED, "switched off in the box"),
        (Span("Power on, Down, Active", "Registration denied"), ChannelState.DENIED, "Registration denied"),
        (Span("Power on, Down, Active", "Searching"), ChannelState.SEARCHING, "Searching"),
        (Span("Power on, Up, Active", "Registered (Roaming)"), ChannelState.REGISTERED, "roaming"),
        (Span("Power on, Up, Active"), ChannelState.REGISTERED, ""),
        (Span("Power on, Down, Active"), ChannelState.SEARCHING, "Power on, Down, Active"),
        (Span("Power on, Need PIN Code"), ChannelState.LOCKED, "Power on, Need PIN Code"),
        (Span(), ChannelState.SEARCHING, "the box tells nothing"),
    ],
)
def test_states(span: Span, state: ChannelState, reason: str) -> None:
    status = radio_of(span, None)
    assert (status.state, status.reason) == (state, reason)


def test_the_list_of_spans() -> None:
    output = ["GSM span 2: Power on, Up", "noise", "  GSM span 3: Power on, Down"]
    assert parse_spans(output) == {2: "Power on, Up", 3: "Power on, Down"}


@pytest.mark.parametrize("signal", ["", "x", "99", "-1", "99999"])
def test_a_signal_that_is_none(signal: str) -> None:
    assert radio_of(parse_span(["Status: Up", f"Signal Quality (0,31): {signal}"]), None).signal is None
