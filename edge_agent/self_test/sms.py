"""The SMS of a self-test: sent with a token, known again by it wherever it arrives."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections import deque
from collections.abc import Awaitable, Callable

from edge_agent.contracts import OutboundSms, SmsPart, SmsService, SubmitRef
from edge_agent.self_test.figures import SmsFigures
from telecore.errors import TelecoreError
from telecore.ids import ChannelId

WITHIN_S = 120.0
_TEXT = re.compile(r"Simferry self-test ([0-9a-f]{12})")
_REMEMBERED = 256


class SmsTrials:
    """``is_own``: whether an address is a number of this site: one that comes after a restart has no known token."""

    def __init__(self, is_own: Callable[[str], bool], clock: Callable[[], float] = time.monotonic) -> None:
        self._is_own = is_own
        self._clock = clock
        self._tokens: deque[str] = deque(maxlen=_REMEMBERED)
        self._expected: dict[str, tuple[ChannelId, asyncio.Future[float]]] = {}

    def takes(self, part: SmsPart) -> bool:
        """Whether this is a test and nobody's message. It may be deleted: a test that is lost is no loss."""
        found = _TEXT.fullmatch(part.body)
        if found is None or part.parts > 1:
            return False
        token = found[1]
        expected = self._expected.get(token)
        if expected is not None and expected[0] == part.channel and not expected[1].done():
            expected[1].set_result(self._clock())
        return token in self._tokens or self._is_own(part.sender)

    async def run(
        self, sms: SmsService, receiver: ChannelId, to: str, sent: Callable[[], None], within_s: float = WITHIN_S
    ) -> SmsFigures:
        """Send one and wait for it. ``sent`` is told when the network has taken it."""
        token = secrets.token_hex(6)
        arrival: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._tokens.append(token)
        self._expected[token] = receiver, arrival
        began = self._clock()
        try:
            async with asyncio.timeout(within_s):
                body = f"Simferry self-test {token}"
                await sms.submit(OutboundSms(to, body, report=False), 0, _taken(sent))
                return SmsFigures(await arrival - began)
        except TimeoutError:
            return SmsFigures(problem=f"did not arrive within {within_s:.0f} s")
        except TelecoreError as error:
            return SmsFigures(problem=f"was not sent: {error}")
        finally:
            del self._expected[token]
            arrival.cancel()


def _taken(sent: Callable[[], None]) -> Callable[[SubmitRef], Awaitable[None]]:
    async def on_segment(ref: SubmitRef) -> None:
        sent()

    return on_segment
