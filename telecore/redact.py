"""What a log may show of numbers, texts and secrets."""

from __future__ import annotations

import re

_DIGIT = re.compile(r"[0-9]")
_NUMBER = re.compile(r"\+[0-9]{7,20}(?!\w)|(?:(?<![\w.])|(?<=ATD)|(?<=%2B))[0-9]{7,20}(?!\w)")
_CREDENTIALS = re.compile(r"(?i)\b(basic|bearer|digest)( +)[A-Za-z0-9+/=._~-]{8,}")
_SETTING = re.compile(
    r"(?i)\b([\w-]*(?:token|secret|password|passwd|api[_-]?key|signature|pin)\"?)(\s*[=:]\s*\"?)([^\s\"'&,;]+)"
)
_CPIN = re.compile(r"(?i)(\+CPIN=)[^\r\n]*")
_CUSD = re.compile(r"(?i)(\+CUSD[=:] ?\d, ?\")(?![*#][*#0-9]{1,6}\")[^\"\r\n]*")
"""A USSD code that is longer than those everybody knows, or a reply: it may hold a voucher or a PIN."""
_USERINFO = re.compile(r"(?<=://)[^/@\s:]+:[^/@\s]+(?=@)")
_MEDIA_LINK = re.compile(r"(/media/AC[0-9a-f]{32}/\d+/)[\w-]+")
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]+")
_BARE_TOKEN = re.compile(r"(?<![0-9A-Za-z])[0-9a-f]{32}(?![0-9A-Za-z])")

_HIDDEN = "***"


def number(address: str) -> str:
    """``+85512345678`` → ``+8551***5678``. Short codes and names, which are nobody's number, stay as they are."""
    count = len(_DIGIT.findall(address))
    if count <= 6:
        return address
    hidden = max(3, count // 3)
    tail = min(4, (count - hidden) // 2)
    head = min(4, count - hidden - tail)
    digits = "".join(_DIGIT.findall(address))
    return ("+" if address.startswith("+") else "") + digits[:head] + _HIDDEN + digits[count - tail :]


def beginning(address: str) -> str:
    """``+85512345678`` → ``+8551*******``, and that as it is. Short codes and names stay as they are."""
    if len(_DIGIT.findall(address)) <= 6:
        return address
    seen = 0

    def hide(digit: re.Match[str]) -> str:
        nonlocal seen
        seen += 1
        return digit[0] if seen <= 4 else "*"

    return _DIGIT.sub(hide, address)


def text(body: str) -> str:
    """Nothing of a message but its length."""
    return f"[{len(body)} characters]"


def secret(value: str | None) -> str:
    """Nothing of a secret but whether there is one."""
    return _HIDDEN if value else "[none]"


def scrub(line: str) -> str:
    """A line of a log with its phone numbers shortened and its credentials hidden; SIDs and hashes stay whole."""
    line = _CPIN.sub(rf"\1{_HIDDEN}", line)
    line = _CUSD.sub(rf"\1{_HIDDEN}", line)
    line = _USERINFO.sub(_HIDDEN, line)
    line = _CREDENTIALS.sub(rf"\1\2{_HIDDEN}", line)
    line = _SETTING.sub(rf"\1\2{_HIDDEN}", line)
    line = _MEDIA_LINK.sub(rf"\1{_HIDDEN}", line)
    line = _JWT.sub(_HIDDEN, line)
    line = _BARE_TOKEN.sub(_HIDDEN, line)
    return _NUMBER.sub(lambda found: number(found[0]), line)
