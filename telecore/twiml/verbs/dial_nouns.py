"""Whom a <Dial> calls: <Number>, <Sip>, <Client>."""

from __future__ import annotations

from telecore.errors import InvalidTwiml
from telecore.ids import CLIENT
from telecore.twiml.attributes import Attributes, refuse_children
from telecore.twiml.control import DialTarget
from telecore.twiml.machine import machine_spec
from telecore.twiml.nodes import SCHEMA, Node, Reading

MAX_TARGETS = 10
MAX_PARAMETER = 500
MAX_PARAMETERS = 32
CALL_EVENTS = ("initiated", "ringing", "answered", "completed")
_KEYS = frozenset("0123456789*#ABCDwW")


def read_targets(node: Node, reading: Reading) -> tuple[DialTarget, ...]:
    """Raises InvalidTwiml for nobody, too many, and elements that cannot be dialled from here."""
    targets = [_target(child, reading) for child in node.children]
    text = node.text.strip()
    if text and not targets:
        targets = [DialTarget(_digits(text))]
    if not targets:
        raise InvalidTwiml("<Dial> names nobody to call", code=13224, line=node.line)
    if len(targets) > MAX_TARGETS:
        code = 13250 if any(target.kind == "sip" for target in targets) else 12200
        raise InvalidTwiml(f"<Dial> names more than {MAX_TARGETS} parties", code=code, line=node.line)
    return tuple(targets)


def _target(node: Node, reading: Reading) -> DialTarget:
    if node.name == "Number":
        return _number(node, reading)
    if node.name == "Sip":
        return _sip(node, reading)
    if node.name == "Client":
        return _client(node, reading)
    raise InvalidTwiml(f"<{node.name}> within <Dial> cannot be reached from here", code=13215, line=node.line)


def _number(node: Node, reading: Reading) -> DialTarget:
    attributes = Attributes(node, reading)
    target = DialTarget(
        number=_digits(node.text.strip()),
        url=attributes.url("url") or None,
        method=attributes.method(code=13221),
        send_digits=_send_digits(attributes, node, reading, 13222),
        status_callback=attributes.url("statusCallback"),
        status_callback_method=attributes.method("statusCallbackMethod"),
        status_callback_events=attributes.words("statusCallbackEvent", ("completed",), CALL_EVENTS),
        machine=machine_spec(attributes),
        machine_callback=attributes.url("amdStatusCallback"),
        machine_callback_method=attributes.method("amdStatusCallbackMethod"),
    )
    _close(attributes, node, reading, ignored=("byoc", "phoneNumberType"))
    return target


def _sip(node: Node, reading: Reading) -> DialTarget:
    """What stands in the URI is judged where it is routed: the other targets are called all the same."""
    attributes = Attributes(node, reading)
    target = DialTarget(
        number=node.text.strip(),
        url=attributes.url("url") or None,
        method=attributes.method(code=13241),
        send_digits=_send_digits(attributes, node, reading, 13242),
        status_callback=attributes.url("statusCallback"),
        status_callback_method=attributes.method("statusCallbackMethod"),
        status_callback_events=attributes.words("statusCallbackEvent", ("completed",), CALL_EVENTS),
        machine=machine_spec(attributes),
        machine_callback=attributes.url("amdStatusCallback"),
        machine_callback_method=attributes.method("amdStatusCallbackMethod"),
        kind="sip",
        username=attributes.text("username"),
        password=attributes.text("password"),
    )
    _close(attributes, node, reading)
    return target


def _client(node: Node, reading: Reading) -> DialTarget:
    """A browser, by its identity: the text, or ``<Identity>`` beside ``<Parameter>``."""
    attributes = Attributes(node, reading)
    named = [child for child in node.children if child.name == "Identity"]
    target = DialTarget(
        number=CLIENT + (named[0].text if named else node.text).strip(),
        url=attributes.url("url") or None,
        method=attributes.method(),
        status_callback=attributes.url("statusCallback"),
        status_callback_method=attributes.method("statusCallbackMethod"),
        status_callback_events=attributes.words("statusCallbackEvent", ("completed",), CALL_EVENTS),
        kind="client",
        parameters=_parameters(node, reading),
    )
    attributes.close()
    return target


def _parameters(node: Node, reading: Reading) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in node.children:
        if child.name == "Parameter":
            attributes = Attributes(child, reading)
            name, value = attributes.text("name"), attributes.text("value")
            attributes.close()
            if name and len(name) + len(value) <= MAX_PARAMETER and len(found) < MAX_PARAMETERS:
                found[name] = value
            else:
                limit = f"needs a name, and at most {MAX_PARAMETER} characters with its value; left out"
                reading.warn(SCHEMA, f"<Parameter> {limit}", child)
        elif child.name != "Identity":
            reading.warn(13215, f"<{child.name}> is not allowed within <Client> and was left out", child)
    return found


def _close(attributes: Attributes, node: Node, reading: Reading, *, ignored: tuple[str, ...] = ()) -> None:
    attributes.close(ignored=ignored)
    refuse_children(node, reading, 13215)


def _send_digits(attributes: Attributes, node: Node, reading: Reading, code: int) -> str:
    digits = attributes.text("sendDigits")
    if set(digits) <= _KEYS:
        return digits
    text = f"<{node.name}> sendDigits may hold 0-9, *, #, A-D, w and W only; left out"
    reading.warn(code, text, node)
    return ""


def _digits(text: str) -> str:
    """A number as people write it, without what they put between the digits."""
    return "".join(c for c in text if c not in " -().\t\r\n")
