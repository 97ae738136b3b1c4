"""Numbers, dates and spelling made into words."""

from __future__ import annotations

import pytest

from telecore.twiml.say_as import ordinal, say_as
from telecore.twiml.ssml import Break, SayAs, plain


@pytest.mark.parametrize(
    ("kind", "text", "form", "language", "said"),
    [
        ("ordinal", "12", "", "en-US", "12th"),
        ("ordinal", "1,021", "", "en-GB", "1021st"),
        ("ordinal", "113", "", "en", "113th"),
        ("ordinal", "3", "", "es-ES", "3º"),
        ("cardinal", "12,345", "", "en-US", "12345"),
        ("number", "12,5", "", "fr-FR", "12,5"),
        ("fraction", "3/20", "", "en-US", "3 20ths"),
        ("fraction", "1/2", "", "en-US", "1 half"),
        ("fraction", "2 3/4", "", "en-US", "2 and 3 quarters"),
        ("fraction", "3/20", "", "fr-FR", "3 sur 20"),
        ("unit", "5mi", "", "en-US", "5 miles"),
        ("unit", "1 ft", "", "en-US", "1 foot"),
        ("unit", "60mph", "", "en-US", "60 miles per hour"),
        ("unit", "6 feet", "", "en-US", None),
        ("date", "12/25/2020", "mdy", "en-US", "December 25th 2020"),
        ("date", "25.12.2020", "dmy", "en-US", "December 25th 2020"),
        ("date", "2020-12-25", "", "en-US", "December 25th 2020"),
        ("date", "20201225", "yyyymmdd", "en-US", "December 25th 2020"),
        ("date", "????0325", "yyyymmdd", "en-US", None),
        ("date", "25/12", "dm", "es-ES", "25 de diciembre"),
        ("date", "1/2/2021", "dmy", "fr-FR", "1er février 2021"),
        ("date", "25/12/2020", "dmy", "sw", "25 Desemba 2020"),
        ("date", "7/2020", "my", "pt-BR", "julho de 2020"),
        ("date", "25/12/2020", "mdy", "en-US", None),
        ("date", "tomorrow", "dmy", "en-US", None),
        ("time", "1'21\"", "", "en-US", "1 minute 21 seconds"),
        ("time", "2:30pm", "", "en-US", "2:30pm"),
        ("address", "12 High St", "", "en-US", "12 High St"),
    ],
)
def test_words(kind, text, form, language, said):
    """None: it is spoken as it stands, and why is told."""
    made = say_as(SayAs(kind, text, form), language)
    assert plain(made.speech) == (said or text)
    assert bool(made.problem) is (said is None)


def test_what_another_language_lacks_is_told():
    assert say_as(SayAs("date", "25/12/2020", "dmy"), "km").problem
    assert say_as(SayAs("ordinal", "3"), "km").problem
    assert say_as(SayAs("fraction", "1/3"), "km").problem
    assert say_as(SayAs("expletive", "damn"), "en").problem


def test_a_telephone_number_keeps_its_pauses():
    assert say_as(SayAs("telephone", "+1 (555) 123"), "en").speech == (
        SayAs("digits", "+"), Break(250), SayAs("digits", "1"), Break(250), SayAs("digits", "555"), Break(250),
        SayAs("digits", "123"),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("number", "said"), [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (12, "12th"), (22, "22nd")]
)
def test_english_ordinals(number, said):
    assert ordinal(number, "en") == said
