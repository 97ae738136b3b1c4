"""What a USSD answer says, where a box tells the text and not how the session stands."""

from __future__ import annotations

import re
from collections.abc import Callable

from edge_agent.contracts import UssdReply, UssdState
from telecore.errors import InvalidRequest
from telecore.reassembly import heal_surrogates
from telecore.ussd import clean

_CODE = re.compile(r'[^"\x00-\x1f\x7f]{1,182}')
_BEGINS_SESSION = re.compile(r"[*#]+\d{2,3}(?:\*.*)?#")
"""22.030 §6.5.2; anything else may be the reply to a menu."""
SESSION_S = 180.0
"""No network waits longer for a reply; most wait a minute."""
_CHOICE = re.compile(r"(?:^|\s)([0-9]{1,2}|[*#]{1,2})\s?[.):>=-](?!\d)")
"""Anywhere: some menus are one line."""
_CHOICE_LINE = re.compile(r"^\s*([0-9]{1,2}|[*#]{1,2})\s+\S", re.MULTILINE)
_BACK = frozenset({"0", "00", "9", "99", "*", "#", "**", "##"})


def check_code(code: str) -> str:
    """A code or a reply, as it is. Raises InvalidRequest for what no box may be told to send."""
    if not _CODE.fullmatch(code):
        raise InvalidRequest("a USSD code or reply has 1 to 182 characters, no quote and no control character")
    return code


def begins_session(code: str) -> bool:
    """Whether this is a code, and so no reply to a menu that is open."""
    return _BEGINS_SESSION.fullmatch(code) is not None


def answered(text: str) -> UssdReply:
    """The network's text. One that reads like a menu is taken to wait for a reply."""
    state = UssdState.REPLY_WANTED if offers_choices(text) else UssdState.DONE
    return UssdReply(state, clean(heal_surrogates(text)))


def offers_choices(text: str) -> bool:
    """Whether it reads like a menu: choices 1 and 2, or 1 and a way back."""
    choices = {*_CHOICE.findall(text), *_CHOICE_LINE.findall(text)}
    return "1" in choices and ("2" in choices or bool(choices & _BACK))


class SessionGuess:
    """Whether a session may be open: after an answer that looks like no menu it still may ("0 Back")."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answered_at: float | None = None

    @property
    def may_be_open(self) -> bool:
        return self._answered_at is not None and self._clock() - self._answered_at < SESSION_S

    def answered(self) -> None:
        self._answered_at = self._clock()

    def ended(self) -> None:
        self._answered_at = None
