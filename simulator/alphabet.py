"""The GSM 7-bit default alphabet with its extension table, packed and unpacked (23.038 §6.1, §6.2.1).

Written apart from the agent's own codec on purpose: two independent readings of the standard find each
other's mistakes.
"""

from __future__ import annotations

ESCAPE = 0x1B
BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENSION = {
    0x0A: "\f", 0x14: "^", 0x28: "{", 0x29: "}", 0x2F: "\\", 0x3C: "[", 0x3D: "~", 0x3E: "]", 0x40: "|", 0x65: "€",
}  # fmt: skip
_TO_SEPTETS: dict[str, bytes] = {char: bytes([code]) for code, char in enumerate(BASIC) if code != ESCAPE}
_TO_SEPTETS |= {char: bytes([ESCAPE, code]) for code, char in EXTENSION.items()}


def is_gsm(text: str) -> bool:
    """Whether every character is in the default alphabet or its extension."""
    return all(char in _TO_SEPTETS for char in text)


def to_septets(text: str) -> bytes:
    """One byte per septet; ValueError for a character that is not in the alphabet."""
    try:
        return b"".join(_TO_SEPTETS[char] for char in text)
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not in the GSM alphabet") from None


def from_septets(septets: bytes) -> str:
    """Text of unpacked septets; an unknown extension shows its basic character (23.038 §6.2.1)."""
    text: list[str] = []
    escaped = False
    for code in septets:
        if escaped:
            text.append(EXTENSION.get(code, BASIC[code & 0x7F]))
            escaped = False
        elif code == ESCAPE:
            escaped = True
        else:
            text.append(BASIC[code & 0x7F])
    return "".join(text)


def pack(septets: bytes, *, fill_bits: int = 0) -> bytes:
    """Septets into octets, least significant bit first, after `fill_bits` zero bits."""
    value = 0
    for position, septet in enumerate(septets):
        value |= (septet & 0x7F) << (7 * position)
    bits = 7 * len(septets) + fill_bits
    return (value << fill_bits).to_bytes((bits + 7) // 8, "little")


def unpack(octets: bytes, count: int, *, fill_bits: int = 0) -> bytes:
    """`count` septets out of octets; ValueError when there are not enough."""
    if (len(octets) * 8 - fill_bits) < count * 7:
        raise ValueError(f"{count} septets do not fit in {len(octets)} octets")
    value = int.from_bytes(octets, "little") >> fill_bits
    return bytes((value >> (7 * position)) & 0x7F for position in range(count))


def pack_ussd(text: str) -> bytes:
    """A USSD string; a CR fills the last septet where it would else read as '@' (23.038 §6.1.2.3.1)."""
    septets = to_septets(text)
    if len(septets) % 8 == 7 or (septets and len(septets) % 8 == 0 and septets.endswith(b"\r")):
        septets += b"\r"
    return pack(septets)


def unpack_ussd(octets: bytes) -> str:
    """Text of a packed USSD string, the filling CR taken off."""
    septets = unpack(octets, len(octets) * 8 // 7)
    if len(septets) % 8 == 0 and septets.endswith(b"\r"):
        septets = septets[:-1]
    return from_septets(septets)
