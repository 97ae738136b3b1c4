"""Twilio's SmartEncoded: typographic characters replaced by what the GSM alphabet has for them."""

from __future__ import annotations

_GROUPS = {
    '"': "«»“”„‟ʺˮ❝❞〝〞",
    "'": "‘’‛‗ʻʼʽʹˈˊˋ´`❛❜′",
    "/": "÷⁄∕⧸",
    "\\": "﹨⧹⧵",
    "-": "‐‑‒–—―⁃•−﹣⎼⎽",
    ",": "‚、﹐﹑､",
    ".": "。﹒｡",
    ":": "ː˸⦂꞉",
    ";": "⁏﹔",
    "!": "ǃ﹗",
    "?": "﹖",
    "#": "﹟",
    "$": "﹩",
    "%": "﹪",
    "&": "﹠",
    "@": "﹫",
    "+": "˖﹢",
    "=": "꞊﹦",
    "*": "⁎∗⊛✢✣✤✥✱✲✳✺✻✼✽❃❉❊❋⧆﹡",
    "(": "❨❪﹙⟮⦅",
    ")": "❩❫﹚⟯⦆",
    "{": "❴﹛",
    "}": "❵﹜",
    "<": "‹﹤",
    ">": "›﹥",
    "|": "∣⎸⎹⏐⎜⎟",
    "^": "ˆ",
    "~": "˜˷∼",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u2028\u2029\t",
    "": "\u200b\u2060\ufeff\u00ad\0",
    "...": "…",
    "!!": "‼",
    "1/4": "¼",
    "1/2": "½",
    "3/4": "¾",
}

_FULLWIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if code != 0xFF40}
"""The printable ASCII characters as East Asian typing has them, except the backtick, which GSM lacks."""

_REPLACEMENTS: dict[int, str] = {
    **_FULLWIDTH,
    0xFF40: "'",
    **{ord(char): plain for plain, chars in _GROUPS.items() for char in chars},
}


def smart_encode(text: str) -> str:
    """Each look-alike replaced; whatever has no GSM counterpart stays, and with it the need for UCS-2."""
    return text.translate(_REPLACEMENTS)
