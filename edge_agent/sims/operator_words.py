"""SMS of an operator that say a SIM is, or will be, taken away. Pure; the list is data and meant to grow.

Only senders that no subscriber can have are believed: names and short codes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from telecore.redact import scrub

THREATS: Mapping[str, tuple[str, ...]] = {
    "en": (
        r"\b(?:sim|number|line|account)\b.{0,60}\b(?:block|suspend|deactivat|disconnect|barr|terminat)",
        r"\b(?:block|suspend|deactivat|disconnect|barr|terminat)\w*.{0,60}\b(?:sim|number|line|account)\b",
        r"\b(?:register|re-register|verify)\b.{0,40}\b(?:sim|identity|id)\b",
    ),
    "fr": (
        r"\b(?:sim|ligne|num[ée]ro)\b.{0,60}\b(?:bloqu|suspend|d[ée]sactiv|r[ée]sili)",
        r"\bidentifi(?:er|ez)\b.{0,40}\bsim\b",
    ),
    "es": (r"\b(?:sim|l[íi]nea|n[úu]mero)\b.{0,60}\b(?:bloque|suspend|desactiv|dad[oa] de baja)",),
    "pt": (r"\b(?:sim|linha|n[úu]mero|cart[ãa]o)\b.{0,60}\b(?:bloque|suspens|desativ|cancelad)",),
    "sw": (
        r"\b(?:laini|namba|sim)\b.{0,60}\b(?:kufungwa|itafungwa|imefungwa|kusitishwa)",
        r"\bsajili\b.{0,40}\blaini\b",
    ),
}
"""By language. None was read off a real operator's SMS yet; a false alarm costs a look, a missed one the SIM."""
_PATTERNS = [re.compile(words, re.IGNORECASE | re.DOTALL) for group in THREATS.values() for words in group]
_SUBSCRIBER = re.compile(r"\+?\d{7,}")
_SHOWN = 120


def threat(sender: str, body: str) -> str:
    """The words of it, shortened and without numbers; empty when it is none."""
    if _SUBSCRIBER.fullmatch(sender) or not any(pattern.search(body) for pattern in _PATTERNS):
        return ""
    flat = " ".join(scrub(body).split())
    return flat if len(flat) <= _SHOWN else f"{flat[:_SHOWN]}…"
