"""The words that stand for the numbers of +CMS and +CME errors."""

from __future__ import annotations

from edge_agent.drivers.at_modem.replies import MAX_DIGITS

_CMS_TEXTS = {
    "me failure": 300, "sms service of me reserved": 301, "operation not allowed": 302,
    "operation not supported": 303, "invalid pdu mode parameter": 304, "invalid text mode parameter": 305,
    "sim not inserted": 310, "sim pin required": 311, "ph-sim pin required": 312, "sim failure": 313,
    "sim busy": 314, "sim wrong": 315, "sim puk required": 316, "sim pin2 required": 317, "sim puk2 required": 318,
    "memory failure": 320, "invalid memory index": 321, "memory full": 322, "smsc address unknown": 330,
    "no network service": 331, "network timeout": 332, "no +cnma acknowledgement expected": 340,
    "unknown error": 500,
}  # fmt: skip
_CME_TEXTS = {
    "phone failure": 0, "no connection to phone": 1, "operation not allowed": 3, "operation not supported": 4,
    "ph-sim pin required": 5, "sim not inserted": 10, "sim pin required": 11, "sim puk required": 12,
    "sim failure": 13, "sim busy": 14, "sim wrong": 15, "incorrect password": 16, "sim pin2 required": 17,
    "sim puk2 required": 18, "memory full": 20, "invalid index": 21, "not found": 22, "memory failure": 23,
    "no network service": 30, "network timeout": 31, "network not allowed - emergency calls only": 32,
    "incorrect parameters": 50, "unknown": 100,
}  # fmt: skip
"""Verbose texts of 27.005 §3.2.5 and 27.007 §9.2: with CMEE=2, and from firmware that ignores CMEE=1."""


def error_code(kind: str, text: str) -> int | None:
    """The number of a +CMS or +CME error, written as digits or in words."""
    text = text.strip()
    if text.isdecimal():
        return int(text) if len(text) <= MAX_DIGITS else None
    return (_CMS_TEXTS if kind == "cms" else _CME_TEXTS).get(text.lower())
