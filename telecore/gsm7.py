"""The GSM 7-bit alphabet (23.038 §6.2.1) and its packing into octets (§6.1.2). A septet string is ``bytes``."""

from __future__ import annotations

from telecore.errors import InvalidRequest

ESCAPE = 0x1B

BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ"
    " !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""Character by septet; 0x1B leads to the extension table."""

EXTENSION = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}

SEPTETS: dict[str, bytes] = {
    **{char: bytes([septet]) for septet, char in enumerate(BASIC) if septet != ESCAPE},
    **{char: bytes([ESCAPE, septet]) for septet, char in EXTENSION.items()},
}
"""One or two septets for each character that the alphabet has."""


def is_gsm7(text: str) -> bool:
    """Whether every character is in the alphabet or its extension. ``Ç`` is, ``ç`` and the backtick are not."""
    return SEPTETS.keys() >= set(text)


def encode_gsm7(text: str) -> bytes:
    """Text → septets, one in each byte; two for a character of the extension table. Raises ``InvalidRequest``."""
    try:
        return b"".join([SEPTETS[char] for char in text])
    except KeyError as unknown:
        raise InvalidRequest(f"{unknown.args[0]!r} is not in the GSM alphabet") from None


def decode_gsm7(septets: bytes) -> str:
    """Septets → text. An unknown extension shows as its basic character, as §6.2.1.1 asks; a last ESC as nothing."""
    text: list[str] = []
    table: dict[int, str] = {}
    for septet in septets:
        if septet & 0x7F == ESCAPE and table is not EXTENSION:
            table = EXTENSION
            continue
        char = table.get(septet & 0x7F, BASIC[septet & 0x7F])
        text.append(" " if char == "\x1b" else char)
        table = {}
    return "".join(text)


def fill_bits(header_octets: int) -> int:
    """Bits between a user data header (its length octet counted) and the first septet (23.040 §9.2.3.24)."""
    return -8 * header_octets % 7


def pack(septets: bytes, fill: int = 0) -> bytes:
    """Septets → octets, the first septet in the lowest bits, after ``fill`` zero bits."""
    bits = 0
    for septet in reversed(septets):
        bits = bits << 7 | septet
    return (bits << fill).to_bytes((fill + 7 * len(septets) + 7) // 8, "little")


def unpack(octets: bytes, count: int, fill: int = 0) -> bytes:
    """``count`` septets out of octets, after ``fill`` bits; fewer if the octets end before.

    The count is TP-UDL's and not to be guessed: seven octets may hold seven septets, or eight whose last is ``@``.
    """
    bits = int.from_bytes(octets, "little") >> fill
    count = min(count, max(0, 8 * len(octets) - fill) // 7)
    return bytes([bits >> 7 * n & 0x7F for n in range(count)])
