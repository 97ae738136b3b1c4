"""A line of a simulated gateway with no network behind it: a test says what becomes of each submit."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from random import Random

from simulator.gateway.contracts import LineCall, Received, Reported, Submitted, UssdAnswer
from simulator.modem.core import Registration
from simulator.sim import Operator, Sim
from simulator.timing import LoopTimers

OPERATOR = Operator("Smart", "Smart", "45606", "+85510000001")


def sim(number: int = 1) -> Sim:
    return Sim(
        f"+8551234560{number}", f"89855060000000000{number:02d}"[:18], f"45606000000000{number}", OPERATOR, "gw1"
    )


def timers() -> LoopTimers:
    return LoopTimers(asyncio.get_running_loop(), speed=1.0, random=Random(1), wall=time.time)


class FakeGatewayLine:
    """``outcomes``: how the next submits go, then all go well; None: no outcome ever. ``delay_s``: until it is told."""

    def __init__(self, index: int = 0, *, delay_s: float = 0.01) -> None:
        self.index = index
        self.name = f"gateway1-{index + 1}"
        self.sim = sim(index + 1)
        self.on_received: Callable[[Received], bool] = lambda received: False
        self.on_reported: Callable[[Reported], None] = lambda report: None
        self.on_changed: Callable[[], None] = lambda: None
        self.on_ussd: Callable[[UssdAnswer], None] = lambda answer: None
        self.imei = f"35693803564380{index}"
        self.has_sim = True
        self.registration = Registration.HOME
        self.rssi = 17
        self.call_state = LineCall.IDLE
        self.call_number = ""
        self.call_cause: int | None = None
        self.enabled = True
        self.delay_s = delay_s
        self.outcomes: list[Submitted | None] = []
        self.submitted: list[tuple[str, str]] = []
        self.ussd_said: list[str] = []
        self.ussd_answers: dict[str, UssdAnswer | None] = {}
        self.ended = 0
        self.hung_up = 0
        self.restarted = 0

    def submit(self, to: str, text: str, done: Callable[[Submitted], None], *, report: bool = True) -> None:
        self.submitted.append((to, text))
        outcome = self.outcomes.pop(0) if self.outcomes else Submitted(None, len(self.submitted) % 256)
        if outcome is not None:
            asyncio.get_running_loop().call_later(self.delay_s, done, outcome)

    def ussd(self, text: str, done: Callable[[UssdAnswer], None]) -> None:
        self.ussd_said.append(text)
        answer = self.ussd_answers.get(text, UssdAnswer("Your balance is 4.20 USD"))
        if answer is not None:
            asyncio.get_running_loop().call_later(self.delay_s, done, answer)

    def ussd_end(self) -> None:
        self.ended += 1

    def hang_up(self) -> None:
        self.hung_up += 1

    def restart(self) -> None:
        self.restarted += 1

    def enable(self, on: bool) -> None:
        self.enabled = on
        self.on_changed()

    def calls(self, state: LineCall, number: str = "") -> None:
        """Its call is now in this state."""
        self.call_state, self.call_number = state, number
        self.on_changed()
