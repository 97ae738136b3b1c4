"""Which SMS are an operator's threat, and which are not."""

from __future__ import annotations

import pytest

from edge_agent.sims.operator_words import threat


@pytest.mark.parametrize(
    "body",
    [
        "Dear customer, your SIM will be blocked in 3 days.",
        "Your line has been suspended for unusual traffic",
        "We will deactivate your number unless it is topped up",
        "Please register your SIM with your ID card",
        "Cher client, votre ligne sera suspendue demain",
        "Votre SIM est bloquée",
        "Su línea será bloqueada",
        "O seu cartão foi bloqueado",
        "Laini yako itafungwa kesho",
    ],
)
@pytest.mark.parametrize("sender", ["Smart", "888", "+888"])
def test_threats(sender: str, body: str) -> None:
    assert threat(sender, body)


@pytest.mark.parametrize(
    "body",
    [
        "Your balance is 1.20 USD, valid until 2026-12-31.",
        "Recharge now and win a phone!",
        "You have 3 missed calls",
        "Meet me at the block behind the market",
        "",
    ],
)
def test_what_is_none(body: str) -> None:
    assert threat("Smart", body) == ""


@pytest.mark.parametrize("sender", ["+85512000010", "012000010", "1234567"])
def test_a_subscriber_cannot_have_a_sim_stopped(sender: str) -> None:
    assert threat(sender, "Your SIM will be blocked") == ""


def test_it_is_quoted_short_and_without_numbers() -> None:
    said = threat("Smart", "Your SIM 85510000001 will be blocked.\n" + "Call us. " * 50)
    assert said.startswith("Your SIM ")
    assert "85510000001" not in said
    assert "\n" not in said
    assert len(said) <= 121
