"""Speech markup as documents write it."""

from __future__ import annotations

import pytest

from telecore import codec
from telecore.commands import RunPage
from telecore.ids import CallSid, new_sid
from telecore.twiml.document import read_voice
from telecore.twiml.ssml import Block, Break, Emphasis, InLanguage, Phoneme, Prosody, SayAs, Words, plain
from telecore.twiml.verbs.say import Say


def said(inner):
    document = read_voice(f"<Response><Say>{inner}</Say></Response>", "http://x/")
    (verb,) = document.verbs
    return verb, [warning.code for warning in document.warnings]


@pytest.mark.parametrize(
    ("inner", "piece"),
    [
        ("<break time='1.5s'/>", Break(1500)),
        ("<break time='250ms'/>", Break(250)),
        ("<break/>", Break(300)),
        ("<break strength='x-strong'/>", Break(1000)),
        ("<break strength='none'/>", Break(0)),
        ("<emphasis>b</emphasis>", Emphasis("moderate", (Words("b"),))),
        ("<emphasis level='strong'>b</emphasis>", Emphasis("strong", (Words("b"),))),
        ("<lang xml:lang='fr-FR'>b</lang>", InLanguage("fr-FR", (Words("b"),))),
        ("<p>b</p>", Block("p", (Words("b"),))),
        ("<s>b</s>", Block("s", (Words("b"),))),
        ("<prosody rate='120%'>b</prosody>", Prosody((Words("b"),), rate=1.2)),
        ("<prosody rate='-20%' pitch='+10%'>b</prosody>", Prosody((Words("b"),), rate=0.8, pitch=1.1)),
        ("<prosody pitch='x-high'>b</prosody>", Prosody((Words("b"),), pitch=1.4)),
        ("<prosody pitch='+12st'>b</prosody>", Prosody((Words("b"),), pitch=2.0)),
        ("<prosody volume='-6dB'>b</prosody>", Prosody((Words("b"),), gain_db=-6.0)),
        ("<prosody volume='silent'>b</prosody>", Prosody((Words("b"),), gain_db=-96.0)),
        ("<prosody rate='9999%'>b</prosody>", Prosody((Words("b"),), rate=3.0)),
        ("<phoneme alphabet='x-sampa' ph='pI'>b</phoneme>", Phoneme("x-sampa", "pI", "b")),
        ("<say-as interpret-as='date' format='dmy'>1/2/2020</say-as>", SayAs("date", "1/2/2020", "dmy")),
        ("<say-as interpret-as='spell-out'>abc</say-as>", SayAs("spell-out", "abc")),
        ("<sub alias='World Wide Web'>WWW</sub>", Words("World Wide Web")),
    ],
)
def test_each_element(inner, piece):
    verb, warnings = said(f"a {inner} c")
    assert verb.speech == (Words("a "), piece, Words(" c"))
    assert warnings == []


@pytest.mark.parametrize(
    "inner",
    [
        "<break time='soon'/>", "<break time='11s'/>", "<break strength='loud'/>", "<emphasis level='x'>b</emphasis>",
        "<lang>b</lang>", "<lang xml:lang='&#233;'>b</lang>", "<prosody rate='quick'>b</prosody>",
        "<prosody volume='loudest'>b</prosody>", "<prosody pitch='2st'>b</prosody>", "<phoneme>b</phoneme>",
        "<phoneme alphabet='arpabet' ph='B'>b</phoneme>", "<say-as>b</say-as>", "<say-as interpret-as='x'>b</say-as>",
        "<say-as interpret-as='date' format='xyz'>1</say-as>", "<sub>b</sub>", "<w role='amazon:VB'>b</w>",
        "<amazon:effect name='whispered'>b</amazon:effect>", "<audio src='x'>b</audio>",
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_said_plainly_and_told(inner):
    verb, warnings = said(f"a {inner} c")
    assert warnings == [13520]
    assert verb.text.split()[0] == "a"
    assert verb.text.split()[-1] == "c"


def test_plain_text_has_no_markup_and_text_keeps_its_order():
    assert said("one <![CDATA[two]]>") == (Say("one two"), [])
    verb, _ = said("one <emphasis>two <break/>three</emphasis>, four<p>five</p>six")
    assert verb.text == "one two three, four five six"
    assert plain(verb.speech) == verb.text


def test_an_attribute_that_is_not_there_is_told_with_the_code_of_the_schema():
    assert said("<break colour='red'/>a")[1] == [12200]


def test_a_say_of_nothing_but_a_pause_is_empty():
    document = read_voice("<Response><Say><break/></Say></Response>", "http://x/")
    assert document.verbs == ()


def test_markup_travels():
    verb, _ = said("a <prosody rate='slow'><say-as interpret-as='date'>1/2/2020</say-as></prosody>")
    command = RunPage(call=CallSid(new_sid("CA")), page=1, verbs=(verb,))
    assert codec.decode_command(codec.encode(command)) == command
