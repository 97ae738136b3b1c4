"""What the voice and language that a document names mean: who shall speak, and in what language."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

DEFAULT_LANGUAGE = "en-US"
UNKNOWN_VOICE = 13511
UNKNOWN_LANGUAGE = 13512

_GENERIC = {"man": False, "woman": True, "alice": True, "default": False}
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
        ("en-SG", "Jasmine", ""),
        (
            "en-US",
            "Joanna Kendra Kimberly Salli Ivy Danielle Ruth Tiffany",
            "Joey Justin Matthew Kevin Gregory Stephen Patrick",
        ),
        ("en-ZA", "Ayanda", ""),
        ("fi-FI", "Suvi", ""),
        ("fr-BE", "Isabelle", ""),
        ("fr-CA", "Chantal Gabrielle", "Liam"),
        ("fr-FR", "Celine Lea Ambre", "Mathieu Remi Florian"),
        ("de-AT", "Hannah", ""),
        ("de-CH", "Sabrina", ""),
        ("de-DE", "Marlene Vicki", "Hans Daniel Lennart"),
        ("is-IS", "Dora", "Karl"),
        ("it-IT", "Carla Bianca Beatrice", "Giorgio Adriano Lorenzo"),
        ("ja-JP", "Mizuki Kazuha Tomoko", "Takumi"),
        ("ko-KR", "Seoyeon Jihye", ""),
        ("nb-NO", "Liv Ida", ""),
        ("pl-PL", "Ewa Maja Ola", "Jacek Jan"),
        ("pt-BR", "Vitoria Camila", "Ricardo Thiago"),
        ("pt-PT", "Ines", "Cristiano"),
        ("ro-RO", "Carmen", ""),
        ("ru-RU", "Tatyana", "Maxim"),
        ("es-ES", "Conchita Lucia Alba", "Enrique Sergio Raul"),
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


_GOOGLE_MEN = {"en-us": "ABDIJ", "fr-fr": "BDG", "de-de": "BDEH"}
_GOOGLE_MEN_ELSEWHERE = "BDIJ"
"""Letters of Google's Standard, Wavenet, Neural2 and Studio voices that men speak."""
_CHIRP_WOMEN = frozenset({
    "Achernar", "Aoede", "Autonoe", "Callirrhoe", "Despina", "Erinome", "Gacrux", "Kore", "Laomedeia", "Leda",
    "Pulcherrima", "Sulafat", "Vindemiatrix", "Zephyr",
})  # fmt: skip
_MODELS = ("-Neural", "-Generative", "-Long-Form")


@dataclass(frozen=True, slots=True)
class Wanted:
    """``language`` is a BCP 47 tag; ``name`` the voice as written; ``warnings`` are Twilio's codes and sentences."""

    language: str
    female: bool = False
    name: str = ""
    warnings: tuple[tuple[int, str], ...] = ()


def wanted(voice: str | None, language: str | None) -> Wanted:
    """The language that is written goes before the one that a voice's name implies."""
    female, spoken, known = _read_voice(voice or "default")
    unknown = (UNKNOWN_VOICE, f"the voice {(voice or '')[:80]!r} is not known; the default voice speaks")
    return Wanted(language or spoken or DEFAULT_LANGUAGE, female, voice or "", () if known else (unknown,))


def no_voice_for(language: str) -> tuple[int, str]:
    """The warning of a language that no engine here speaks."""
    return UNKNOWN_LANGUAGE, f"there is no voice for {language[:40]!r}; {DEFAULT_LANGUAGE} is spoken"


def same_language(tag: str, other: str) -> bool:
    """Whether two tags mean one language, whatever its region."""
    primary, second = (name.lower().replace("_", "-").partition("-")[0] for name in (tag, other))
    return _ALIASES.get(primary, primary).partition("-")[0] == _ALIASES.get(second, second).partition("-")[0]


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
        for model in _MODELS:
            name = name.removesuffix(model)
        language, female = _POLLY.get(name, (None, True))
        return female, language, language is not None
    if vendor == "Google":  # Google.en-US-Standard-C, Google.en-US-Chirp3-HD-Aoede
        parts = name.split("-")
        language = "-".join(parts[:2])
        men = _GOOGLE_MEN.get(language.lower(), _GOOGLE_MEN_ELSEWHERE)
        female = parts[-1] not in men if len(parts[-1]) == 1 else parts[-1] in _CHIRP_WOMEN
        return female, language, len(parts) >= 3
    return False, None, False
