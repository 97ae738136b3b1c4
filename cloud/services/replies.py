"""What an application answers to a message: its document fetched, followed, and judged reply by reply."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from cloud.services.cookies import Cookies
from cloud.services.documents import Documents, NoDocument
from cloud.services.webhooks import WebhookRequest
from cloud.store.records import Hook
from telecore.errors import InvalidTwiml
from telecore.ids import new_id
from telecore.numbers import is_e164, is_short_code
from telecore.twiml.messaging import MAX_MESSAGES, MessageReply
from telecore.twiml.nodes import TwimlWarning

MAX_DOCUMENTS = 50
TOO_MANY_DOCUMENTS = 14106
TOO_MANY_BETWEEN = 14107
TOO_MANY_REPLIES = 14109
INVALID_TO = 14101
INVALID_FROM = 14102
INVALID_BODY = 14103
MAX_BODY = 1600
_PAIRS = 10_000


@dataclass(frozen=True, slots=True)
class Answer:
    """All that is to be sent."""

    replies: tuple[MessageReply, ...]
    warnings: tuple[TwimlWarning, ...] = ()


async def read_answer(
    documents: Documents, ask: WebhookRequest, fallback: Hook, subject: str, cookies: Cookies
) -> Answer | NoDocument:
    """Fetch the document and follow its redirects. Raises InvalidTwiml for one that leads round and round."""
    replies: list[MessageReply] = []
    warnings: list[TwimlWarning] = []
    for _ in range(MAX_DOCUMENTS):
        document = await documents.messaging(ask, fallback, subject, cookies)
        if isinstance(document, NoDocument):
            return document
        warnings += document.warnings
        replies += [reply for reply in document.replies if isinstance(reply, MessageReply)]
        if len(replies) > MAX_MESSAGES:
            raise InvalidTwiml(f"A reply may hold {MAX_MESSAGES} messages at most", code=TOO_MANY_REPLIES)
        onward = next((reply for reply in document.replies if not isinstance(reply, MessageReply)), None)
        if onward is None:
            return Answer(tuple(replies), tuple(warnings))
        ask = replace(ask, url=onward.url, method=onward.method, token=new_id())
    raise InvalidTwiml(f"More than {MAX_DOCUMENTS} documents in answer to one message", code=TOO_MANY_DOCUMENTS)


def fault_of(reply: MessageReply) -> tuple[int, str] | None:
    """Why this one cannot be sent, with Twilio's code."""
    if not (is_e164(reply.to) or is_short_code(reply.to)):
        return INVALID_TO, "<Message> goes to something that is no number, as an alphanumeric sender is"
    if len(reply.body.encode("utf-16-le", "replace")) // 2 > MAX_BODY:
        return INVALID_BODY, f"<Message> holds more than {MAX_BODY} characters"
    return None


class LoopGuard:
    """Two machines that answer each other would never stop: so many replies between a pair within a while."""

    def __init__(self, now: Callable[[], float], limit: int = 15, within_s: float = 30.0) -> None:
        self._now = now
        self._limit = limit
        self._within_s = within_s
        self._moments: OrderedDict[tuple[str, str], deque[float]] = OrderedDict()

    def allows(self, sender: str, recipient: str) -> bool:
        """Count one reply, unless it is one too many."""
        moments = self._moments.setdefault((sender, recipient), deque())
        self._moments.move_to_end((sender, recipient))
        while len(self._moments) > _PAIRS:
            self._moments.popitem(last=False)
        while moments and self._now() - moments[0] > self._within_s:
            moments.popleft()
        if len(moments) >= self._limit:
            return False
        moments.append(self._now())
        return True
