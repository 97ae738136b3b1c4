"""TwiML in answer to an SMS: <Message> and <Redirect>."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from telecore.errors import InvalidTwiml
from telecore.twiml.attributes import Attributes, absolute, refuse_children
from telecore.twiml.nodes import SCHEMA, Node, Reading, TwimlWarning
from telecore.twiml.verbs import READERS as VOICE
from telecore.twiml.xml_text import parse

MAX_MESSAGES = 10
OF_VOICE = 14110


@dataclass(frozen=True, slots=True)
class MessageReply:
    """A message to send. Empty ``to``: whoever wrote; empty ``sender``: the number written to.

    ``action`` is told the outcome in place of ``status_callback``, as Twilio does.
    """

    body: str
    to: str = ""
    sender: str = ""
    action: str = ""
    method: str = "POST"
    status_callback: str = ""


@dataclass(frozen=True, slots=True)
class RedirectTo:
    """Go on with another document; what stands after it is not reached."""

    url: str
    method: str = "POST"


@dataclass(frozen=True, slots=True)
class MessagingDocument:
    replies: tuple[MessageReply | RedirectTo, ...]
    warnings: tuple[TwimlWarning, ...] = ()


def read_messaging(text: str, url: str) -> MessagingDocument:
    """What a messaging document asks for. Raises InvalidTwiml with Twilio's code."""
    reading = Reading(url)
    replies: list[MessageReply | RedirectTo] = []
    for node in parse(text).children:
        reader = READERS.get(node.name)
        if reader is None:
            code = OF_VOICE if node.name in VOICE else SCHEMA
            raise InvalidTwiml(f"<{node.name}> is not a verb of messaging", code=code, line=node.line)
        reply = reader(node, reading)
        if reply is not None:
            replies.append(reply)
        if isinstance(reply, RedirectTo):
            break
    if sum(isinstance(reply, MessageReply) for reply in replies) > MAX_MESSAGES:
        raise InvalidTwiml(f"A reply may hold {MAX_MESSAGES} messages at most", code=14109)
    return MessagingDocument(tuple(replies), tuple(reading.warnings))


def plain_reply(text: str) -> MessagingDocument:
    """The answer of an application that sends ``text/plain``: the text is the reply, nothing is none."""
    return MessagingDocument((MessageReply(text),) if text.strip() else ())


def _message(node: Node, reading: Reading) -> MessageReply | None:
    attributes = Attributes(node, reading)
    body = node.text.strip()
    for child in node.children:
        if child.name == "Body":
            body = child.text
        elif child.name == "Media":
            raise InvalidTwiml("<Media>: a SIM sends no MMS", code=21620, line=child.line)
        else:
            raise InvalidTwiml(f"<{child.name}> is not allowed within <Message>", code=SCHEMA, line=child.line)
    reply = _reply(body, attributes)
    attributes.close()
    return _with_body(reply, node, reading)


def _sms(node: Node, reading: Reading) -> MessageReply | None:
    """The older word for a message that is nothing but text."""
    refuse_children(node, reading)
    attributes = Attributes(node, reading)
    reply = _reply(node.text.strip(), attributes)
    attributes.close()
    return _with_body(reply, node, reading)


def _with_body(reply: MessageReply, node: Node, reading: Reading) -> MessageReply | None:
    if reply.body:
        return reply
    reading.warn(14103, f"<{node.name}> has no body and was left out", node)
    return None


def _reply(body: str, attributes: Attributes) -> MessageReply:
    return MessageReply(
        body=body,
        to=attributes.text("to").strip(),
        sender=attributes.text("from").strip(),
        action=attributes.url("action"),
        method=attributes.method(code=14104),
        status_callback=attributes.url("statusCallback", code=14105),
    )


def _redirect(node: Node, reading: Reading) -> RedirectTo:
    attributes = Attributes(node, reading)
    method = attributes.method(code=13710)
    attributes.close()
    refuse_children(node, reading)
    url = node.text.strip()
    return RedirectTo(absolute(reading, url, node) if url else reading.url, method)


READERS: Mapping[str, Callable[[Node, Reading], MessageReply | RedirectTo | None]] = {
    "Message": _message,
    "Redirect": _redirect,
    "Sms": _sms,
}
