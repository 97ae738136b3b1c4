"""The AT dialogue as a machine: one command at a time, its answer, and what comes by itself. Sans-I/O, time is given.

After a silence the port is *dirty*: an answer may still come, and would be taken for the next command's. So: ESC
(ends a text entry), a pause without answers, and clean ``AT`` → ``OK`` probes, each followed by a pause in which no
second result comes. Only then is the next command let in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from edge_agent.drivers.at_modem.grammar import CTRL_Z, ESC, Command, Final, Grammar, final_of
from edge_agent.drivers.at_modem.lines import Line, LineReader, Prompt, Unit
from telecore.errors import LocalProtocolError

SETTLE_S = 0.15
"""After a dial's NO CARRIER some modems add an OK; it must not answer the next command."""
SILENCE_S = 0.3
SILENCE_LIMIT_S = 3.0
PROBE_S = 1.0
QUIET_S = 0.1
CLEAN_PROBES = 2
FAILED_PROBES = 6
MAX_ANSWER_LINES = 4096
"""Two lines for each place of the largest storages; what comes beyond is dropped."""
STALE_S = 2.0
"""A line begun and not ended for so long is noise."""


class State(StrEnum):
    IDLE = "idle"
    ANSWER = "answer"
    PROMPT = "prompt"
    SUBMITTED = "submitted"
    SETTLE = "settle"
    SILENCE = "silence"
    PROBE = "probe"
    QUIET = "quiet"
    HUNG = "hung"


class Input(StrEnum):
    COMMAND = "command"
    COMMAND_WITH_BODY = "command with body"
    PROMPT = "prompt"
    FINAL = "final"
    CALL_FINAL = "call final"
    TIME = "time"
    ABORT = "abort"
    CLEAN = "clean"
    UNCLEAN = "unclean"
    GIVE_UP = "give up"


S, I = State, Input  # noqa: E741
TABLE: Mapping[tuple[State, Input], State] = {
    (S.IDLE, I.COMMAND): S.ANSWER,
    (S.IDLE, I.COMMAND_WITH_BODY): S.PROMPT,
    (S.ANSWER, I.FINAL): S.IDLE,
    (S.ANSWER, I.CALL_FINAL): S.SETTLE,
    (S.ANSWER, I.TIME): S.SILENCE,
    (S.ANSWER, I.ABORT): S.SILENCE,
    (S.PROMPT, I.PROMPT): S.SUBMITTED,
    (S.PROMPT, I.FINAL): S.IDLE,
    (S.PROMPT, I.TIME): S.SILENCE,
    (S.PROMPT, I.ABORT): S.SILENCE,
    (S.SUBMITTED, I.FINAL): S.IDLE,
    (S.SUBMITTED, I.TIME): S.SILENCE,
    (S.SETTLE, I.TIME): S.IDLE,
    (S.SILENCE, I.TIME): S.PROBE,
    (S.PROBE, I.FINAL): S.QUIET,
    (S.PROBE, I.TIME): S.SILENCE,
    (S.QUIET, I.UNCLEAN): S.SILENCE,
    (S.QUIET, I.TIME): S.PROBE,
    (S.QUIET, I.CLEAN): S.IDLE,
    (S.SILENCE, I.GIVE_UP): S.HUNG,
}
"""State, what happened → next state. What is absent changes nothing."""


@dataclass(frozen=True, slots=True)
class Answered:
    """The running command has its final result; ``lines`` are its information lines."""

    command: Command
    lines: tuple[str, ...]
    final: Final


@dataclass(frozen=True, slots=True)
class Silent:
    """No final result in time. ``submitted``: the body was out already, so it may have been done."""

    command: Command
    submitted: bool


@dataclass(frozen=True, slots=True)
class Urc:
    """A line that came by itself."""

    text: str
    body: str | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """The next command may be started."""


@dataclass(frozen=True, slots=True)
class Hung:
    """The modem no longer answers anything."""


Outcome = Answered | Silent | Urc | Ready | Hung


