"""One connection to a manager port: log in, then one action at a time, each answered before the next is read."""

from __future__ import annotations

import asyncio
import re
import shlex
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import unquote

from simulator.gateway.contracts import GatewayLine, Submitted, UssdAnswer
from simulator.gateway.manager_words import crsm_of, update_event

if TYPE_CHECKING:
    from simulator.gateway.manager import ManagerTongue

BANNER = "Asterisk Call Manager/1.1\r\n"
MAX_LINE = 1024
"""Of Asterisk 1.8's manager: a longer line is thrown away."""
TOO_SOON = 500
IN_USE = 314
"""The CMS code that becomes `WAS USING`: the module is busy with something else."""


class ManagerSession:
    """`tell` writes an event as soon as no output is being written, or in its middle if that is the firmware's way."""

    def __init__(self, box: ManagerTongue, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._box = box
        self._reader = reader
        self._writer = writer
        self._trusted = False
        self._events = True
        self._waiting: list[str] = []
        self.dropped_lines = 0

    async def run(self) -> None:
        """Serve until either end closes."""
        self._write(BANNER)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            while headers := await self._action():
                await self._answer(headers)
                await self._writer.drain()

    def close(self) -> None:
        """End the connection."""
        self._writer.close()

    def tell(self, event: str) -> None:
        """An event, if they are wanted here."""
        if not (self._trusted and self._events):
            return
        if self._box.habits.inside_outputs:
            self._waiting.append(event)
            self._box.timers.after(0.2, self._flush)
        else:
            self._write(event)

    async def _action(self) -> dict[str, str]:
        headers: dict[str, str] = {}
        while True:
            octets = await self._reader.readline()
            if not octets:
                return {}
            if len(octets) > MAX_LINE:
                self.dropped_lines += 1
                continue
            line = octets.decode("utf-8", "replace").rstrip("\r\n")
            if not line:
                if headers:
                    return headers
                continue
            name, _, value = line.partition(":")
            headers[name.strip().lower()] = value.strip()

    async def _answer(self, headers: dict[str, str]) -> None:
        name = headers.get("action", "").lower()
        if name == "login":
            self._log_in(headers)
        elif not self._trusted:
            self._respond("Error", headers, "Message: Permission denied")
        elif name == "ping":
            if "ping" not in self._box.habits.muted:
                self._respond("Success", headers, "Ping: Pong")
        elif name == "logoff":
            self._respond("Goodbye", headers, "Message: Thanks for all the fish.")
            self.close()
        elif name == self._box.habits.action:
            await self._command(headers)
        else:
            self._respond("Error", headers, "Message: Invalid/unknown command")

    def _log_in(self, headers: dict[str, str]) -> None:
        self._trusted = (headers.get("username"), headers.get("secret")) == (self._box.user, self._box.secret)
        self._events = headers.get("events", "on") != "off"
        if self._trusted:
            self._respond("Success", headers, "Message: Authentication accepted")
        else:
            self._box.refused_logins += 1
            self._respond("Error", headers, "Message: Authentication failed")
            self.close()

    async def _command(self, headers: dict[str, str]) -> None:
        try:
            words = shlex.split(headers.get("command", ""))
        except ValueError:
            words = []
        verb = words[1] if len(words) > 1 and words[0] == "gsm" else ""
        if verb in self._box.habits.muted:
            return
        output = await self._run(words) if verb else None
        if output is None:
            output = [f"No such command '{' '.join(words)[:40]}' (type 'core show help' for other possible commands)"]
        self._follows(headers, output)

    async def _run(self, words: list[str]) -> list[str] | None:
        match words:
            case ["gsm", "show", "spans"]:
                return self._box.spans()
            case ["gsm", "show", "span", span]:
                line = self._line(span)
                return self._box.span(line) if line is not None else [f"No GSM running on span {span}"]
            case ["gsm", "power", how, span]:
                return self._power(how, span)
            case ["gsm", "send", "ussd", span, code, *_]:
                return await self._ussd(span, code)
            case ["gsm", "send", "sms", span, to, text, ident]:
                return self._send(span, to, unquote(text), ident)
            case ["gsm", "send", "sync", "sms", span, to, text, _, _, _]:
                return await self._send_sync(span, to, text)
            case ["gsm", "send", "sync", "csms", span, to, text, reference, count, sequence, _, _, _]:
                return await self._send_part(span, to, text, (reference, count, sequence))
            case ["gsm", "send", "sync", "at", span, command, _]:
                line = self._line(span)
                known = line is not None and command == "AT+CRSM=176,12258,0,0,10"
                return [crsm_of(line.sim.iccid), "OK"] if known and line is not None else ["ERROR"]
        return None

    def _line(self, span: str) -> GatewayLine | None:
        return self._box.line_at(int(span)) if span.isdigit() else None

    def _power(self, how: str, span: str) -> list[str] | None:
        line = self._line(span)
        if line is None or how not in ("on", "off", "reset"):
            return None
        if how == "reset":
            line.restart()
        else:
            line.enable(how == "on")
        return [f"Power {how} span {span}"]

    async def _ussd(self, span: str, code: str) -> list[str]:
        line = self._line(span)
        if line is None:
            return [f"No GSM running on span {span}"]
        answered: asyncio.Future[UssdAnswer] = asyncio.get_running_loop().create_future()
        line.ussd(code, lambda answer: None if answered.done() else answered.set_result(answer))
        try:
            answer = await asyncio.wait_for(answered, 5.0)
        except TimeoutError:
            return ["0:Failed,timeout"] if self._box.habits.family == "openvox" else ["USSD timeout"]
        if self._box.habits.family == "openvox":
            if not answer.supported:
                return [f"0:Failed to send USSD on span {span}"]
            session = 1 if answer.expects_reply else 0
            return [f"1:Recive USSD on span {span},responses:{session},code:15", *f"Text:{answer.text}".split("\n")]
        if not answer.supported:
            return ["USSD send failed"]
        text = answer.text if answer.text.isascii() else answer.text.encode("utf-16-be").hex().upper()
        return f"USSD Message: {text}".split("\n")

    def _send(self, span: str, to: str, text: str, ident: str) -> list[str]:
        line = self._line(span)
        if line is None:
            return [f"No GSM running on span {span}: error"]

        def done(how: Submitted) -> None:
            if "outcome" not in self._box.habits.muted:
                self._box.tell(update_event(ident, line.sim.operator.smsc, sent=how.error is None))

        if self._box.hurried(line):
            self._box.timers.after(0, lambda: done(Submitted(TOO_SOON)))
        else:
            line.submit(to, text, done)
        return []

    async def _send_sync(self, span: str, to: str, text: str) -> list[str]:
        line = self._line(span)
        if line is None:
            return [f"No GSM running on span {span}"]
        outcome: asyncio.Future[Submitted] = asyncio.get_running_loop().create_future()

        def done(how: Submitted) -> None:
            if not outcome.done():
                outcome.set_result(how)

        line.submit(to, _unescaped(text), done)
        try:
            how = await asyncio.wait_for(outcome, self._box.habits.sync_s)
        except TimeoutError:
            return [f"[SPAN:{span}] SEND SMS TIMEOUT"]
        result = "WAS SUCCESSFULLY" if how.error is None else "WAS USING" if how.error == IN_USE else "WAS FAILED"
        return [f"[SPAN:{span}] SEND SMS {result}"]

    async def _send_part(self, span: str, to: str, text: str, part: tuple[str, str, str]) -> list[str]:
        """Lines take whole texts, so the parts wait here for the last; that one tells how it went."""
        whole = self._box.join((span, to, *part[:2]), part[2], text)
        if whole is None:
            return [f"[SPAN:{span}] SEND SMS WAS SUCCESSFULLY"]
        return await self._send_sync(span, to, whole)

    def _respond(self, name: str, headers: dict[str, str], *lines: str) -> None:
        self._write("".join(f"{line}\r\n" for line in (f"Response: {name}", *self._id(headers), *lines, "")))

    def _follows(self, headers: dict[str, str], output: list[str]) -> None:
        privilege = "SMSCommand" if self._box.habits.family == "yeastar" else "Command"
        head = "".join(f"{line}\r\n" for line in ("Response: Follows", f"Privilege: {privilege}", *self._id(headers)))
        half = len(output) // 2
        self._write(head + "".join(f"{line}\n" for line in output[:half]))
        self._flush()
        self._write("".join(f"{line}\n" for line in output[half:]) + "--END COMMAND--\r\n\r\n")

    def _id(self, headers: dict[str, str]) -> list[str]:
        known = self._box.habits.echo_ids and "actionid" in headers
        return [f"ActionID: {headers['actionid']}"] if known else []

    def _flush(self) -> None:
        events, self._waiting = self._waiting, []
        for event in events:
            self._write(event)

    def _write(self, text: str) -> None:
        if self._writer.is_closing():
            return
        octets, size = text.encode("utf-8", "replace"), self._box.habits.split_bytes
        for at in range(0, len(octets), size or len(octets) or 1):
            self._writer.write(octets[at : at + size] if size else octets)


def _unescaped(text: str) -> str:
    """Backslashes that the command line left: `\\n` is a line end, the rest stand for what follows them."""
    return re.sub(r"\\(.)", lambda found: "\n" if found[1] == "n" else found[1], text)
