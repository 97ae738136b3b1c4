"""A PIN is tried once, whatever restarts: the modem, or the agent with its spool. A PUK is for people."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_agent.drivers.at_modem.dialogue import Dialogue
from edge_agent.drivers.at_modem.grammar import Grammar
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.sim import SimReader
from edge_agent.sims.pins import TriedPins
from edge_agent.spool import Spool
from telecore.ids import Iccid
from telecore.model import ChannelState
from tests.edge_agent.drivers.conftest import MemoryPort

ICCID = Iccid("8985591000000000017")


class Card:
    """A SIM in a scripted modem; it lives on when the agent does not."""

    def __init__(self, pin: str, left: int = 3) -> None:
        self.pin, self.left, self.wants = pin, left, "SIM PIN"
        self.entered: list[str] = []

    def port(self) -> MemoryPort:
        port = MemoryPort()
        port.modem.answers |= {
            "AT+CPIN?": lambda modem, text: f"+CPIN: {self.wants}\r\n\r\nOK",
            "AT+CRSM=176": '+CRSM: 144,0,"985895010000000010F7"\r\n\r\nOK',
            "AT+CPINR": lambda modem, text: f"+CPINR: SIM PIN, {self.left}, 3\r\n\r\nOK",
            "AT+CPIN=": lambda modem, text: self._enter(text),
        }
        return port

    def _enter(self, text: str) -> str:
        self.entered.append(text)
        if self.pin in text:
            self.wants, self.left = "READY", 3
            return "OK"
        self.left -= 1
        return "+CME ERROR: 16"


async def agent_lives(path: Path, card: Card, pins: Mapping[Iccid, str], restarts: int = 3) -> str:
    """One process of the agent, whose modem restarts so often; how the SIM stands at its end."""
    spool = await Spool.open(path / "spool.db")
    memory = TriedPins(spool)
    await memory.load()
    trouble = None
    for _ in range(restarts):
        reader = SimReader(Dialogue(card.port(), Grammar.of()), AtProfile(), pins, None, memory)
        for _ in range(3):
            trouble = await reader.trouble()
    await spool.close()
    assert trouble is None or trouble.state is ChannelState.LOCKED
    return trouble.reason if trouble is not None else ""


async def test_a_wrong_pin_is_tried_once_over_all_restarts(tmp_path: Path) -> None:
    card = Card("1234")
    for _ in range(3):
        assert await agent_lives(tmp_path, card, {ICCID: "9999"})
    assert card.entered == ['AT+CPIN="9999"']
    assert card.left == 2


async def test_a_corrected_pin_is_another_one_while_two_tries_are_left(tmp_path: Path) -> None:
    card = Card("1234")
    await agent_lives(tmp_path, card, {ICCID: "9999"})
    assert await agent_lives(tmp_path, card, {ICCID: "1234"}) == ""
    assert len(card.entered) == 2


async def test_a_pin_that_was_taken_is_used_again_when_the_sim_asks_again(tmp_path: Path) -> None:
    card = Card("1234")
    assert await agent_lives(tmp_path, card, {ICCID: "1234"}) == ""
    card.wants = "SIM PIN"
    assert await agent_lives(tmp_path, card, {ICCID: "1234"}) == ""
    assert len(card.entered) == 2


@pytest.mark.parametrize("left", [0, 1])
async def test_the_last_try_is_a_persons(tmp_path: Path, left: int) -> None:
    card = Card("1234", left)
    assert "phone" in await agent_lives(tmp_path, card, {ICCID: "1234"})
    assert card.entered == []


async def test_a_puk_is_never_touched(tmp_path: Path) -> None:
    card = Card("1234")
    card.wants = "SIM PUK"
    assert "PUK" in await agent_lives(tmp_path, card, {ICCID: "1234"})
    assert card.entered == []


def test_no_pin_is_on_the_disk(tmp_path: Path) -> None:
    asyncio.run(agent_lives(tmp_path, Card("1234"), {ICCID: "98765432"}))
    kept = [path.read_bytes() for path in tmp_path.iterdir()]
    assert any(ICCID.encode() in data for data in kept)
    assert not any(b"98765432" in data for data in kept)
