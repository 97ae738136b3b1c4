"""A line of the simulated gateway: registration, SMS in parts, USSD, calls, and the troubles of its SIM."""

from __future__ import annotations

import pytest

from simulator.calls import ABSENT, BUSY, NORMAL, OUT_OF_ORDER, REJECTED, Call
from simulator.faults import AT_KINDS, MODEM_KINDS, FaultRefused
from simulator.gateway.contracts import GatewayLine, LineCall, Received, Reported, Submitted, UssdAnswer
from simulator.gateway.line import Line
from simulator.modem.core import Registration
from simulator.sending import Style
from simulator.sim import Lock
from tests.fakes.gateway_lines import ANSWERS, FREE, LINE1, LINE2, Shelf

NEEDED = {"cms_error": {"code": 38}, "report_status": {"status": 0x63}}
LONG = "long " * 50


def submitted(shelf: Shelf, to: str, text: str, wait: float = 3, *, report: bool = True) -> list[Submitted]:
    answers: list[Submitted] = []
    shelf.lines[0].submit(to, text, answers.append, report=report)
    assert answers == []
    shelf.timers.advance(wait)
    return answers


def asked(shelf: Shelf, text: str, wait: float = 2) -> list[UssdAnswer]:
    answers: list[UssdAnswer] = []
    shelf.lines[0].ussd(text, answers.append)
    assert answers == []
    shelf.timers.advance(wait)
    return answers


def bodies(shelf: Shelf, number: str) -> list[object]:
    inbox = shelf.network.inbox(number)
    assert inbox is not None
    return [message["body"] for message in inbox.messages]


def test_the_contract_is_met() -> None:
    line: GatewayLine = Shelf().lines[0]
    assert (line.index, line.name, line.sim.number) == (0, "gateway1-1", LINE1)
    assert len(line.imei) == 15
    assert line.enabled


def test_numbers_of_lines_come_after_the_modems() -> None:
    from random import Random

    from simulator.network import Network
    from tests.simulator.fake import FakeTimers

    network = Network(FakeTimers(), 4, Random(1), gateways={"gateway1": 2, "gateway2": 1})
    assert [sim.number[-2:] for sim in network.modem_sims] == ["01", "02", "03", "04"]
    assert [sim.number[-2:] for sim in network.gateway_sims["gateway1"]] == ["05", "06"]
    assert [sim.device for sim in network.gateway_sims["gateway2"]] == ["gateway2-1"]
    assert len(network.sims) == 7


def test_it_registers_some_seconds_after_power_up_and_after_a_restart() -> None:
    shelf = Shelf(on=False)
    line = shelf.lines[0]
    seen: list[Registration] = []
    line.on_changed = lambda: seen.append(line.registration)
    line.power(on=True)
    assert (line.registration, line.has_sim, line.rssi) == (Registration.IDLE, False, 99)
    shelf.timers.advance(3.5)
    assert (line.registration, line.has_sim, line.rssi) == (Registration.SEARCHING, True, 23)
    shelf.timers.advance(2)
    assert line.registration is Registration.HOME
    line.restart()
    assert line.registration is Registration.IDLE
    shelf.timers.advance(6)
    assert line.registration is Registration.HOME
    assert seen[-1] is Registration.HOME
    assert Registration.SEARCHING in seen


def test_a_line_that_is_switched_off_stays_off() -> None:
    shelf = Shelf()
    line = shelf.lines[0]
    line.enable(on=False)
    shelf.timers.advance(30)
    assert (line.enabled, line.registration, line.rssi) == (False, Registration.IDLE, 99)
    assert shelf.lines[1].registration is Registration.HOME
    line.enable(on=True)
    shelf.timers.advance(6)
    assert line.registration is Registration.HOME


def test_a_message_goes_out_in_one_part_and_is_reported() -> None:
    shelf = Shelf()
    reports: list[Reported] = []
    shelf.lines[0].on_reported = reports.append
    (answer,) = submitted(shelf, FREE, "hello")
    assert (answer.error, answer.parts) == (None, 1)
    assert bodies(shelf, FREE) == ["hello"]
    (report,) = reports
    assert (report.reference, report.to, report.status) == (answer.reference, FREE, 0)
    assert shelf.lines[0].sim.balance == 9995


