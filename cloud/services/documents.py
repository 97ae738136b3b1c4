"""Customers' documents: fetched, judged by their type, read; from the fallback URL when that fails."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar
from urllib.parse import urldefrag

from cloud.services.cookies import Cookies
from cloud.services.debugger import Debugger
from cloud.services.webhooks import FetchedDocument, WebhookClient, WebhookFailure, WebhookRequest
from cloud.store.records import Hook
from telecore.errors import InvalidTwiml
from telecore.ids import new_id
from telecore.twiml.document import Document, read_voice
from telecore.twiml.messaging import MessagingDocument, plain_reply, read_messaging
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.say import MAX_TEXT, Say

T = TypeVar("T")

EMPTY = 11770
WRONG_TYPE = 12300
_XML = frozenset({"text/xml", "application/xml", "application/twiml+xml"})


@dataclass(frozen=True, slots=True)
class NoDocument:
    """Neither URL gave one. ``again``: the servers could not be asked, so later they may."""

    again: bool


class Documents:
    """Fetches through one client; every failure is told to the debugger."""

    def __init__(self, client: WebhookClient, debugger: Debugger) -> None:
        self._client = client
        self._debugger = debugger

    async def voice(
        self, ask: WebhookRequest, fallback: Hook, subject: str, cookies: Cookies | None = None
    ) -> Document | NoDocument:
        """What a call does next. ``subject`` is its SID."""
        return await self._with_fallback(ask, fallback, subject, read_voice_answer, cookies)

    async def messaging(
        self, ask: WebhookRequest, fallback: Hook, subject: str, cookies: Cookies | None = None
    ) -> MessagingDocument | NoDocument:
        """What to answer to a message. It is asked again later, so what fails in the same way is told once."""
        return await self._with_fallback(ask, fallback, subject, read_messaging_answer, cookies, once=True)

    async def _with_fallback(
        self,
        ask: WebhookRequest,
        fallback: Hook,
        subject: str,
        read: Callable[[FetchedDocument], T],
        cookies: Cookies | None,
        *,
        once: bool = False,
    ) -> T | NoDocument:
        first = await self._one(ask, subject, read, cookies, once)
        if not isinstance(first, WebhookFailure):
            return first
        if not fallback.url:
            return NoDocument(may_pass(first))
        told = {**ask.params, "ErrorCode": str(first.code), "ErrorUrl": urldefrag(first.url).url}
        instead = replace(ask, url=fallback.url, method=fallback.method, params=told, token=new_id())
        second = await self._one(instead, subject, read, cookies, once)
        if not isinstance(second, WebhookFailure):
            return second
        return NoDocument(may_pass(first) or may_pass(second))

    async def _one(
        self,
        ask: WebhookRequest,
        subject: str,
        read: Callable[[FetchedDocument], T],
        cookies: Cookies | None,
        once: bool,
    ) -> T | WebhookFailure:
        answer = await self._client.fetch(ask, cookies)
        if isinstance(answer, FetchedDocument):
            try:
                return read(answer)
            except InvalidTwiml as error:
                answer = WebhookFailure(error.code, error.message, ask.url, answer.status)
        where = Hook(ask.url, ask.method)
        await self._debugger.note(ask.account, subject, answer.code, answer.text, where, once=once)
        return answer


def may_pass(failure: WebhookFailure) -> bool:
    """Whether asking again later may help: nothing was answered, or the server said that it is its own fault."""
    if failure.status is None:
        return 11200 <= failure.code <= 11210
    return failure.status >= 500 or failure.status == 429


def read_voice_answer(answer: FetchedDocument) -> Document:
    """TwiML, a sound to play, or text to say. Raises InvalidTwiml."""
    if answer.content_type.startswith("audio/"):
        return Document((Play(answer.url),))
    if not answer.text.strip():
        raise InvalidTwiml("The answer is empty", code=EMPTY)
    if is_xml(answer):
        return read_voice(answer.text, answer.url)
    if answer.content_type == "text/plain":
        return Document((Say(" ".join(answer.text.split())[:MAX_TEXT]),))
    raise InvalidTwiml(f"A document of type {answer.content_type or '(none)'} cannot be run", code=WRONG_TYPE)


def read_messaging_answer(answer: FetchedDocument) -> MessagingDocument:
    """TwiML, or text that is the reply; nothing is no reply. Raises InvalidTwiml."""
    if not answer.text.strip():
        return plain_reply("")
    if is_xml(answer):
        return read_messaging(answer.text, answer.url)
    if answer.content_type == "text/plain":
        return plain_reply(answer.text)
    raise InvalidTwiml(f"A document of type {answer.content_type or '(none)'} cannot be run", code=WRONG_TYPE)


def is_xml(answer: FetchedDocument) -> bool:
    """By its type; or by its looks, since many frameworks call everything HTML and some name no type at all."""
    if answer.content_type in _XML:
        return True
    looks = answer.text.lstrip("\ufeff \t\r\n")
    return answer.content_type in {"text/html", ""} and looks.startswith(("<?xml", "<Response"))
