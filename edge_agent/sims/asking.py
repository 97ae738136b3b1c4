"""A dialogue with an operator about an account: codes and menus by USSD, requests and answers by SMS."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from edge_agent.contracts import Channel, OutboundSms, SubmitRef, UssdReply, UssdService, UssdState
from edge_agent.sims.recipe import BalanceRecipe, Step
from telecore.errors import DeviceRefused, NoNetwork, TelecoreError, TimedOut
from telecore.ids import ChannelId

log = logging.getLogger(__name__)

_CANCEL_S = 15.0
_OPEN = UssdState.REPLY_WANTED


@dataclass(slots=True)
class _Expected:
    """An answer that comes by itself. ``sender``: by SMS, from whom; empty: by USSD."""

    sender: str
    text: asyncio.Future[str]


class Asking:
    """Talks over the open channels of a site. Raises what a line raises, and TimedOut when no answer comes."""

    def __init__(self, channel: Callable[[ChannelId], Channel | None]) -> None:
        self._channel = channel
        self._expected: dict[ChannelId, _Expected] = {}

    def sms_received(self, channel: ChannelId, sender: str, body: str) -> None:
        """An SMS came; it may be the answer that is waited for."""
        self._answer(channel, body, lambda by: bool(by) and re.fullmatch(by, sender) is not None)

    def ussd_received(self, channel: ChannelId, text: str) -> None:
        """The network spoke by itself; some send the answer after an advertisement."""
        self._answer(channel, text, lambda by: not by)

    def _answer(self, channel: ChannelId, text: str, fits: Callable[[str], bool]) -> None:
        expected = self._expected.get(channel)
        if expected is not None and not expected.text.done() and fits(expected.sender):
            expected.text.set_result(text)

    async def balance(self, channel: ChannelId, recipe: BalanceRecipe) -> list[str]:
        """Do the steps; everything the operator said, the last word last."""
        # Expected before it is asked for: an SMS may be faster than the end of the USSD session.
        expected = _Expected(recipe.sender, asyncio.get_running_loop().create_future())
        self._expected[channel] = expected
        try:
            async with asyncio.timeout(recipe.timeout_s):
                said = await self._steps(channel, recipe.plan)
                if recipe.answer_via != "ussd":
                    said.append(await expected.text)
        except TimeoutError as error:
            raise TimedOut(f"no answer within {recipe.timeout_s:.0f} s") from error
        finally:
            del self._expected[channel]
            expected.text.cancel()
        return said

    async def once(self, channel: ChannelId, code: str) -> str:
        """Send one code; what was said. A session it leaves open is ended."""
        ussd = self._ussd(channel)
        reply = await _request(ussd, code)
        if reply.state is _OPEN:
            await _end(ussd)
        return reply.text

    async def _steps(self, channel: ChannelId, steps: Sequence[Step]) -> list[str]:
        said: list[str] = []
        menu: tuple[UssdService, UssdReply] | None = None
        try:
            for step in steps:
                if step.to:
                    await self._send(channel, step)
                    continue
                if menu is not None and (menu[1].state is not _OPEN or not re.search(step.when, menu[1].text)):
                    log.info("%s: the operator's menu is not the one of the recipe", channel)
                    break
                ussd = self._ussd(channel)
                menu = ussd, await _request(ussd, step.send)
                said.append(menu[1].text)
        finally:
            if menu is not None and menu[1].state is _OPEN:
                await _end(menu[0])
        return said

    async def _send(self, channel: ChannelId, step: Step) -> None:
        found = self._channel(channel)
        if found is None or found.sms is None:
            raise NoNetwork(f"{channel} takes no SMS now")
        await found.sms.submit(OutboundSms(step.to, step.send, report=False), 0, _sent)

    def _ussd(self, channel: ChannelId) -> UssdService:
        found = self._channel(channel)
        if found is None or found.ussd is None:
            raise NoNetwork(f"{channel} takes no USSD now")
        return found.ussd


async def _request(ussd: UssdService, code: str) -> UssdReply:
    reply = await ussd.request(code)
    if reply.state is UssdState.TIMEOUT:
        raise TimedOut("the network did not answer")
    if reply.state is UssdState.NOT_SUPPORTED:
        raise DeviceRefused("ussd", None, "the network does not know this code")
    return reply


async def _end(ussd: UssdService) -> None:
    with suppress(TelecoreError, TimeoutError):
        async with asyncio.timeout(_CANCEL_S):
            await ussd.cancel()


async def _sent(ref: SubmitRef) -> None:
    """No report is asked for, so there is nothing to remember."""