def test_a_long_message_goes_out_in_parts_and_is_reported_once() -> None:
    shelf = Shelf()
    reports: list[Reported] = []
    shelf.lines[0].on_reported = reports.append
    (answer,) = submitted(shelf, FREE, LONG + "ភាសាខ្មែរ", wait=10)
    assert (answer.error, answer.parts) == (None, 4)
    assert bodies(shelf, FREE) == [LONG + "ភាសាខ្មែរ"]
    assert [report.reference for report in reports] == [answer.reference]


def test_two_messages_at_once_go_one_after_the_other() -> None:
    shelf = Shelf()
    answers: list[Submitted] = []
    for text in ("one", "two", "three"):
        shelf.lines[0].submit(FREE, text, answers.append, report=False)
    shelf.timers.advance(10)
    assert [answer.reference for answer in answers] == [0, 1, 2]
    assert bodies(shelf, FREE) == ["one", "two", "three"]


def test_what_is_too_long_is_refused() -> None:
    (answer,) = submitted(Shelf(), FREE, "x" * 153 * 256)
    assert answer.error == 304


def test_parts_of_a_received_message_are_joined() -> None:
    shelf = Shelf()
    got: list[Received] = []

    def take(received: Received) -> bool:
        got.append(received)
        return True

    shelf.lines[0].on_received = take
    shelf.network.handsets[FREE].send(LINE1, LONG, Style(backwards=True))
    shelf.network.handsets[FREE].send(LINE1, "short")
    shelf.timers.advance(5)
    assert [(received.sender, received.text) for received in got] == [(FREE, LONG), (FREE, "short")]
    assert got[0].smsc == shelf.lines[0].sim.operator.smsc
    assert got[0].stamp == pytest.approx(1_750_000_006, abs=1)


@pytest.mark.parametrize("text", ["short", LONG])
def test_the_network_keeps_what_the_box_does_not_take(text: str) -> None:
    shelf = Shelf()
    wanted, offered = False, []

    def take(received: Received) -> bool:
        offered.append(received.text)
        return wanted

    shelf.lines[0].on_received = take
    shelf.network.handsets[FREE].send(LINE1, text)
    shelf.timers.advance(3)
    assert offered == [text]
    assert bodies(shelf, LINE1) == []
    wanted = True
    shelf.timers.advance(30)
    assert offered == [text, text]
    assert bodies(shelf, LINE1) == [text]
    shelf.timers.advance(60)
    assert len(offered) == 2


def test_ussd_goes_on_in_a_session() -> None:
    shelf = Shelf()
    (menu,) = asked(shelf, "*123#")
    assert menu.expects_reply
    (number,) = asked(shelf, "3")
    assert (number.text, number.expects_reply) == (f"Your number is {LINE1}", False)
    assert asked(shelf, "3") == [UssdAnswer("", supported=False)]


def test_a_session_that_is_ended_or_lasts_too_long_is_no_more() -> None:
    shelf = Shelf()
    asked(shelf, "*123#")
    shelf.lines[0].ussd_end()
    assert asked(shelf, "3") == [UssdAnswer("", supported=False)]
    asked(shelf, "*123#")
    shelf.timers.advance(100)
    assert asked(shelf, "3") == [UssdAnswer("", supported=False)]


def test_every_question_is_answered_once() -> None:
    shelf = Shelf()
    first: list[UssdAnswer] = []
    shelf.lines[0].ussd("*100#", first.append)
    (second,) = asked(shelf, "*99#")
    assert first == [UssdAnswer("", supported=False)]
    assert second.text.endswith(LINE1)
    lost: list[UssdAnswer] = []
    shelf.lines[0].ussd("*100#", lost.append)
    shelf.lines[0].restart()
    shelf.timers.advance(5)
    assert len(lost) == 1