class Engine:
    """``start`` a command, ``feed`` bytes, ``tick`` in time; then take ``outcomes`` and ``data_to_send``."""

    def __init__(self, grammar: Grammar) -> None:
        self.grammar = grammar
        self.state = State.IDLE
        self.deadline: float | None = None
        self._reader = LineReader()
        self._command: Command | None = None
        self._lines: list[str] = []
        self._outcomes: list[Outcome] = []
        self._out = bytearray()
        self._fed_at = 0.0
        self._dirty_since = 0.0
        self._clean = 0
        self._failed = 0

    @property
    def submitted(self) -> bool:
        """Whether a body is out and its result is not known."""
        return self.state is State.SUBMITTED

    def start(self, command: Command, now: float) -> None:
        """Begin a command. Only when idle."""
        if self.state is not State.IDLE:
            raise LocalProtocolError(f"{command.text.split('=')[0]} while the engine is {self.state}")
        self._command, self._lines = command, []
        self._reader.expect_prompt = command.body is not None
        self._out += command.data
        with_body = command.body is not None
        self._go(I.COMMAND_WITH_BODY if with_body else I.COMMAND)
        self.deadline = now + (command.prompt_s if with_body else command.timeout_s)

    def resynchronise(self, now: float) -> None:
        """Treat the port as dirty from now on: after opening it, nobody knows what the modem is in the middle of."""
        self.state, self._command = State.SILENCE, None
        self._enter_silence(now, first=True)

    def abort(self, now: float) -> None:
        """Nobody waits for the running command any more.

        Leaves the text entry if the body is not out yet, and ends a command that a character may end.
        """
        if self.state is State.ANSWER and not (self._command is not None and self._command.abortable):
            return
        if self._go(I.ABORT):
            self._enter_silence(now, first=True)

    def feed(self, data: bytes, now: float) -> None:
        self._fed_at = now
        for unit in self._reader.feed(data):
            self._take(unit, now)

    def tick(self, now: float) -> None:
        """Time has passed. Harmless when called too early."""
        if self._reader.holding and now >= self._fed_at + STALE_S:
            for unit in self._reader.flush():
                self._take(unit, now)
        if self.deadline is not None and now >= self.deadline:
            self._on_time(now)

    def next_tick(self) -> float | None:
        """When ``tick`` should be called next."""
        times = [self.deadline] if self.deadline is not None else []
        if self._reader.holding:
            times.append(self._fed_at + STALE_S)
        return min(times, default=None)

    def outcomes(self) -> list[Outcome]:
        taken, self._outcomes = self._outcomes, []
        return taken

    def data_to_send(self) -> bytes:
        data = bytes(self._out)
        self._out.clear()
        return data

    def _go(self, happened: Input) -> bool:
        to = TABLE.get((self.state, happened))
        if to is None:
            return False
        self.state = to
        if to is State.IDLE:
            self.deadline = None
            self._outcomes.append(Ready())
        return True

    # what comes in

    def _take(self, unit: Unit, now: float) -> None:
        if isinstance(unit, Prompt):
            self._on_prompt(now)
        elif self._command is not None:
            self._on_line(unit, self._command, now)
        elif self.state in (State.SILENCE, State.PROBE, State.QUIET):
            self._on_line_while_dirty(unit, now)
        elif final_of(unit.text, dials=False) is None:
            self._outcomes.append(Urc(unit.text, unit.body))

    def _on_prompt(self, now: float) -> None:
        command = self._command
        if command is None or command.body is None or not self._go(I.PROMPT):
            return
        self._out += command.body.encode("ascii", "replace") + CTRL_Z
        self.deadline = now + command.timeout_s

    def _on_line(self, line: Line, command: Command, now: float) -> None:
        text = line.text
        if self._is_echo(text, command):
            return
        final = final_of(text, dials=command.dials)
        if final is not None and final.kind == "ok" and self.state is State.PROMPT:
            return  # an OK without the prompt is no answer to a command with a body
        if final is not None:
            self._end(Answered(command, tuple(self._lines), final))
            if self._go(I.CALL_FINAL if final.kind == "call" else I.FINAL) and self.state is State.SETTLE:
                self.deadline = now + SETTLE_S
        elif line.body is None and self.grammar.answers(text, command):
            if len(self._lines) < MAX_ANSWER_LINES:
                self._lines.append(text)
        else:
            self._outcomes.append(Urc(text, line.body))

    def _is_echo(self, text: str, command: Command) -> bool:
        body = command.body
        if len(text) <= len(command.text) and text.casefold() == command.text.casefold().strip():
            return True
        return body is not None and len(text) >= len(body) and text.strip("\x1a> ").casefold() == body.casefold()

    def _on_line_while_dirty(self, line: Line, now: float) -> None:
        final = final_of(line.text, dials=True)
        if self.grammar.urcs.fullmatch(line.text) and (final is None or final.kind == "call"):
            self._outcomes.append(Urc(line.text, line.body))
        elif line.text.endswith("AT") or not line.text.isprintable() or "\\x" in line.text:
            pass  # the probe's echo, or noise
        elif self.state is State.PROBE and final is not None and final.kind == "ok":
            self._go(I.FINAL)
            self.deadline = now + QUIET_S
        elif self.state is State.SILENCE:
            self.deadline = min(now + SILENCE_S, self._dirty_since + SILENCE_LIMIT_S)
        else:
            self._fail_probe(now, I.UNCLEAN if self.state is State.QUIET else I.TIME)

    def _end(self, outcome: Answered | Silent) -> None:
        self._command, self._lines = None, []
        self._reader.expect_prompt = False
        self._outcomes.append(outcome)

    # when time is up

    def _on_time(self, now: float) -> None:
        self.deadline = None
        if self.state in (State.ANSWER, State.PROMPT, State.SUBMITTED):
            submitted = self.submitted
            if self._command is not None:
                self._end(Silent(self._command, submitted))
            self._go(I.TIME)
            self._enter_silence(now, first=True)
        elif self.state is State.SILENCE:
            self._go(I.TIME)
            self._probe(now)
        elif self.state is State.PROBE:
            self._fail_probe(now, I.TIME)
        elif self.state is State.QUIET:
            self._count_clean(now)
        else:
            self._go(I.TIME)

    def _enter_silence(self, now: float, *, first: bool) -> None:
        if self._command is not None:
            self._end(Silent(self._command, submitted=False))
        if first:
            self._failed = 0
        self._clean = 0
        self._dirty_since = now
        if self._failed % 2 == 0:
            # Not before every probe: to some modems (ofono-phonesim) it is the first character of the next command.
            self._out += ESC
        self.deadline = now + SILENCE_S

    def _probe(self, now: float) -> None:
        self._out += b"AT\r"
        self.deadline = now + PROBE_S

    def _count_clean(self, now: float) -> None:
        self._clean += 1
        if self._clean >= CLEAN_PROBES:
            self._go(I.CLEAN)
        else:
            self._go(I.TIME)
            self._probe(now)

    def _fail_probe(self, now: float, happened: Input) -> None:
        self._failed += 1
        self._go(happened)
        self._enter_silence(now, first=False)
        if self._failed >= FAILED_PROBES:
            self._go(I.GIVE_UP)
            self.deadline = None
            self._outcomes.append(Hung())
