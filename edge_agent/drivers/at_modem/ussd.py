"""USSD sessions (27.007 §7.15, 22.090)."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import suppress

from edge_agent.contracts import Core, UssdReply, UssdState
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.engine import Urc
from edge_agent.drivers.at_modem.profile import AtProfile, UssdEncoding
from edge_agent.drivers.at_modem.replies import Cusd, parse_cusd
from edge_agent.drivers.at_modem.ussd_text import decode_text, encode_text
from telecore.errors import Busy, DeviceRefused, InvalidRequest, RemoteProtocolError, TimedOut
from telecore.ids import ChannelId
from telecore.ussd import state_of

log = logging.getLogger(__name__)

ECHO_S = 3.0
"""For so long after our own +CUSD=2 a bare "released" only says that it was heard."""

_CODE = re.compile(r'[^"\x00-\x1f\x7f]{1,182}')
_BEGINS_SESSION = re.compile(r"[*#]+\d{2,3}(?:\*.*)?#")
"""22.030 §6.5.2; anything else may be the reply to a menu."""
_FORMAT_REFUSALS = frozenset({3, 4, 24, 25, 26, 27, 50, 100, None})
"""CME codes (27.007 §9.2) that may be about how the string was written: nothing of it went to the network."""


class AtUssd:
    """A UssdService over one SIM: one session at a time, begun by us or by the network.

    ``in_call`` says whether a call is up, for modems that cannot do both.
    """

    def __init__(
        self, dialogue: Dialogue, profile: AtProfile, channel: ChannelId, in_call: Callable[[], bool] = lambda: False
    ) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._channel = channel
        self._in_call = in_call
        self._encodings = list(profile.ussd.encodings)
        self._learnt: UssdEncoding | None = None
        self._pending: asyncio.Future[UssdReply] | None = None
        self._asked = False
        self._unasked: asyncio.Queue[UssdReply] = asyncio.Queue(maxsize=16)
        self._loop = asyncio.get_running_loop()
        self._open = False
        self._echo_until = 0.0

    async def request(self, code: str) -> UssdReply:
        """Send a code, or the reply to a menu; a code ends the session that a menu left open.

        A network that does not answer in time gives ``UssdState.TIMEOUT``; the session is then cancelled.
        Raises Busy, InvalidRequest, DeviceRefused, and TimedOut when the modem itself is silent: nobody knows then
        whether the network has it.
        """
        if not _CODE.fullmatch(code):
            raise InvalidRequest("a USSD code or reply has 1 to 182 characters, no quote and no control character")
        if self._pending is not None:
            raise Busy("a USSD request is under way")
        if not self._profile.ussd.in_call and self._in_call():
            raise Busy("a call is up, and this modem takes no USSD during one")
        pending: asyncio.Future[UssdReply] = self._loop.create_future()
        self._pending, self._asked = pending, False
        try:
            if self._open and _BEGINS_SESSION.fullmatch(code):
                await self._end_session()
            await self._begin(code, pending)
            async with asyncio.timeout(self._profile.timeout("CUSD_urc")):
                return await pending
        except TimeoutError:
            with suppress(TimedOut):
                await self._end_session()
            return UssdReply(UssdState.TIMEOUT, "")
        finally:
            self._pending = None

    async def cancel(self) -> None:
        """End the session; who waits for its answer gets ``released``. Harmless when there is none.

        Raises TimedOut when the modem is silent, DeviceLost.
        """
        await self._end_session()
        if self._pending is not None and not self._pending.done():
            self._pending.set_result(UssdReply(UssdState.RELEASED, ""))

    def on_urc(self, urc: Urc) -> bool:
        if not urc.text.startswith("+CUSD:"):
            return False
        try:
            reply = self._reply(parse_cusd(urc.text))
        except RemoteProtocolError as error:
            log.warning("%s: %s", self._channel, error)
            return True
        if reply == UssdReply(UssdState.RELEASED, "") and self._loop.time() < self._echo_until:
            return True
        self._open = reply.state is UssdState.REPLY_WANTED
        # What comes before the code is out answers the session before it.
        if self._pending is not None and self._asked and not self._pending.done():
            self._pending.set_result(reply)
        elif not self._unasked.full():
            self._unasked.put_nowait(reply)
        return True

    async def run(self, core: Core) -> None:
        """Tell the core what the network says of its own accord."""
        while True:
            await core.ussd(self._channel, await self._unasked.get())

    async def _end_session(self) -> None:
        self._echo_until = self._loop.time() + ECHO_S
        try:
            await self._dialogue.run(self._profile.ussd.cancel, Priority.USSD, timeout_s=self._profile.timeout("CUSD"))
        except DeviceRefused as refusal:
            log.debug("%s: there was no USSD session to end: %s", self._channel, refusal)
        self._open = False

    async def _begin(self, code: str, pending: asyncio.Future[UssdReply]) -> None:
        before, self._open = self._open, True  # until it is known how this went, a session may be open
        try:
            if not await self._start(code, pending):
                return
        except (DeviceRefused, InvalidRequest):
            self._open = before
            raise
        except TimedOut:
            if not pending.done():  # some say OK only long after the answer, or never
                raise
        self._echo_until = 0.0

    async def _start(self, code: str, pending: asyncio.Future[UssdReply]) -> bool:
        """False: it was called off before it was sent."""
        refusal: DeviceRefused | InvalidRequest = InvalidRequest("this modem takes no USSD")
        for encoding in tuple(self._encodings):
            try:
                if not await self._start_as(code, encoding, pending):
                    return False
            except InvalidRequest as error:
                refusal = error
            except DeviceRefused as error:
                # Once a way of writing is known to be taken, a refusal is about the code: a voucher is not tried twice.
                if encoding is self._learnt or error.code not in _FORMAT_REFUSALS:
                    raise
                refusal = error
            else:
                self._learnt = self._learnt or encoding
                self._encodings.sort(key=lambda known: known is not self._learnt)
                return True
        raise refusal

    async def _start_as(self, code: str, encoding: UssdEncoding, pending: asyncio.Future[UssdReply]) -> bool:
        command = self._profile.command(self._profile.ussd.start.format(code=encode_text(code, encoding)))
        async with self._dialogue.transaction(Priority.USSD) as talk:
            if pending.done():
                return False
            self._asked = True
            if encoding is not UssdEncoding.UCS2:
                await talk.command(command)
                return True
            await talk.command('AT+CSCS="UCS2"')
            try:
                await talk.command(command)
            finally:
                # Left at UCS2, the next plain +CUSD, +CNUM or +COPS would be misread.
                await talk.attempt('AT+CSCS="GSM"')
            return True

    def _reply(self, cusd: Cusd) -> UssdReply:
        return UssdReply(UssdState(state_of(cusd.m).value), decode_text(cusd.text, cusd.dcs, self._encodings))