def test_ussd_of_the_network_is_told_and_can_be_answered() -> None:
    shelf = Shelf()
    told: list[UssdAnswer] = []
    shelf.lines[0].on_ussd = told.append
    shelf.lines[0].push_ussd("Renew?", expects_reply=True)
    assert told == [UssdAnswer("Renew?", expects_reply=True)]
    assert asked(shelf, "1")[0].text == "Invalid choice"


def test_a_call_goes_out_through_its_states() -> None:
    shelf = Shelf()
    line = shelf.lines[0]
    states: list[tuple[LineCall, str]] = []
    line.on_changed = lambda: states.append((line.call_state, line.call_number))
    assert line.dial(ANSWERS) is not None
    assert line.dial(ANSWERS) is None
    shelf.timers.advance(5)
    assert states == [(LineCall.DIALING, ANSWERS), (LineCall.ALERTING, ANSWERS), (LineCall.CONNECTED, ANSWERS)]
    line.hang_up()
    shelf.timers.advance(1)
    assert states[-1] == (LineCall.IDLE, "")


def test_a_call_comes_in_and_is_taken_or_refused() -> None:
    shelf = Shelf()
    line, phone = shelf.lines[0], shelf.network.handsets[FREE]
    call = phone.dial(LINE1)
    assert call is not None
    shelf.timers.advance(1)
    assert (line.call_state, line.call_number) == (LineCall.INCOMING, FREE)
    line.answer()
    assert line.call_state is LineCall.CONNECTED
    line.hang_up()
    assert call.cause == NORMAL
    call = phone.dial(LINE1, withheld=True)
    assert call is not None
    shelf.timers.advance(1)
    assert (line.call_state, line.call_number) == (LineCall.INCOMING, "")
    line.hang_up()
    assert call.cause == REJECTED


def test_a_second_call_meets_a_busy_line() -> None:
    shelf = Shelf()
    shelf.lines[0].dial(ANSWERS)
    call = shelf.network.handsets[FREE].dial(LINE1)
    assert call is not None
    shelf.timers.advance(2)
    assert call.cause == BUSY


class Recorder:
    """A SIP side that only writes down what it is told."""

    def __init__(self, cause: int | None = None) -> None:
        self.cause = cause
        self.told: list[str] = []

    def offer(self, line: Line, call: Call) -> int | None:
        self.told.append("offer")
        return self.cause

    def call_changed(self, line: Line, call: Call) -> None:
        self.told.append(call.state.value)

    def audio(self, line: Line, call: Call) -> object:
        raise AssertionError


def test_the_sip_side_may_refuse_a_call_and_hears_no_more_of_it() -> None:
    shelf = Shelf()
    side = Recorder(BUSY)
    shelf.lines[0].sip = side  # type: ignore[assignment]
    call = shelf.network.handsets[FREE].dial(LINE1)
    assert call is not None
    shelf.timers.advance(2)
    assert (call.cause, side.told) == (BUSY, ["offer"])
    assert shelf.lines[0].call_state is LineCall.IDLE


@pytest.mark.parametrize(
    ("kind", "registration", "error"),
    [
        ("sim_removed", Registration.IDLE, 310),
        ("sim_blocked", Registration.IDLE, 316),
        ("no_network", Registration.SEARCHING, 331),
        ("registration_denied", Registration.DENIED, 331),
        ("modem_hang", Registration.IDLE, 500),
        ("modem_unplugged", Registration.IDLE, 500),
    ],
)
def test_troubles_of_the_radio(kind: str, registration: Registration, error: int) -> None:
    shelf = Shelf()
    line = shelf.lines[0]
    call = line.dial(ANSWERS)
    assert call is not None
    shelf.timers.advance(5)
    fault = shelf.fault(kind)
    assert line.registration is registration
    assert call.cause == OUT_OF_ORDER
    assert line.dial(ANSWERS) is None
    assert [answer.error for answer in submitted(shelf, FREE, "x", wait=20)] == [error]
    assert asked(shelf, "*100#") == [UssdAnswer("", supported=False)]
    inward = shelf.network.handsets[FREE].dial(LINE1)
    assert inward is not None
    shelf.network.handsets[FREE].send(LINE1, "kept")
    shelf.timers.advance(3)
    assert inward.cause == ABSENT
    shelf.over(fault)
    shelf.timers.advance(8)
    assert line.registration is Registration.HOME
    assert bodies(shelf, LINE1) == ["kept"]
    assert shelf.lines[1].registration is Registration.HOME


