"""The two things of a certificate that pinning and warnings need, read from its DER (X.690, RFC 5280 §4.1)."""

from __future__ import annotations

from datetime import UTC, datetime

from telecore.errors import RemoteProtocolError

_UTC_TIME, _VERSION = 0x17, 0xA0


def public_key(certificate: bytes) -> bytes:
    """SubjectPublicKeyInfo, whole, as pins hash it (RFC 7469 §2.4). Raises RemoteProtocolError."""
    return _fields(certificate)[5][1]


def not_after(certificate: bytes) -> datetime:
    """When it ends. Raises RemoteProtocolError."""
    _, _, validity = _fields(certificate)[3]
    tag, _, text = _values(validity)[1]
    try:
        digits = text.decode("ascii")
        if tag == _UTC_TIME:  # RFC 5280 §4.1.2.5.1: 50 and above are of the last century
            digits = ("19" if int(digits[:2]) >= 50 else "20") + digits
        return datetime.strptime(digits, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except ValueError as error:
        raise RemoteProtocolError("a certificate has no end that can be read") from error


def _fields(certificate: bytes) -> list[tuple[int, bytes, bytes]]:
    """Serial number, signature, issuer, validity, subject, public key, …"""
    outer = _values(certificate)
    inner = _values(outer[0][2])
    fields = _values(inner[0][2])
    found = fields[1:] if fields and fields[0][0] == _VERSION else fields
    if len(found) < 6:
        raise RemoteProtocolError("this is no certificate")
    return found


def _values(data: bytes) -> list[tuple[int, bytes, bytes]]:
    """Each value in a row: its tag, all of it, and its contents."""
    found, at = [], 0
    while at < len(data):
        if len(data) < at + 2:
            raise RemoteProtocolError("this is no certificate")
        length, start = data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            if not 1 <= size <= 4:
                raise RemoteProtocolError("this is no certificate")
            length, start = int.from_bytes(data[start : start + size], "big"), start + size
        end = start + length
        if end > len(data):
            raise RemoteProtocolError("this is no certificate")
        found.append((data[at], data[at:end], data[start:end]))
        at = end
    if not found:
        raise RemoteProtocolError("this is no certificate")
    return found
