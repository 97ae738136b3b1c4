from __future__ import annotations

import pytest

from cloud.services.voices import choose, match_language

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
    ("voice", "language", "chosen"),
    [
        (None, None, "en-us"),
        ("man", "fr-FR", "fr-fr"),
        ("woman", "fr-FR", "fr-fr+f3"),
        ("alice", None, "en-us+f3"),
        ("Polly.Joanna", None, "en-us+f3"),
        ("Polly.Matthew-Neural", None, "en-us"),
        ("Polly.Lucia", None, "es+f3"),
        ("Polly.Lucia", "es-MX", "es-419+f3"),
        ("Google.pt-BR-Standard-A", None, "pt-br+f3"),
        ("Google.de-DE-Wavenet-B", None, "de"),
    ],
)
def test_voices_of_twilios_documents(voice, language, chosen):
    assert choose(voice, language, HERE).voice == chosen
    assert not choose(voice, language, HERE).warnings


def test_an_unknown_voice_and_language_are_told_and_replaced():
    chosen = choose("Polly.Nobody", "tlh", HERE)
    assert chosen.voice == "en-us+f3"
    assert [code for code, _ in chosen.warnings] == [13511, 13512]
    assert choose("loud", None, HERE).warnings[0][0] == 13511
    assert choose(None, "lo-LA", HERE).warnings[0][0] == 13512
