"""How one operator is asked for an account and given a voucher: the shape of a recipe, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime

GROUPS = frozenset({"amount", "currency", "expiry", "days"})
_PLMN = re.compile(r"[0-9]{5,6}")
_CODE = re.compile(r"[0-9*#a-dA-D]{1,40}")
_SOME_DAY = date(2026, 12, 31)
_DECIMALS = (".", ",")
_VIA = ("ussd", "push", "sms")


@dataclass(frozen=True, slots=True)
class Step:
    """Something to send: a USSD code, then replies to its menus; or, with ``to``, an SMS to that number.

    ``when``: what the menu must match before this is sent, so that a changed menu is not answered blindly.
    """

    send: str
    to: str = ""
    when: str = ""


@dataclass(frozen=True, slots=True)
class BalanceRecipe:
    """``match``: expressions with the groups ``amount``, ``currency``, ``expiry``, ``days``, tried in turn; the first
    that has a group fills it.

    ``decimal``: the mark before the cents. ``dates``: formats as in ``strptime``. ``currency``: when the text names
    none. ``symbols``: what this operator's signs mean (``K: ZMW``). ``answer_via``: ``ussd``; ``push``, a second USSD
    message that comes by itself; or ``sms`` from a ``sender``, an expression.
    """

    steps: tuple[str | Step, ...]
    match: tuple[str, ...]
    answer_via: str = "ussd"
    sender: str = ""
    decimal: str = "."
    currency: str = ""
    symbols: dict[str, str] = field(default_factory=dict)
    dates: tuple[str, ...] = ()
    timeout_s: float = 180.0

    @property
    def plan(self) -> tuple[Step, ...]:
        return tuple(Step(step) if isinstance(step, str) else step for step in self.steps)


@dataclass(frozen=True, slots=True)
class TopUpRecipe:
    """``code`` holds ``{pin}``. ``done`` and ``refused`` are expressions; an answer that matches neither is unknown."""

    code: str
    done: str
    refused: str = ""
    voucher: str = "[0-9]{8,20}"


@dataclass(frozen=True, slots=True)
class Vector:
    """A text and what must be read in it. ``seen``: word for word from an operator; else made after the pattern."""

    text: str
    amount: str | None = None
    currency: str = ""
    expires_on: str | None = None
    outcome: str | None = None
    seen: bool = False


@dataclass(frozen=True, slots=True)
class Recipe:
    """One operator's ways. ``plmn``: home networks whose SIMs it serves. ``verified``: ``source`` gives the code.

    ``today``: the day that its vectors are read on.
    """

    name: str
    operator: str
    country: str
    source: str
    balance: BalanceRecipe
    plmn: tuple[str, ...] = ()
    enabled: bool = True
    verified: bool = False
    note: str = ""
    today: str = "2026-01-15"
    top_up: TopUpRecipe | None = None
    vectors: tuple[Vector, ...] = ()


def problems(recipe: Recipe) -> Iterator[tuple[str, str]]:
    """Path and sentence of everything that types cannot say."""
    for number, plmn in enumerate(recipe.plmn):
        if not _PLMN.fullmatch(plmn):
            yield f"plmn[{number}]", "must be five or six digits, in quotes"
    if not re.fullmatch(r"[A-Z]{2}", recipe.country):
        yield "country", "must be two capital letters, in quotes"
    if not recipe.source:
        yield "source", "must say where this is known from"
    if not _is_date(recipe.today):
        yield "today", "must be a date like 2026-01-15"
    yield from _of_balance(recipe.balance)
    if recipe.top_up is not None:
        yield from _of_top_up(recipe.top_up)
    yield from _of_vectors(recipe)


def _of_balance(balance: BalanceRecipe) -> Iterator[tuple[str, str]]:
    if not balance.steps:
        yield "balance.steps", "is empty"
    for number, step in enumerate(balance.plan):
        if number == 0 and not step.to and not _CODE.fullmatch(step.send):
            yield "balance.steps[0]", 'must begin with a USSD code like *100#, or an SMS: {send: BAL, to: "123"}'
        yield from _of_expression(f"balance.steps[{number}].when", step.when)
    if not balance.match:
        yield "balance.match", "is empty"
    for number, expression in enumerate(balance.match):
        yield from _of_expression(f"balance.match[{number}]", expression, groups=True)
    if balance.answer_via not in _VIA:
        yield "balance.answer_via", "must be ussd, push or sms"
    if balance.answer_via == "sms" and not balance.sender:
        yield "balance.sender", "is needed with answer_via: sms, or any text would be taken for the answer"
    yield from _of_expression("balance.sender", balance.sender)
    for number, form in enumerate(balance.dates):
        if not _reads_dates(form):
            yield f"balance.dates[{number}]", "must read a whole date, each part once, like %d.%m.%Y"
    if balance.decimal not in _DECIMALS:
        yield "balance.decimal", "must be '.' or ','"
    if balance.timeout_s <= 0:
        yield "balance.timeout_s", "must be more than 0"


def _of_top_up(top_up: TopUpRecipe) -> Iterator[tuple[str, str]]:
    if top_up.code.count("{pin}") != 1:
        yield "top_up.code", "must hold {pin} once, like *101*{pin}#"
    elif not _CODE.fullmatch(top_up.code.replace("{pin}", "1")):
        yield "top_up.code", "must be a USSD code like *101*{pin}#"
    if not top_up.done:
        yield "top_up.done", "is empty: then no top-up would ever count as done"
    for name in ("done", "refused", "voucher"):
        yield from _of_expression(f"top_up.{name}", getattr(top_up, name))


def _of_vectors(recipe: Recipe) -> Iterator[tuple[str, str]]:
    if not recipe.vectors:
        yield "vectors", "is empty: a recipe that was never tried cannot be trusted"
    for number, vector in enumerate(recipe.vectors):
        if vector.outcome not in (None, "done", "refused", "unknown"):
            yield f"vectors[{number}].outcome", "must be done, refused or unknown"


def _of_expression(path: str, expression: str, *, groups: bool = False) -> Iterator[tuple[str, str]]:
    try:
        found = set(re.compile(expression).groupindex)
    except (re.error, OverflowError, RecursionError) as error:
        yield path, f"is no regular expression: {error}"
        return
    if groups and not found:
        yield path, f"has no named group (known: {', '.join(sorted(GROUPS))})"
    if groups and found - GROUPS:
        yield path, f"unknown group {min(found - GROUPS)!r} (known: {', '.join(sorted(GROUPS))})"


def _reads_dates(form: str) -> bool:
    try:
        return datetime.strptime(_SOME_DAY.strftime(form), form).date() == _SOME_DAY
    except (ValueError, re.error):  # strptime makes an expression of it, in which a part may be once
        return False


def _is_date(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
