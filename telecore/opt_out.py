"""The words by which people end messages from a sender, begin them again, or ask who writes."""

from __future__ import annotations

from enum import StrEnum


class OptOut(StrEnum):
    """What a keyword asks for, in the words of ``OptOutType``."""

    STOP = "STOP"
    START = "START"
    HELP = "HELP"


KEYWORDS = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT"), OptOut.STOP),
    **dict.fromkeys(("START", "YES", "UNSTOP"), OptOut.START),
    **dict.fromkeys(("HELP", "INFO"), OptOut.HELP),
}

REPLIES = {
    OptOut.STOP: "You will get no more messages from this number. Reply START to get them again.",
    OptOut.START: "You will get messages from this number again. Reply STOP to end them, HELP for help.",
    OptOut.HELP: "Reply STOP to get no more messages from this number, START to get them again.",
}
"""What is answered unless a messaging service has words of its own."""


def keyword_of(body: str) -> OptOut | None:
    """What the message asks for, if it is a keyword and nothing else; upper and lower case are alike."""
    word = body.strip()
    return KEYWORDS.get(word.upper()) if word.isascii() else None
