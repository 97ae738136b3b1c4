"""What an operator's words say of an account. Pure. What cannot be read is unknown, and unknown is never zero."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from edge_agent.sims.recipe import BalanceRecipe, TopUpRecipe
from telecore import redact

_SIGNS: Mapping[str, str] = {
    "៛": "KHR",
    "₭": "LAK",
    "₦": "NGN",
    "₴": "UAH",
    "€": "EUR",
    "£": "GBP",
    "₹": "INR",
    "฿": "THB",
}
"""Those that mean one currency the world over; ``$`` and ``K`` do not."""
_SPACES = " \u00a0\u2009\u202f'’٬"
_WORD = re.compile(r"[^\d\s.,+\-−'’٫٬]+")
_LONGEST = 2000
_CENTURY = 100
_KEPT_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class Reading:
    """``amount`` None: not understood; ``note`` says why, or holds what was said with numbers shortened."""

    amount: Decimal | None = None
    currency: str = ""
    expires_on: date | None = None
    note: str = ""


def read_balance(recipe: BalanceRecipe, texts: Sequence[str], today: date) -> Reading:
    """Read an operator's answers; the last one counts most."""
    found = _groups(recipe.match, [_plain_digits(text)[:_LONGEST] for text in reversed(texts)])
    amount, sign = read_amount(found.get("amount", ""), recipe.decimal)
    word = found.get("currency") or sign
    currency = _currency(word, recipe) if amount is not None else ""
    expires_on = _expiry(found, recipe.dates, today)
    return Reading(amount, currency, expires_on, _note(found, amount, expires_on, texts))


def read_top_up(recipe: TopUpRecipe, text: str) -> str:
    """``done``, ``refused`` or ``unknown``. A refusal is looked for first: it often repeats the word for success."""
    plain = _plain_digits(text)[:_LONGEST]
    if recipe.refused and re.search(recipe.refused, plain):
        return "refused"
    return "done" if re.search(recipe.done, plain) else "unknown"


def read_amount(text: str, decimal: str = ".") -> tuple[Decimal | None, str]:
    """The number in it and the sign or word beside it: ``K12.50`` → 12.50 and K. None when it is no whole number.

    The other mark, spaces and apostrophes may group thousands, if they stand where thousands are grouped.
    """
    plain = _plain_digits(text).strip()
    words = _WORD.findall(plain)
    number = re.sub(rf"[{_SPACES}]+", " ", _WORD.sub("", plain).replace("−", "-").replace("٫", decimal)).strip()
    number = number.rstrip("., ")
    other = "," if decimal == "." else "."
    thousands = rf"[0-9]{{1,3}}(?P<by>[{other} ])(?:[0-9]{{2,3}}(?P=by))*[0-9]{{3}}"
    shape = rf"[+-]? ?(?:{thousands}|[0-9]+)?(?:{re.escape(decimal)}[0-9]+)?"
    if not re.fullmatch(shape, number) or not re.search("[0-9]", number):
        return None, words[0] if words else ""
    try:
        value = Decimal(number.replace(other, "").replace(" ", "").replace(decimal, "."))
    except InvalidOperation:
        return None, words[0] if words else ""
    return value, words[0] if words else ""


def read_date(text: str, formats: Sequence[str], today: date) -> date | None:
    """The date by the first format that fits. A year of two digits is of this century or, seen from today, the next."""
    plain = " ".join(_plain_digits(text).split()).rstrip(".,")
    for form in formats:
        try:
            found = datetime.strptime(plain, form).date()
        except ValueError:
            continue
        if "%y" in form:
            century = today.year // _CENTURY * _CENTURY
            found = found.replace(year=century + found.year % _CENTURY)
        return found
    return None


def _groups(expressions: Sequence[str], texts: Sequence[str]) -> dict[str, str]:
    """The groups that are found; a text that holds the amount is asked before all others."""
    found: dict[str, str] = {}
    for text in texts:
        for expression in expressions:
            match = re.search(expression, text)
            if match is not None:
                found = {**{name: value for name, value in match.groupdict().items() if value}, **found}
        if "amount" in found:
            break
    return found


def _expiry(found: Mapping[str, str], formats: Sequence[str], today: date) -> date | None:
    if "expiry" in found:
        return read_date(found["expiry"], formats, today)
    if "days" in found and found["days"].isdigit() and len(found["days"]) <= 4:
        return today + timedelta(days=int(found["days"]))
    return None


def _currency(word: str, recipe: BalanceRecipe) -> str:
    word = word.strip(" .")
    if word in recipe.symbols:
        return recipe.symbols[word]
    if word in _SIGNS:
        return _SIGNS[word]
    return word if re.fullmatch(r"[A-Z]{3}", word) else recipe.currency or word


def _note(found: Mapping[str, str], amount: Decimal | None, expires_on: date | None, texts: Sequence[str]) -> str:
    said = safe(texts[-1]) if texts else "nothing"
    if amount is None and "amount" in found:
        return f"{safe(found['amount'])!r} is no amount in this recipe's form; the operator said: {said}"
    if amount is None:
        return f"not understood; the operator said: {said}"
    if expires_on is None and "expiry" in found:
        return f"{safe(found['expiry'])!r} is no date in this recipe's formats"
    return ""


def safe(text: str, *secrets: str) -> str:
    """An operator's words as they may be kept and shown: one line, secrets out, numbers shortened."""
    line = " ".join(_plain_digits(text).split())
    for secret in secrets:
        line = re.sub("[ -]?".join(map(re.escape, secret)), "***", line)
    return redact.scrub(line if len(line) <= _KEPT_CHARACTERS else line[: _KEPT_CHARACTERS - 1] + "…")


def _plain_digits(text: str) -> str:
    """Khmer, Lao, Arabic and all other decimal digits as 0 to 9."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(char)) if char.isdecimal() else char for char in text)
