"""The HTTP interface beyond the contract of lab.md."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.simulator.rig import Rig, until

SIM1, SIM2, PHONE = "+85510000001", "+85510000002", "+85512000017"


def stored(rig: Rig, index: int = 1) -> str:
    """The first stored PDU, read and deleted."""
    line = rig.open.get(index) or rig.at(index)
    text = until(lambda: (said := line.ask("AT+CMGL=4")) and "+CMGL" in said and said)
    line.ask("AT+CMGD=0,4")
    return text


def test_modems_show_their_habits_and_change_them(rig: Rig) -> None:
    assert rig.api.get("/modems")[0]["habits"]["prompt"] == "> "
    changed = rig.api.put("/modems/modem4", {"prompt": ">", "prompt_delay_s": 0, "store_alias": True})
    assert (changed["name"], changed["habits"]["prompt"]) == ("modem4", ">")
    line = rig.at(4)
    line.port.write(b"AT+CMGS=20\r")
    line.read_until(r"\r\n>$")
    line.port.write(b"\x1b")


@pytest.mark.parametrize(
    ("path", "body", "status", "field"),
    [
        ("/modems/modem1", {"prompt": 3}, 400, "prompt"),
        ("/modems/modem1", {"prompt": "›"}, 400, "prompt"),
        ("/modems/modem1", {"colour": "red"}, 400, "colour"),
        ("/modems/modem1", {"store_alias": 1}, 400, "store_alias"),
        ("/modems/modem77", {}, 404, "name"),
        ("/sims/+855", {}, 404, "number"),
        (f"/sims/{SIM1}", {"balance_cents": -1}, 400, "balance_cents"),
        (f"/sims/{SIM1}", {"valid_until": "tomorrow"}, 400, "valid_until"),
    ],
)
def test_what_is_wrong_is_named(rig: Rig, path: str, body: Any, status: int, field: str) -> None:
    answered, error = rig.api.ask("PUT", path, body)
    assert (answered, error["field"]) == (status, field)


def test_a_modem_says_anything(rig: Rig) -> None:
    line = rig.at(3)
    rig.api.post("/modems/modem3/say", {"lines": ["+WHAT: 1"]})
    line.read_until(r"\r\n\+WHAT: 1\r\n")
    rig.api.post("/modems/modem3/say", {"base64": base64.b64encode(b"\xff\xfe").decode()})
    line.read_until("\xff\xfe")


def test_an_account_runs_out_by_date(rig: Rig) -> None:
    line = rig.at(2)
    assert rig.api.put(f"/sims/{SIM2}", {"balance_cents": 3, "valid_until": "2001-01-01"})["balance"] == 0.03
    line.port.write(b"ATD+85512000001;\r")
    line.read_until("NO CARRIER")
    shown = rig.api.put(f"/sims/{SIM2}", {"balance_cents": 500, "valid_until": "2030-12-31"})
    assert (shown["balance"], shown["valid_until"]) == (5.0, "2030-12-31")


def test_the_operator_speaks_first(rig: Rig) -> None:
    line = rig.at(1)
    line.ask("AT+CUSD=1")
    rig.api.post(f"/sims/{SIM1}/ussd", {"text": "Special offer", "expects_reply": False})
    line.read_until(r'\+CUSD: 0,"Special offer",15')
    rig.api.post(f"/sims/{SIM1}/operator_messages", {"body": "Your SIM will be blocked"})
    assert "0ED0D374DB5C96CBF3" in stored(rig)  # Simferry in letters


@pytest.mark.parametrize(
    ("style", "seen"),
    [
        ({"class": 0}, "0010"),  # PID 00, DCS 10: flash
        ({"port": 9200}, "06050423F00000"),
        ({"data": "DEADBEEF"}, "DEADBEEF"),
        ({"wide_reference": True, "body": "x" * 200}, "06080400"),
        ({"copies": 2}, "+CMGL: 1"),
    ],
)
def test_messages_of_every_kind(rig: Rig, style: dict[str, Any], seen: str) -> None:
    before = rig.api.get("/network")["sims"][0]["counters"]["received"]
    sent = rig.api.post(f"/subscribers/{PHONE}/messages", {"to": SIM1, "body": "hi", **style})
    parts = sent["parts"] * style.get("copies", 1)
    until(lambda: rig.api.get("/network")["sims"][0]["counters"]["received"] == before + parts)
    assert seen in stored(rig)


def test_a_voucher_is_used_once(rig: Rig) -> None:
    line = rig.at(1)
    line.ask("AT+CUSD=1")
    for answer in ("Recharged 3.00", "has been used"):
        line.ask('AT+CUSD=1,"*101*0300000001#",15')
        line.read_until(answer)


def test_a_caller_may_hide(rig: Rig) -> None:
    line = rig.at(1)
    line.ask("AT+CLIP=1")
    call = rig.api.post(f"/subscribers/{PHONE}/calls", {"to": SIM1, "withheld": True})
    line.read_until(r'\+CLIP: "",128')
    rig.api.post(f"/calls/{call['id']}/hangup")
