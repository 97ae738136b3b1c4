"""<say-as> made into words and spelling, where a speech engine does not know better."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from telecore.twiml.dates_said import MONTHS, date_said
from telecore.twiml.ssml import Break, SayAs, Speech, Words

SPELLED = ("characters", "digits")
"""What engines are given character by character."""
_GROUP_MS = 250
_BEEP_MS = 500

_ORDINALS = {"en": "", "es": "º", "pt": "º", "it": "º", "fr": "e", "de": ".", "nl": "e", "nb": ".", "da": "."}
_OVER = {"en": "over", "es": "sobre", "fr": "sur", "pt": "sobre", "it": "su", "de": "durch", "nl": "gedeeld door"}
_UNITS = {
    "mm": "millimeter", "cm": "centimeter", "m": "meter", "km": "kilometer", "in": "inch", "ft": "foot",
    "yd": "yard", "mi": "mile", "g": "gram", "kg": "kilogram", "mg": "milligram", "lb": "pound", "oz": "ounce",
    "l": "liter", "ml": "milliliter", "h": "hour", "hr": "hour", "min": "minute", "s": "second", "ms": "millisecond",
    "mph": "mile per hour", "km/h": "kilometer per hour", "kmh": "kilometer per hour", "kb": "kilobyte",
    "mb": "megabyte", "gb": "gigabyte", "hz": "hertz", "khz": "kilohertz", "mhz": "megahertz", "w": "watt",
    "kw": "kilowatt", "v": "volt",
}  # fmt: skip
_ODD_PLURALS = {"inch": "inches", "foot": "feet", "hertz": "hertz", "kilohertz": "kilohertz", "megahertz": "megahertz"}


@dataclass(frozen=True, slots=True)
class Said:
    """What to speak in its place; ``problem`` is why that is not all that was asked for, or empty."""

    speech: Speech
    problem: str = ""


def say_as(piece: SayAs, language: str) -> Said:
    """``language`` is a BCP 47 tag. Spelling stays a SayAs, which every engine does in its own way."""
    reader = _READERS.get(piece.interpret_as)
    return Said((Words(piece.text),)) if reader is None else reader(piece, language.lower().partition("-")[0])


def ordinal(number: int, language: str) -> str | None:
    """The number with the mark of an ordinal, as people write it in that language; None where we do not know it."""
    if language not in _ORDINALS:
        return None
    if language != "en":
        return f"{number}{_ORDINALS[language]}"
    teens = 10 <= number % 100 <= 20
    return f"{number}{'th' if teens else {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th')}"


def _spelled(piece: SayAs, language: str) -> Said:
    return Said((SayAs("characters", piece.text),))


def _digits(piece: SayAs, language: str) -> Said:
    return Said((SayAs("digits", "".join(c for c in piece.text if not c.isspace())),))


def _ordinal(piece: SayAs, language: str) -> Said:
    digits = re.sub(r"[\s,.']", "", piece.text)
    if not digits.isdecimal():
        return Said((Words(piece.text),), f"{piece.text[:40]!r} is not a whole number")
    said = ordinal(int(digits[:15]), language)
    if said is None:
        return Said((Words(digits),), f"ordinal numbers of {language!r} are not known; the number is spoken")
    return Said((Words(said),))


def _cardinal(piece: SayAs, language: str) -> Said:
    grouped = re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", piece.text.strip())
    return Said((Words(piece.text.replace(",", "") if grouped else piece.text),))


def _fraction(piece: SayAs, language: str) -> Said:
    parts = re.fullmatch(r"(?:(\d{1,9})\s*[+ ]\s*)?(\d{1,9})\s*/\s*(\d{1,9})", piece.text.strip())
    if parts is None:
        return Said((Words(piece.text),), f"{piece.text[:40]!r} is not a fraction such as 3/20")
    whole, above, below = parts[1], int(parts[2]), int(parts[3])
    if language == "en":
        said = _english_fraction(above, below)
        return Said((Words(f"{whole} and {said}" if whole else said),))
    over = _OVER.get(language)
    if over is None:
        return Said((Words(piece.text),), f"fractions of {language!r} are not known; it is spoken as it stands")
    return Said((Words(" ".join(filter(None, (whole, str(above), over, str(below))))),))


def _english_fraction(above: int, below: int) -> str:
    if below in (2, 4):
        one, many = ("half", "halves") if below == 2 else ("quarter", "quarters")
        return f"{above} {one if above == 1 else many}"
    if below < 3:
        return f"{above} over {below}"
    return f"{above} {ordinal(below, 'en')}{'' if above == 1 else 's'}"


def _unit(piece: SayAs, language: str) -> Said:
    parts = re.fullmatch(r"([+-]?\d+(?:[.,]\d+)?)\s*([A-Za-z/]+)", piece.text.strip())
    if language != "en" or parts is None or parts[2].lower() not in _UNITS:
        return Said((Words(piece.text),), f"the unit of {piece.text[:40]!r} is spoken as it stands")
    unit = _UNITS[parts[2].lower()]
    if parts[1] == "1":
        return Said((Words(f"1 {unit}"),))
    first, _, rest = unit.partition(" ")
    return Said((Words(" ".join(filter(None, (parts[1], _ODD_PLURALS.get(first, f"{first}s"), rest)))),))


def _date(piece: SayAs, language: str) -> Said:
    said = date_said(piece.text, piece.format, language, ordinal)
    if said is None:
        return Said((Words(piece.text),), f"{piece.text[:40]!r} is not a date of the format {piece.format or 'mdy'}")
    problem = "" if language in MONTHS else f"the months of {language!r} are not known; their numbers are spoken"
    return Said((Words(said),), problem)


def _time(piece: SayAs, language: str) -> Said:
    """Twilio's form is a duration such as 1'21"; a time of the day is what engines read by themselves."""
    parts = re.fullmatch(r"(?:(\d{1,3})')?\s*(?:(\d{1,2})(?:\"|''))?", piece.text.strip())
    if parts is None or not any(parts.groups()):
        return Said((Words(piece.text),))
    if language != "en":
        return Said((Words(" ".join(filter(None, parts.groups()))),), "minutes and seconds are spoken as numbers")
    named = [
        f"{n} {name}{'' if n == '1' else 's'}"
        for n, name in zip(parts.groups(), ("minute", "second"), strict=True)
        if n
    ]
    return Said((Words(" ".join(named)),))


def _telephone(piece: SayAs, language: str) -> Said:
    """Digit by digit, with a short pause where the writer parted them."""
    groups = re.findall(r"[0-9A-Za-z*#]+|\+", piece.text)
    said: Speech = ()
    for number, group in enumerate(groups):
        said += ((Break(_GROUP_MS),) if number else ()) + (SayAs("digits", group),)
    return Said(said)


def _expletive(piece: SayAs, language: str) -> Said:
    return Said((Break(_BEEP_MS),), "it is silence here, not a beep")


_READERS: Mapping[str, Callable[[SayAs, str], Said]] = {
    "characters": _spelled,
    "spell-out": _spelled,
    "digits": _digits,
    "cardinal": _cardinal,
    "number": _cardinal,
    "ordinal": _ordinal,
    "fraction": _fraction,
    "unit": _unit,
    "date": _date,
    "time": _time,
    "telephone": _telephone,
    "expletive": _expletive,
    "bleep": _expletive,
}
