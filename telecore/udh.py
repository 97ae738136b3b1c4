"""The user data header of an SMS (23.040 §9.2.3.24)."""

from __future__ import annotations

from dataclasses import dataclass

from telecore.errors import RemoteProtocolError

_CONCAT_8, _PORTS_8, _PORTS_16, _CONCAT_16 = 0x00, 0x04, 0x05, 0x08


@dataclass(frozen=True, slots=True)
class Concat:
    """Which part of which message: ``number`` runs from 1 to ``total``; ``wide`` references have 16 bits."""

    reference: int
    total: int
    number: int
    wide: bool = False


@dataclass(frozen=True, slots=True)
class Udh:
    """What stands before the text. ``others`` are the elements that we do not interpret, as (identifier, data)."""

    concat: Concat | None = None
    destination_port: int | None = None
    source_port: int | None = None
    others: tuple[tuple[int, bytes], ...] = ()

    @classmethod
    def parse(cls, user_data: bytes) -> tuple[Udh, int]:
        """The header at the beginning of TP-UD, and how many octets it takes with its length octet.

        Elements of a wrong length or a senseless part number are passed over, as §9.2.3.24 asks; the last of
        two that exclude each other counts. Raises ``RemoteProtocolError`` if the header is longer than the data.
        """
        if not user_data or len(user_data) <= user_data[0]:
            raise RemoteProtocolError(f"user data header is cut short: {user_data.hex() or 'no data'}")
        end = 1 + user_data[0]
        concat: Concat | None = None
        ports: tuple[int | None, int | None] = (None, None)
        others: list[tuple[int, bytes]] = []
        for identifier, data in _elements(user_data[1:end]):
            if identifier in (_CONCAT_8, _CONCAT_16):
                concat = _read_concat(data, wide=identifier == _CONCAT_16) or concat
            elif (identifier, len(data)) in ((_PORTS_8, 2), (_PORTS_16, 4)):
                half = len(data) // 2
                ports = int.from_bytes(data[:half], "big"), int.from_bytes(data[half:], "big")
            else:
                others.append((identifier, data))
        return cls(concat, *ports, tuple(others)), end

    def build(self) -> bytes:
        """The header with its length octet; nothing at all if there is nothing to say."""
        body = b"".join(bytes([identifier, len(data)]) + data for identifier, data in self._elements())
        return bytes([len(body)]) + body if body else b""

    def _elements(self) -> list[tuple[int, bytes]]:
        elements: list[tuple[int, bytes]] = []
        if self.concat is not None:
            place = bytes([self.concat.total, self.concat.number])
            if self.concat.wide:
                elements.append((_CONCAT_16, self.concat.reference.to_bytes(2, "big") + place))
            else:
                elements.append((_CONCAT_8, self.concat.reference.to_bytes(1, "big") + place))
        if self.destination_port is not None or self.source_port is not None:
            ports = (self.destination_port or 0, self.source_port or 0)
            elements.append((_PORTS_16, b"".join(port.to_bytes(2, "big") for port in ports)))
        return elements + list(self.others)


def _elements(body: bytes) -> list[tuple[int, bytes]]:
    found: list[tuple[int, bytes]] = []
    at = 0
    while at + 2 <= len(body) and at + 2 + body[at + 1] <= len(body):
        end = at + 2 + body[at + 1]
        found.append((body[at], body[at + 2 : end]))
        at = end
    return found


def _read_concat(data: bytes, *, wide: bool) -> Concat | None:
    if len(data) != (4 if wide else 3):
        return None
    total, number = data[-2:]
    return Concat(int.from_bytes(data[:-2], "big"), total, number, wide) if 1 <= number <= total else None
