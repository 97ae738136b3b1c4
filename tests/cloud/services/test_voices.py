from __future__ import annotations

import pytest

from cloud.services.voices import Wanted, match_language, same_language, wanted

HERE = frozenset(
    {"en-us", "en-gb", "fr-fr", "fr-be", "es", "es-419", "cmn", "yue", "vi", "pt", "pt-br", "th", "km", "nb", "de"}
)


@pytest.mark.parametrize(
    ("tag", "voice"),
    [
        ("en-US", "en-us"),
        ("en", "en-us"),
        ("en-AU", "en-gb"),
        ("en-XX", "en-us"),
        ("fr", "fr-fr"),
        ("fr-CA", "fr-fr"),
        ("fr-BE", "fr-be"),
        ("es-ES", "es"),
        ("es-MX", "es-419"),
        ("zh-CN", "cmn"),
        ("zh_HK", "yue"),
        ("pt-BR", "pt-br"),
        ("km-KH", "km"),
        ("km", "km"),
        ("no-NO", "nb"),
        ("lo", None),
        ("", None),
    ],
)
def test_nearest_language(tag, voice):
    assert match_language(tag, HERE) == voice


@pytest.mark.parametrize(
    ("voice", "language", "speaks", "female"),
    [
        (None, None, "en-US", False),
        ("man", "fr-FR", "fr-FR", False),
        ("woman", "fr-FR", "fr-FR", True),
        ("alice", None, "en-US", True),
        ("Polly.Joanna", None, "en-US", True),
        ("Polly.Matthew-Neural", None, "en-US", False),
        ("Polly.Danielle-Generative", None, "en-US", True),
        ("Polly.Gregory-Long-Form", None, "en-US", False),
        ("Polly.Lucia", None, "es-ES", True),
        ("Polly.Lucia", "es-MX", "es-MX", True),
        ("Google.pt-BR-Standard-A", None, "pt-BR", True),
        ("Google.de-DE-Wavenet-B", None, "de-DE", False),
        ("Google.en-US-Standard-A", None, "en-US", False),
        ("Google.en-US-Chirp3-HD-Aoede", None, "en-US", True),
        ("Google.en-US-Chirp3-HD-Puck", None, "en-US", False),
    ],
)
def test_voices_of_twilios_documents(voice, language, speaks, female):
    assert wanted(voice, language) == Wanted(speaks, female, voice or "")


def test_an_unknown_voice_is_told_and_replaced():
    assert wanted("Polly.Nobody", None).language == "en-US"
    for voice in ("Polly.Nobody", "loud", "Google.en"):
        assert [code for code, _ in wanted(voice, None).warnings] == [13511]


@pytest.mark.parametrize(
    ("one", "other", "same"), [("fr-FR", "fr-fr", True), ("en", "en-gb", True), ("es", "fr", False)]
)
def test_same_language(one, other, same):
    assert same_language(one, other) is same
