"""Which voice of ours speaks for the voice and language that a document names."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

DEFAULT_LANGUAGE = "en-US"
UNKNOWN_VOICE = 13511
UNKNOWN_LANGUAGE = 13512

_GENERIC = {"man": False, "woman": True, "alice": True, "default": False}
_FEMALE = "+f3"
"""espeak-ng makes a woman's voice by a variant of any language's."""

_ALIASES = {
    "zh": "cmn", "zh-cn": "cmn", "zh-tw": "cmn", "zh-hk": "yue", "cmn-cn": "cmn", "yue-cn": "yue", "no": "nb",
    "en": "en-us", "en-au": "en-gb", "en-nz": "en-gb", "en-ie": "en-gb", "en-in": "en-gb", "en-za": "en-gb",
    "en-gb-wls": "en-gb", "fr": "fr-fr", "fr-ca": "fr-fr", "es-mx": "es-419", "es-us": "es-419", "es-ar": "es-419",
    "pt-pt": "pt", "arb": "ar", "fil": "id", "tl": "id",
}  # fmt: skip

_POLLY: dict[str, tuple[str, bool]] = {
    name: (language, female)
    for language, women, men in (
        ("arb", "Zeina", ""),
        ("ar-AE", "Hala", "Zayd"),
        ("cmn-CN", "Zhiyu", ""),
        ("yue-CN", "Hiujin", ""),
        ("ca-ES", "Arlet", ""),
        ("cs-CZ", "Jitka", ""),
        ("da-DK", "Naja Sofie", "Mads"),
        ("nl-NL", "Lotte Laura", "Ruben"),
        ("nl-BE", "Lisa", ""),
        ("en-AU", "Nicole Olivia", "Russell"),
        ("en-GB", "Amy Emma", "Brian Arthur"),
        ("en-GB-WLS", "", "Geraint"),
        ("en-IE", "Niamh", ""),
        ("en-IN", "Aditi Raveena Kajal", ""),
        ("en-NZ", "Aria", ""),
        ("en-US", "Joanna Kendra Kimberly Salli Ivy Danielle Ruth", "Joey Justin Matthew Kevin Gregory Stephen"),
        ("en-ZA", "Ayanda", ""),
        ("fi-FI", "Suvi", ""),
        ("fr-BE", "Isabelle", ""),
        ("fr-CA", "Chantal Gabrielle", "Liam"),
        ("fr-FR", "Celine Lea", "Mathieu Remi"),
        ("de-AT", "Hannah", ""),
        ("de-CH", "Sabrina", ""),
        ("de-DE", "Marlene Vicki", "Hans Daniel"),
        ("hi-IN", "", ""),
        ("is-IS", "Dora", "Karl"),
        ("it-IT", "Carla Bianca", "Giorgio Adriano"),
        ("ja-JP", "Mizuki Kazuha Tomoko", "Takumi"),
        ("ko-KR", "Seoyeon Jihye", ""),
        ("nb-NO", "Liv Ida", ""),
        ("pl-PL", "Ewa Maja Ola", "Jacek Jan"),
        ("pt-BR", "Vitoria Camila", "Ricardo Thiago"),
        ("pt-PT", "Ines", "Cristiano"),
        ("ro-RO", "Carmen", ""),
        ("ru-RU", "Tatyana", "Maxim"),
        ("es-ES", "Conchita Lucia", "Enrique Sergio"),
        ("es-MX", "Mia", "Andres"),
        ("es-US", "Penelope Lupe", "Miguel Pedro"),
        ("sv-SE", "Astrid Elin", ""),
        ("tr-TR", "Filiz Burcu", ""),
        ("cy-GB", "Gwyneth", ""),
    )
    for names, female in ((women, True), (men, False))
    for name in names.split()
}
"""Amazon Polly's names, which Twilio's documents use: the language each speaks, and whether a woman does."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """``voice`` is espeak-ng's; ``warnings`` are codes of Twilio's and sentences for the debugger."""

    voice: str
    warnings: tuple[tuple[int, str], ...] = ()


def choose(voice: str | None, language: str | None, available: Collection[str]) -> Chosen:
    """Always a voice; what could not be had is told in the warnings."""
    female, spoken, known = _read_voice(voice or "default")
    wanted = language or spoken or DEFAULT_LANGUAGE
    warnings = [] if known else [(UNKNOWN_VOICE, f"the voice {voice!r} is not known; the default voice speaks")]
    found = match_language(wanted, available)
    if found is None:
        warnings.append((UNKNOWN_LANGUAGE, f"there is no voice for {wanted!r}; {DEFAULT_LANGUAGE} is spoken"))
        found = match_language(DEFAULT_LANGUAGE, available) or "en"
    return Chosen(found + (_FEMALE if female else ""), tuple(warnings))


def match_language(tag: str, available: Collection[str]) -> str | None:
    """The nearest of the available ones to a BCP 47 tag: itself, what stands for it, its first part, a sibling."""
    tag = tag.lower().replace("_", "-")
    primary = tag.partition("-")[0]
    for candidate in (tag, _ALIASES.get(tag), primary, _ALIASES.get(primary)):
        if candidate in available:
            return candidate
    siblings = sorted(name for name in available if name.partition("-")[0] == primary)
    return siblings[0] if siblings else None


def _read_voice(voice: str) -> tuple[bool, str | None, bool]:
    """Whether a woman speaks, the language the name itself implies, and whether the name is known."""
    if voice.lower() in _GENERIC:
        return _GENERIC[voice.lower()], None, True
    vendor, _, name = voice.partition(".")
    if vendor == "Polly":
        bare = name.removesuffix("-Neural").removesuffix("-Generative")
        language, female = _POLLY.get(bare, (None, True))
        return female, language, language is not None
    if vendor == "Google":  # Google.en-US-Standard-C: the language is the first two parts; odd letters are women
        parts = name.split("-")
        return parts[-1] in {"A", "C", "E", "F", "G", "H"}, "-".join(parts[:2]), len(parts) >= 3
    return False, None, False