def test_what_is_seen_of_a_card() -> None:
    shelf = Shelf()
    line = shelf.lines[0]
    assert line.lock() is Lock.READY
    fault = shelf.fault("sim_blocked")
    assert (line.lock(), line.has_sim) == (Lock.PUK, True)
    shelf.over(fault)
    shelf.fault("sim_removed")
    assert (line.lock(), line.has_sim) == (None, False)


def test_signal_and_roaming() -> None:
    shelf = Shelf()
    changes: list[int] = []
    shelf.lines[0].on_changed = lambda: changes.append(shelf.lines[0].rssi)
    shelf.fault("weak_signal", rssi=4)
    shelf.timers.advance(1)
    assert changes == [4]
    shelf.fault("roaming")
    shelf.timers.advance(3)
    assert shelf.lines[0].registration is Registration.ROAMING


def test_troubles_of_the_account_and_of_the_message_centre() -> None:
    shelf = Shelf()
    fault = shelf.fault("cms_error", code=38)
    assert submitted(shelf, FREE, "x")[0].error == 38
    shelf.over(fault)
    fault = shelf.fault("no_balance")
    assert submitted(shelf, FREE, "x")[0].error == 21
    call = shelf.lines[0].dial(ANSWERS)
    shelf.timers.advance(2)
    assert call is not None
    assert call.cause == 50
    shelf.over(fault)
    fault = shelf.fault("sms_silently_lost")
    assert submitted(shelf, FREE, "lost")[0].error is None
    shelf.over(fault)
    fault = shelf.fault("sms_storage_full")
    shelf.network.handsets[FREE].send(LINE1, "waits")
    shelf.timers.advance(5)
    assert bodies(shelf, LINE1) == []
    shelf.over(fault)
    shelf.timers.advance(5)
    assert bodies(shelf, LINE1) == ["waits"]
    assert bodies(shelf, FREE) == []


def test_reports_that_come_late_or_never() -> None:
    shelf = Shelf()
    reports: list[Reported] = []
    shelf.lines[0].on_reported = reports.append
    fault = shelf.fault("late_delivery_report", delay_s=30)
    submitted(shelf, FREE, "late", wait=10)
    assert reports == []
    shelf.timers.advance(30)
    assert len(reports) == 1
    shelf.over(fault)
    shelf.fault("no_delivery_report")
    submitted(shelf, FREE, "never", wait=60)
    assert len(reports) == 1


def test_a_call_drops() -> None:
    shelf = Shelf()
    shelf.fault("call_drops", after_s=2)
    call = shelf.lines[0].dial(ANSWERS)
    shelf.timers.advance(6)
    assert call is not None
    assert call.cause == 41


@pytest.mark.parametrize("kind", sorted(set(MODEM_KINDS) - AT_KINDS))
def test_a_line_survives_every_fault(kind: str) -> None:
    shelf = Shelf()
    line = shelf.lines[0]
    fault = shelf.fault(kind, "gateway1", **NEEDED.get(kind, {}))
    line.submit(FREE, "x", lambda answer: None)
    line.submit(LINE2, LONG, lambda answer: None)
    line.ussd("*100#", lambda answer: None)
    line.dial(LINE2)
    shelf.timers.advance(20)
    line.restart()
    shelf.timers.advance(20)
    shelf.over(fault)
    shelf.timers.advance(30)
    assert line.registration is Registration.HOME
    assert submitted(shelf, FREE, "well again")[0].error is None
    shelf.timers.advance(30)
    assert bodies(shelf, FREE)[-1] == "well again"


@pytest.mark.parametrize("kind", sorted(AT_KINDS))
def test_a_line_has_no_troubles_of_an_at_interface(kind: str) -> None:
    with pytest.raises(FaultRefused, match="a line of a gateway"):
        Shelf().fault(kind)
