"""Gateways that take a text as a whole, and cut it into segments themselves."""

from __future__ import annotations

from edge_agent.contracts import OutboundSms
from telecore.errors import InvalidRequest, OutcomeUnknown


def check_whole(sms: OutboundSms, first: int) -> None:
    """``first``: as in ``SmsService.submit``. Raises InvalidRequest for what such a box has no word for, and
    OutcomeUnknown for a text of which a part went out before: its other segments alone cannot be sent.
    """
    if sms.flash or sms.port is not None:
        raise InvalidRequest("this gateway sends neither flash messages nor data to a port", field="Body")
    if first:
        raise OutcomeUnknown("a part of it went out, and this gateway sends a text only whole")
