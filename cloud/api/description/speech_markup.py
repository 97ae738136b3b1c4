"""The elements of speech markup within <Say>."""

from __future__ import annotations

from cloud.api.description.model import SAME, Standing, differs
from cloud.api.description.twiml_model import Element, attrs

_READ = differs("read as its words stand; a warning says so (13520)")


def _within_say(name: str, *names: str, written: str, standing: Standing = SAME, runs: bool = True) -> Element:
    return Element(
        name, attrs(*names), standing, within="Say", runs=runs, example=f"<Say>a <{name} {written}>b</{name}></Say>"
    )


SPEECH_MARKUP: tuple[Element, ...] = (
    _within_say("break", "strength", "time", written='time="1s"', standing=differs("10 s at most")),
    _within_say("emphasis", "level", written='level="strong"'),
    _within_say(
        "lang", "xml:lang", written='xml:lang="fr-FR"',
        standing=differs("where the engine has the language; else a warning (13520)"),
    ),
    _within_say("p", written=""),
    _within_say(
        "phoneme", "alphabet", "ph", written='alphabet="ipa" ph="b"',
        standing=differs("sounds that espeak-ng knows; else a warning (13520)"),
    ),
    _within_say("prosody", "volume", "rate", "pitch", written='rate="slow"'),
    _within_say("s", written=""),
    _within_say(
        "say-as", "interpret-as", "format", written='interpret-as="ordinal"',
        standing=differs("dates and ordinals in some languages, expletives as silence; a warning for the rest (13520)"),
    ),
    _within_say("sub", "alias", written='alias="c"'),
    _within_say("w", "role", written='role="amazon:VB"', standing=_READ, runs=False),
    _within_say("amazon:effect", "name", written='name="whispered"', standing=_READ, runs=False),
)  # fmt: skip
