"""USSD and commands on a GoIP line."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from edge_agent.contracts import UssdReply, UssdState
from edge_agent.drivers.gateway import goip_codec
from edge_agent.drivers.gateway.goip_codec import Answer
from edge_agent.drivers.gateway.goip_line import GoipLine
from edge_agent.drivers.gateway.goip_sms import TRIES
from edge_agent.drivers.gateway.goip_socket import GoipSocket
from edge_agent.drivers.gateway.goip_times import GoipTimes
from edge_agent.drivers.gateway.ussd_answers import SessionGuess, answered, begins_session, check_code
from telecore.errors import Busy, DeviceRefused, TimedOut
from telecore.ussd import clean

EXIT = "USSDEXIT"


class GoipUssd:
    """A UssdService: one request at a time. The box does not tell how a session stands: its text decides."""

    def __init__(self, socket: GoipSocket, line: GoipLine, times: GoipTimes) -> None:
        self._socket = socket
        self._line = line
        self._times = times
        self._cancelled: asyncio.Event | None = None
        self._session = SessionGuess(asyncio.get_running_loop().time)

    async def request(self, code: str) -> UssdReply:
        """Send a code, or the reply to a menu. It is said once only: a voucher must not be used twice.

        Raises Busy, InvalidRequest, NoNetwork, DeviceRefused.
        """
        check_code(code)
        if self._cancelled is not None:
            raise Busy("a USSD request is under way")
        cancelled = self._cancelled = asyncio.Event()
        try:
            if self._session.may_be_open and begins_session(code):
                with suppress(TimedOut, DeviceRefused):
                    await self._exit()
            if cancelled.is_set():  # called off before it was said
                return UssdReply(UssdState.RELEASED, "")
            reply = await self._ask(code, cancelled)
            if reply.state in (UssdState.REPLY_WANTED, UssdState.DONE):
                self._session.answered()
            return reply
        finally:
            self._cancelled = None

    async def cancel(self) -> None:
        """End the session; who waits for its answer gets ``released``. Raises TimedOut, NoNetwork."""
        if self._cancelled is not None:
            self._cancelled.set()
        with suppress(DeviceRefused):  # there was none
            await self._exit()

    async def _exit(self) -> None:
        self._session.ended()
        await run_command(self._socket, self._line, self._times, EXIT)

    async def _ask(self, code: str, cancelled: asyncio.Event) -> UssdReply:
        with self._socket.dialogue() as (sendid, answers):
            try:
                datagram = goip_codec.ussd(sendid, self._line.password, code)
            except ValueError as error:
                raise DeviceRefused("error", None, str(error)) from error
            self._socket.send(datagram, self._line.address)
            answered = asyncio.ensure_future(answers.get())
            stopped = asyncio.ensure_future(cancelled.wait())
            try:
                await asyncio.wait({answered, stopped}, timeout=self._times.ussd_s, return_when=asyncio.FIRST_COMPLETED)
                if answered.done():
                    return _reply(answered.result())
                state = UssdState.RELEASED if stopped.done() else UssdState.TIMEOUT
            finally:
                answered.cancel()
                stopped.cancel()
        if state is UssdState.TIMEOUT:
            with suppress(TimedOut, DeviceRefused):
                await self._exit()
        return UssdReply(state, "")


def _reply(answer: Answer) -> UssdReply:
    if answer.failed:
        raise DeviceRefused("error", None, clean(answer.rest)[:160])
    if answer.verb == EXIT:
        return UssdReply(UssdState.RELEASED, clean(answer.rest))
    return answered(answer.rest)


async def run_command(socket: GoipSocket, line: GoipLine, times: GoipTimes, name: str) -> str:
    """Have the line do something that may be said more than once; what it answers.

    Raises DeviceRefused, NoNetwork, and TimedOut when it is silent.
    """
    with socket.dialogue() as (sendid, answers):
        try:
            datagram = goip_codec.command(name, sendid, line.password)
        except ValueError as error:
            raise DeviceRefused("error", None, str(error)) from error
        for _ in range(TRIES):
            socket.send(datagram, line.address)
            with suppress(TimeoutError):
                async with asyncio.timeout(times.repeat_s):
                    answer = await answers.get()
                if answer.failed:
                    raise DeviceRefused("error", None, f"{name}: {answer.rest.strip()[:80]}")
                return answer.rest.strip()
    raise TimedOut(f"{line.line.name} does not answer {name}")
