"""Twilio's SmartEncoded: typographic characters replaced by what the GSM alphabet has for them."""

from __future__ import annotations

_GROUPS = {
    '"': "«»“”„‟ʺˮ❝❞〝〞",
    "'": "‘’‛ʻʼʽʹˈˊˋ´`❛❜′︐︑\u0313\u0314",
    "_": "‗\u0332",
    "/": "÷⁄∕⧸\u0337\u0338",
    "\\": "﹨⧹⧵\u20e5",
    "-": "‐‑‒–—―⁃•−﹣⎼⎽",
    ",": "‚、﹐﹑､\u0326",
    ".": "。﹒｡",
    ":": "ː˸⦂꞉︓",
    ";": "⁏﹔︔",
    "!": "ǃ﹗︕",
    "?": "﹖︖",
    "#": "﹟",
    "$": "﹩",
    "%": "﹪",
    "&": "﹠",
    "@": "﹫",
    "+": "˖﹢",
    "=": "꞊﹦\u0347",
    "*": "⁎∗⊛✢✣✤✥✱✲✳✺✻✼✽❃❉❊❋⧆﹡",
    "(": "❨❪﹙⟮⦅",
    ")": "❩❫﹚⟯⦆",
    "{": "❴﹛",
    "}": "❵﹜",
    "<": "‹﹤",
    ">": "›﹥",
    "|": "∣⎸⎹⏐⎜⎟\u20d2\u20d3",
    "^": "ˆ\u0302\u1dcd",
    "~": "˜˷∼\u0303\u0330\u0334",
    " ": "\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007"
    "\u2008\u2009\u200a\u202f\u205f\u3000\u2028\u2029\t\x80\x8d\x90\x9b\x9f",
    "": "\u200b\u200c\u2060\ufeff\u00ad\0\x03\x04\x10\x11\x12\x13\x14\x17\x19",
    "...": "…",
    "!!": "‼",
    "1/4": "¼",
    "1/2": "½",
    "3/4": "¾",
}

_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢ", "ABCDEFGHIJKLMNOPRSTUVWYZ", strict=True))

_FULLWIDTH = {code: chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F) if code != 0xFF40}
"""The printable ASCII characters as East Asian typing has them, except the backtick, which GSM lacks."""

_REPLACEMENTS: dict[int, str] = {
    **_FULLWIDTH,
    **{ord(char): plain for char, plain in _SMALL_CAPITALS.items()},
    0xFF40: "'",
    **{ord(char): plain for plain, chars in _GROUPS.items() for char in chars},
}


def smart_encode(text: str) -> str:
    """Each look-alike replaced; whatever has no GSM counterpart stays, and with it the need for UCS-2."""
    return text.translate(_REPLACEMENTS)
