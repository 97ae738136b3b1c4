"""What a USSD answer says, where a box tells the text and not how the session stands."""

from __future__ import annotations

import re

from telecore.errors import InvalidRequest

_CODE = re.compile(r'[^"\x00-\x1f\x7f]{1,182}')
_BEGINS_SESSION = re.compile(r"[*#]+\d{2,3}(?:\*.*)?#")
"""22.030 §6.5.2; anything else may be the reply to a menu."""
_CHOICE = re.compile(r"(?:^|\s)([0-9]{1,2})\s?[.):>=-](?!\d)")


def check_code(code: str) -> str:
    """A code or a reply, as it is. Raises InvalidRequest for what no box may be told to send."""
    if not _CODE.fullmatch(code):
        raise InvalidRequest("a USSD code or reply has 1 to 182 characters, no quote and no control character")
    return code


def begins_session(code: str) -> bool:
    """Whether this is a code, and so no reply to a menu that is open."""
    return _BEGINS_SESSION.fullmatch(code) is not None


def offers_choices(text: str) -> bool:
    """Whether it reads like a menu: at least two numbered choices. Such a session is taken to wait for a reply."""
    return len(set(_CHOICE.findall(text))) >= 2
