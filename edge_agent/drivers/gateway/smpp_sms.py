"""SMS over a bound session: an SmsService with a window."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from edge_agent.contracts import OnSegment, OutboundSms, SubmitRef
from edge_agent.drivers.gateway.smpp_connection import SmppConnection
from edge_agent.drivers.gateway.smpp_link import Answered
from edge_agent.drivers.gateway.smpp_pace import Pace
from edge_agent.drivers.gateway.smpp_pdu import ShortMessage, describe
from edge_agent.drivers.gateway.smpp_receipts import id_of_response
from edge_agent.drivers.gateway.smpp_settings import SmppSettings
from edge_agent.drivers.gateway.smpp_text import count_messages, count_sms, messages_of
from telecore.errors import DeviceRefused, LocalProtocolError, OutcomeUnknown

log = logging.getLogger(__name__)

NEAR_S = 0.02
AHEAD = 12
"""Next to an SMSC that answers at once the disk is the slow part: then so many windows are begun at a time, so that
each commit is shared by many. A far one would gain nothing, and a crash leave more messages in doubt."""
_BAD_VALIDITY = (0x61, 0x62)


class SmppSms:
    """An SmsService on the connection that transmits. ``wall`` is for validity periods."""

    def __init__(
        self, connection: SmppConnection, settings: SmppSettings, pace: Pace, wall: Callable[[], datetime]
    ) -> None:
        self._connection = connection
        self._settings = settings
        self._pace = pace
        self._wall = wall
        self._no_validity = False

    @property
    def window(self) -> int:
        """See ``contracts.WindowedSms``."""
        most = self._settings.window * (AHEAD if self._connection.rtt_s < NEAR_S else 1)
        at_once = self._pace.at_once
        return most if at_once is None else min(most, at_once)

    def wait_s(self) -> float:
        return self._pace.wait_s(asyncio.get_running_loop().time())

    def segments(self, sms: OutboundSms) -> int:
        return count_messages(sms, self._settings)

    async def submit(self, sms: OutboundSms, first: int, on_segment: OnSegment) -> None:
        """See ``contracts.SmsService``."""
        if self._no_validity:
            sms = replace(sms, validity_s=None)
        messages = messages_of(sms, self._settings, self._wall())
        each = count_sms(sms, self._settings)
        for number in range(first, len(messages)):
            ref = await self._segment(messages[number])
            await on_segment(SubmitRef(ref, number, len(messages), each))

    async def _segment(self, message: ShortMessage) -> str:
        try:
            outcome = await self._connection.send(message)
        except LocalProtocolError as error:
            raise DeviceRefused("smpp", None, str(error)) from error
        if not isinstance(outcome, Answered):
            raise OutcomeUnknown("the SMSC did not answer submit_sm, so it may have taken it")
        if outcome.status in _BAD_VALIDITY and message.validity:
            self._no_validity = True
            log.info("the SMSC takes no validity period; it is left out from now on")
            return await self._segment(replace(message, validity=""))
        if outcome.status:
            raise DeviceRefused("smpp", outcome.status, describe(outcome.status))
        return id_of_response(outcome.message_id, self._settings.receipt_ids)
