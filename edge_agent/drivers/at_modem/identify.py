"""Who a modem says it is (27.007 §5.1–5.4)."""

from __future__ import annotations

from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority, Talk
from edge_agent.drivers.at_modem.replies import parse_identity, parse_imei
from telecore.errors import DeviceLost, TimedOut
from telecore.ids import Imei
from telecore.model import DeviceIdentity

ATTEMPTS = 3


async def identify(dialogue: Dialogue, port: str) -> DeviceIdentity:
    """Ask it. Raises DeviceLost when nothing there speaks AT."""
    silence: TimedOut | None = None
    for _ in range(ATTEMPTS):
        try:
            async with dialogue.transaction(Priority.POLL) as talk:
                await talk.command("ATE0")
                await talk.attempt("AT+CMEE=1")
                return await _ask(talk, port)
        except TimedOut as error:
            silence = error
    raise DeviceLost(f"{port}: does not answer: {silence}") from silence


async def _ask(talk: Talk, port: str) -> DeviceIdentity:
    manufacturer, model, revision = [
        parse_identity(await talk.attempt(f"AT{name}") or (), name) for name in ("+CGMI", "+CGMM", "+CGMR")
    ]
    imei = parse_imei(await talk.attempt("AT+CGSN") or ())
    return DeviceIdentity(manufacturer, model, revision, Imei(imei) if imei else None, None, port)
