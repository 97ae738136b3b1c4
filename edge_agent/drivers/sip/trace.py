"""The last messages to and from each far end, for diagnosis. Kept as octets, masked when they are read."""

from __future__ import annotations

import re
from collections import OrderedDict, deque
from dataclasses import dataclass
from heapq import merge

from telecore import redact

_ADDRESSES = 256
_KEPT_OCTETS = 4096
_OPTIONS_KEPT = 8
_OPTIONS = re.compile(rb"(?i)^OPTIONS |\ncseq[ \t]*:[ \t]*[0-9]+[ \t]+OPTIONS")
_HEAD_OCTETS = 2048
_USER = re.compile(r"(?i)((?:sips?|tel):)([^@>;\s]{1,80})(?=@|;|>|\s|$)")
_NAME = re.compile(r'"([^"\r\n]*)"(?=\s*<)')
_SECRET = re.compile(r"(?im)^((?:proxy-)?authorization\s*:\s*digest).*$")
_CRYPTO = re.compile(r"(?im)^(a=crypto:\d+ \S+ inline:).*$")
_DTMF = re.compile(r"(?im)^(signal\s*=\s*).*$")


@dataclass(frozen=True, slots=True)
class Traced:
    at: float
    sent: bool
    data: bytes


class Trace:
    """``most`` messages for each of the addresses that spoke last; of OPTIONS, which come and go all day, a few."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[str, tuple[deque[Traced], deque[Traced]]] = OrderedDict()

    def note(self, address: str, data: bytes, now: float, *, sent: bool) -> None:
        if self._most <= 0:
            return
        kept = self._kept.get(address)
        if kept is None:
            kept = self._kept[address] = (deque(maxlen=self._most), deque(maxlen=min(self._most, _OPTIONS_KEPT)))
            while len(self._kept) > _ADDRESSES:
                self._kept.popitem(last=False)
        self._kept.move_to_end(address)
        kept[bool(_OPTIONS.search(data, 0, _HEAD_OCTETS))].append(Traced(now, sent, data[:_KEPT_OCTETS]))

    def shown(self, address: str) -> tuple[str, ...]:
        """Oldest first: seconds, an arrow (``>`` sent, ``<`` received), and the message without what is private."""
        entries = merge(*self._kept.get(address, ()), key=lambda entry: entry.at)
        return tuple(f"{entry.at:.3f} {'>' if entry.sent else '<'} {mask(entry.data)}" for entry in entries)


def mask(data: bytes) -> str:
    """Numbers shortened, names, digests, SRTP keys, pressed keys and the texts of MESSAGEs hidden."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    head, gap, body = text.partition("\n\n")
    if head.upper().startswith("MESSAGE "):
        body = redact.text(body) if body else ""
    head = _SECRET.sub(r"\1 ***", _NAME.sub('"***"', head))
    body = _DTMF.sub(r"\1*", _CRYPTO.sub(r"\1***", body))
    return redact.scrub(_USER.sub(lambda found: found[1] + redact.number(found[2]), head)) + gap + body
