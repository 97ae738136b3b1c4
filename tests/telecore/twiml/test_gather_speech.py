"""The attributes of <Gather> that are about words."""

from __future__ import annotations

import pytest

from telecore.twiml.control import SpeechSpec
from telecore.twiml.document import read_voice


def gather(attributes):
    document = read_voice(f"<Response><Gather {attributes}/></Response>", "http://x/voice")
    (verb,) = document.verbs
    return verb, [warning.code for warning in document.warnings]


def test_all_of_them():
    verb, warnings = gather(
        "input='dtmf speech' language='en-GB' hints='two tickets, one\nticket , ' speechTimeout='3' maxSpeechTime='20' "
        "partialResultCallback='/partial' partialResultCallbackMethod='GET'"
    )
    assert warnings == []
    assert verb.spec.keys
    assert verb.spec.speech == SpeechSpec("en-GB", ("two tickets", "one ticket"), 3.0, 20.0, "http://x/partial", "GET")


def test_the_defaults():
    verb, _ = gather("input='speech' timeout='7'")
    assert not verb.spec.keys
    assert verb.spec.speech == SpeechSpec(end_s=7.0)
    assert gather("input='speech' speechTimeout='auto'")[0].spec.speech.end_s is None
    assert gather("")[0].spec.speech is None


@pytest.mark.parametrize(
    "attribute",
    ["speechTimeout='soon'", "speechTimeout='0'", "maxSpeechTime='0'", "enhanced='true'", "speechModel='phone_call'",
     "profanityFilter='true'", "partialResultCallbackMethod='PUT'", f"hints='{'a' * 101}'"],
)  # fmt: skip
def test_what_has_no_effect_is_told(attribute):
    assert gather(f"input='speech' {attribute}")[1] == [12200]


@pytest.mark.parametrize("attribute", ["enhanced='false'", "profanityFilter='false'", "debug='true'"])
def test_what_changes_nothing_is_not(attribute):
    assert gather(f"input='speech' {attribute}")[1] == []


def test_five_hundred_hints():
    verb, warnings = gather(f"input='speech' hints='{','.join(['word'] * 501)}'")
    assert len(verb.spec.speech.hints) == 500
    assert warnings == [12200]
