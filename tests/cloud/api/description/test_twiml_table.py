"""The table of TwiML against what the readers ask for and what Twilio's own builder can write."""

from __future__ import annotations

from collections import defaultdict

import pytest

from cloud.api.description.twiml import ELEMENTS, UNKNOWN
from cloud.api.description.twiml_model import Element
from telecore.errors import InvalidTwiml
from telecore.twiml import document, messaging
from telecore.twiml.attributes import Attributes
from telecore.twiml.nodes import TwimlWarning
from tests.fakes.official_client import elements

URL = "https://app.example/voice"
RUN = [element for element in ELEMENTS if element.runs]
LEFT_OUT = [element for element in ELEMENTS if not element.runs]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[str]]:
    """Name of an element → the attributes that its reader asked for, or lets be there without a warning."""
    found: dict[str, set[str]] = defaultdict(set)
    text, given = Attributes.text, Attributes.given

    def reading_text(self: Attributes, name: str, default: str = "") -> str:
        found[self._node.name].add(name)
        return text(self, name, default)

    def reading_given(self: Attributes, name: str) -> bool:
        found[self._node.name].add(name)
        return given(self, name)

    monkeypatch.setattr(Attributes, "text", reading_text)
    monkeypatch.setattr(Attributes, "given", reading_given)
    return found


def read(element: Element) -> tuple[TwimlWarning, ...]:
    if element.messaging:
        return messaging.read_messaging(element.document, URL).warnings
    return document.read_voice(element.document, URL).warnings


@pytest.mark.parametrize("element", RUN, ids=lambda element: element.title)
def test_a_reader_asks_for_what_is_described(element: Element, asked: dict[str, set[str]]) -> None:
    assert read(element) == ()
    known = {attribute.name for attribute in element.attributes if attribute.known}
    assert asked[element.name] == known


@pytest.mark.parametrize("element", LEFT_OUT, ids=lambda element: element.title)
def test_what_is_not_done_is_never_silent(element: Element) -> None:
    """Refused, or left out with a warning: either way the customer reads its name."""
    told: list[str] = []
    try:
        told += [warning.text for warning in read(element)]
    except InvalidTwiml as error:
        told.append(error.message)
    assert any(element.name in text for text in told)


def test_every_verb_that_can_be_read_is_described() -> None:
    from telecore.twiml.verbs import READERS

    assert set(READERS) == {e.name for e in ELEMENTS if e.runs and not e.within and not e.messaging}
    assert set(messaging.READERS) == {e.name for e in ELEMENTS if e.runs and not e.within and e.messaging}


@pytest.mark.parametrize("kind", ["voice", "messaging"])
def test_what_the_official_builder_can_write_is_described(kind: str) -> None:
    described = {(e.name): {a.name for a in e.attributes} for e in ELEMENTS if e.messaging == (kind == "messaging")}
    missing = {
        f"<{name}> {attribute}"
        for name, attributes in elements(kind).items()
        if name in described and any(e.name == name and e.runs for e in ELEMENTS)
        for attribute in attributes - described[name]
    }
    assert missing == set()
    assert set(elements(kind)) - set(described) - set(UNKNOWN) == set()
    assert not set(UNKNOWN) & {e.name for e in ELEMENTS}, "described after all"
