"""Dates as people of a language say them."""

from __future__ import annotations

import re
from collections.abc import Callable

MONTHS: dict[str, tuple[str, ...]] = {
    language: tuple(names.split())
    for language, names in {
        "en": "January February March April May June July August September October November December",
        "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
        "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
        "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
        "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
        "de": "Januar Februar März April Mai Juni Juli August September Oktober November Dezember",
        "nl": "januari februari maart april mei juni juli augustus september oktober november december",
        "id": "Januari Februari Maret April Mei Juni Juli Agustus September Oktober November Desember",
        "sw": "Januari Februari Machi Aprili Mei Juni Julai Agosti Septemba Oktoba Novemba Desemba",
    }.items()
}
_JOINED = {"es": " de ", "pt": " de "}
_LAST_DAY = 31


def date_said(text: str, form: str, language: str, ordinal: Callable[[int, str], str | None]) -> str | None:
    """``form`` is Twilio's (``mdy``, ``dm``, …; empty: as its digits suggest). None when it does not fit."""
    fields = _fields(text, form)
    if fields is None:
        return None
    day, month, year = (fields.get(name) for name in "dmy")
    if (day is not None and not 1 <= day <= _LAST_DAY) or (month is not None and not 1 <= month <= 12):
        return None
    names = MONTHS.get(language)
    named = None if month is None else (names[month - 1] if names else str(month))
    if language == "en":
        return " ".join(filter(None, (named, ordinal(day, "en") if day else None, str(year) if year else None)))
    first = language == "fr" and day == 1  # le 1er janvier, le 2 janvier
    parts = ("1er" if first else str(day) if day else None, named, str(year) if year else None)
    return _JOINED.get(language, " ").join(filter(None, parts))


def _fields(text: str, form: str) -> dict[str, int] | None:
    """Values by the letters d, m, y."""
    numbers = re.findall(r"\d+", text)
    if re.sub(r"[\d\s/.,-]", "", text) or any(len(number) > 8 for number in numbers):
        return None
    if form == "yyyymmdd" or (not form and len(numbers) == 1 and len(numbers[0]) == 8):
        whole = "".join(numbers)
        if len(whole) != 8:
            return None
        numbers, form = [whole[:4], whole[4:6], whole[6:]], "ymd"
        return {name: int(n) for name, n in zip(form, numbers, strict=True) if int(n)}  # ????0325: Twilio's no year
    form = form or ("ymd" if numbers and len(numbers[0]) == 4 else "mdy"[: len(numbers)])
    if len(numbers) != len(form):
        return None
    return {name: int(number) for name, number in zip(form, numbers, strict=True)}
