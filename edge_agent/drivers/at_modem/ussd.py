"""USSD sessions (27.007 §7.15, 22.090)."""

from __future__ import annotations

import asyncio
import logging
import re

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


_CODE = re.compile(r'[^"\x00-\x1f\x7f]{1,182}')


class AtUssd:
    """A UssdService over one SIM: one session at a time, begun by us or by the network."""

    def __init__(self, dialogue: Dialogue, profile: AtProfile, channel: ChannelId) -> None:
        self._dialogue = dialogue
        self._profile = profile
        self._channel = channel
        self._encodings = list(profile.ussd.encodings)
        self._pending: asyncio.Future[UssdReply] | None = None
        self._unasked: asyncio.Queue[UssdReply] = asyncio.Queue(maxsize=16)

    async def request(self, code: str) -> UssdReply:
        """Send a code, or the reply to a menu.

        A network that does not answer in time gives ``UssdState.TIMEOUT``; the session is then cancelled.
        Raises Busy, InvalidRequest, DeviceRefused, and TimedOut when the modem itself is silent.
        """
        if not _CODE.fullmatch(code):
            raise InvalidRequest("a USSD code or reply has 1 to 182 characters, no quote and no control character")
        if self._pending is not None:
            raise Busy("a USSD request is under way")
        pending: asyncio.Future[UssdReply] = asyncio.get_running_loop().create_future()
        self._pending = pending
        try:
            await self._start(code)
            async with asyncio.timeout(self._profile.timeout("CUSD_urc")):
                return await pending
        except TimeoutError:
            await self.cancel()
            return UssdReply(UssdState.TIMEOUT, "")
        finally:
            self._pending = None

    async def cancel(self) -> None:
        """End the session. Harmless when there is none."""
        try:
            await self._dialogue.run(self._profile.ussd.cancel, Priority.USSD, timeout_s=self._profile.timeout("CUSD"))
        except (DeviceRefused, TimedOut) as error:
            log.debug("%s: cancelling USSD: %s", self._channel, error)

    def on_urc(self, urc: Urc) -> bool:
        if not urc.text.startswith("+CUSD:"):
            return False
        try:
            reply = self._reply(parse_cusd(urc.text))
        except RemoteProtocolError as error:
            log.warning("%s: %s", self._channel, error)
            return True
        if self._pending is not None and not self._pending.done():
            self._pending.set_result(reply)
        elif not self._unasked.full():
            self._unasked.put_nowait(reply)
        return True

    async def run(self, core: Core) -> None:
        """Tell the core what the network says of its own accord."""
        while True:
            await core.ussd(self._channel, await self._unasked.get())

    async def _start(self, code: str) -> None:
        for encoding in tuple(self._encodings):
            try:
                await self._start_as(code, encoding)
            except (DeviceRefused, InvalidRequest):
                if encoding is self._encodings[-1]:
                    raise
                continue
            # What this modem took once is tried first from now on.
            self._encodings.sort(key=lambda known: known is not encoding)
            return

    async def _start_as(self, code: str, encoding: UssdEncoding) -> None:
        command = self._profile.command(self._profile.ussd.start.format(code=encode_text(code, encoding)))
        async with self._dialogue.transaction(Priority.USSD) as talk:
            if encoding is not UssdEncoding.UCS2:
                await talk.command(command)
                return
            await talk.command('AT+CSCS="UCS2"')
            try:
                await talk.command(command)
            finally:
                # Left at UCS2, the next plain +CUSD, +CNUM or +COPS would be misread.
                await talk.attempt('AT+CSCS="GSM"')

    def _reply(self, cusd: Cusd) -> UssdReply:
        return UssdReply(UssdState(state_of(cusd.m).value), decode_text(cusd.text, cusd.dcs, self._encodings))
