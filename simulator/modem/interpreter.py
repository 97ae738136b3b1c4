"""The command interpreter: echo, lines, prompts, results, and unsolicited codes between them (V.250, 27.005 §3.5.1)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from simulator.modem.command_line import Command, read_commands
from simulator.modem.errors import NOT_SUPPORTED, AtError, CmeError, FinalLine
from simulator.modem.habits import Habits
from simulator.modem.values import Values
from simulator.timing import Handle, Timers

CR, LF, BACKSPACE, CTRL_Z, ESC = 0x0D, 0x0A, 0x08, 0x1A, 0x1B
LONGEST_LINE = 2048
LONGEST_BACKLOG = 16_384
PROMPT_LIMIT_S = 60.0
NUMERIC = {"OK": "0", "RING": "2", "NO CARRIER": "3", "ERROR": "4", "BUSY": "7", "NO ANSWER": "8"}


class Pending:
    """The handler will call `complete` or `fail` later."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """The handler wants the text that follows `> `, up to Ctrl-Z."""

    take: Callable[[str], Reply]


Reply = list[str] | Pending | Prompt
Handler = Callable[[Command], Reply]
PENDING = Pending()
OK: list[str] = []


class Interpreter:
    """Reads bytes from the line, runs handlers one at a time, writes bytes to the line."""

    def __init__(
        self, values: Values, handlers: Mapping[str, Handler], write: Callable[[bytes], None], timers: Timers
    ) -> None:
        self._values = values
        self._handlers = handlers
        self._write = write
        self._timers = timers
        self.unsupported = ""
        self.habits = Habits()
        self.after_answer: Callable[[], None] = lambda: None
        self.abort: Callable[[], bool] = lambda: False
        self._prompt_timer: Handle | None = None
        self.reset()

    def reset(self) -> None:
        """As after power-on: nothing typed, nothing pending."""
        if self._prompt_timer is not None:
            self._prompt_timer.cancel()
        self._backlog = bytearray()
        self._line = bytearray()
        self._echo = bytearray()
        self._last_line = ""
        self._commands: Iterator[Command] | None = None
        self._prompt: Prompt | None = None
        self._prompt_timer = None
        self._held: deque[tuple[str, ...]] = deque(maxlen=200)

    def feed(self, data: bytes) -> None:
        """Bytes from the line; those that come while a command runs wait for it."""
        if self._commands is not None and self._prompt is None and data.strip(b"\r\n"):
            self.abort()
        self._backlog += data[: LONGEST_BACKLOG - len(self._backlog)]
        self._pump()

    def urc(self, *lines: str) -> None:
        """An unsolicited code; held back while text is being entered."""
        if self._prompt is not None:
            self._held.append(lines)
            return
        self._flush_echo()
        self._write(_framed(lines))

    def complete(self, lines: list[str]) -> None:
        """The pending command is done; go on with its line."""
        if self._commands is None:
            return
        self._info(lines)
        self._proceed()
        self._pump()

    def fail(self, error: AtError) -> None:
        """The pending command failed; the rest of its line is not executed."""
        if self._commands is None:
            return
        self._finish(error.render(self._level()))
        self._pump()

    @property
    def busy(self) -> bool:
        """Whether a command is running or being entered."""
        return self._commands is not None

    # ------------------------------------------------------------------------------------- input

    def _pump(self) -> None:
        while self._backlog and (self._commands is None or self._prompt is not None):
            byte = self._backlog.pop(0)
            if self._prompt is not None:
                self._enter(byte)
            else:
                self._type(byte)
        self._flush_echo()

    def _type(self, byte: int) -> None:
        if byte in (ESC, CTRL_Z):
            self._line.clear()
        elif byte in (CR, LF):
            self._end_of_line(byte)
        elif byte == BACKSPACE:
            del self._line[-1:]
        else:
            self._echo_byte(byte)
            if len(self._line) <= LONGEST_LINE:
                self._line.append(byte)
            if self._line.upper() == b"A/":
                self._line.clear()
                self._run(self._last_line)

    def _end_of_line(self, byte: int) -> None:
        if byte == CR:
            self._echo_byte(byte)
        text = self._line.decode("latin-1")
        self._line.clear()
        start = text.upper().find("AT")
        if start < 0:
            return
        if len(text) > LONGEST_LINE:
            self._finish("ERROR")
            return
        self._last_line = text[start + 2 :]
        self._run(self._last_line)

    def _echo_byte(self, byte: int) -> None:
        if self._values.number("E"):
            self._echo.append(byte)

    def _flush_echo(self) -> None:
        if self._echo:
            self._write(bytes(self._echo))
            self._echo.clear()

    # --------------------------------------------------------------------------------- execution

    def _run(self, body: str) -> None:
        self._commands = read_commands(body)
        self._proceed()

    def _proceed(self) -> None:
        """Run commands until one is pending or the line is done."""
        while self._commands is not None:
            try:
                command = next(self._commands, None)
                reply: Reply = OK if command is None else self._execute(command)
            except AtError as error:
                self._finish(error.render(self._level()))
                return
            if command is None:
                self._finish("OK")
            elif not self._take(reply):
                return

    def _execute(self, command: Command) -> Reply:
        handler = self._handlers.get(command.name)
        if handler is not None:
            return handler(command)
        if self.unsupported:
            raise FinalLine(self.unsupported)
        raise CmeError(NOT_SUPPORTED)

    def _take(self, reply: Reply) -> bool:
        """Write what a handler answered; False when the line has to wait."""
        if isinstance(reply, Prompt):
            self._prompt = reply
            self._prompt_timer = self._timers.after(PROMPT_LIMIT_S, self._cancel_prompt)
            self._flush_echo()
            self._show_prompt()
            return False
        if isinstance(reply, Pending):
            return False
        self._info(reply)
        return True

    def _show_prompt(self) -> None:
        habits, prompt = self.habits, self._prompt
        if not habits.prompt:
            return
        shown = f"\r\n{habits.prompt}".encode()
        if habits.prompt_delay_s:
            self._timers.after(habits.prompt_delay_s, lambda: self._write(shown) if self._prompt is prompt else None)
        else:
            self._write(shown)

    def _level(self) -> int:
        return 0 if self.habits.cmee_ignored else self._values.number("+CMEE")

    def _info(self, lines: list[str]) -> None:
        if lines:
            self._flush_echo()
            self._write(_framed(lines) if self._values.number("V") else _plain(lines))
            self.after_answer()

    def _finish(self, result: str) -> None:
        self._commands = None
        self._flush_echo()
        if self._values.number("Q"):
            return
        if self._values.number("V"):
            self._write(_framed((result,)))
        else:
            self._write(f"{NUMERIC.get(result, '4')}\r".encode())

    # ---------------------------------------------------------------------------------- text entry

    def _enter(self, byte: int) -> None:
        if byte == ESC:
            self._cancel_prompt()
        elif byte == CTRL_Z:
            text = self._line.decode("latin-1")
            prompt = self._close_prompt()
            self._answer_text(prompt, text)
        else:
            self._echo_byte(byte)
            if len(self._line) <= LONGEST_LINE:
                self._line.append(byte)

    def _answer_text(self, prompt: Prompt | None, text: str) -> None:
        if prompt is None:
            return
        self._flush_echo()
        try:
            reply = prompt.take(text)
        except AtError as error:
            self._finish(error.render(self._level()))
        else:
            if self._take(reply):
                self._proceed()
        self._release_held()

    def _cancel_prompt(self) -> None:
        self._close_prompt()
        self._finish("OK")
        self._release_held()

    def _close_prompt(self) -> Prompt | None:
        prompt, self._prompt = self._prompt, None
        self._line.clear()
        if self._prompt_timer is not None:
            self._prompt_timer.cancel()
            self._prompt_timer = None
        return prompt

    def _release_held(self) -> None:
        while self._held and self._prompt is None:
            self.urc(*self._held.popleft())


def _framed(lines: list[str] | tuple[str, ...]) -> bytes:
    return ("\r\n" + "\r\n".join(lines) + "\r\n").encode("latin-1", errors="replace")


def _plain(lines: list[str]) -> bytes:
    return ("\r\n".join(lines) + "\r\n").encode("latin-1", errors="replace")
