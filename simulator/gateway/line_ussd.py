"""USSD of a gateway line: one session at a time."""

from __future__ import annotations

from collections.abc import Callable

from simulator.gateway.contracts import UssdAnswer
from simulator.gateway.line_radio import LineRadio
from simulator.sim import Sim
from simulator.timing import Handle, Timers
from simulator.ussd_menu import Answer, UssdService

ANSWER_S = 0.8
SESSION_LIMIT_S = 60.0
NOTHING = UssdAnswer("", supported=False)
Done = Callable[[UssdAnswer], None]


class LineUssd:
    """Every `done` is called once; a code that comes while another is under way takes its place."""

    def __init__(self, sim: Sim, radio: LineRadio, service: UssdService, timers: Timers) -> None:
        self._sim = sim
        self._radio = radio
        self._service = service
        self._timers = timers
        self._step = ""
        self._timer: Handle | None = None
        self._done: Done | None = None
        self.on_ussd: Done = lambda answer: None

    def ask(self, text: str, done: Done) -> None:
        """A code, or the reply within a session."""
        step = self._step
        self.end()
        self._done = done
        if self._radio.in_service:
            self._timer = self._timers.network(ANSWER_S, lambda: self._answer(step, text))
        else:
            self._timer = self._timers.after(0, lambda: self._say(NOTHING))

    def end(self) -> None:
        """No session any more."""
        self._step = ""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        done, self._done = self._done, None
        if done is not None:
            self._timers.after(0, lambda: done(NOTHING))

    def push(self, text: str, *, expects_reply: bool) -> None:
        """The network begins."""
        if self._radio.in_service:
            self.end()
            self._keep(Answer(text, expects_reply=expects_reply, step="pushed" if expects_reply else ""))
            self.on_ussd(UssdAnswer(text, expects_reply))

    def _answer(self, step: str, text: str) -> None:
        if not self._radio.in_service:
            self._say(NOTHING)
            return
        answer = self._service.reply(self._sim, step, text) if step else self._service.start(self._sim, text)
        self._keep(answer)
        self._say(UssdAnswer(answer.text, answer.expects_reply, answer.supported))

    def _keep(self, answer: Answer) -> None:
        self._step = answer.step
        self._timer = None
        if answer.expects_reply:
            self._timer = self._timers.network(SESSION_LIMIT_S, self.end)

    def _say(self, answer: UssdAnswer) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(answer)
