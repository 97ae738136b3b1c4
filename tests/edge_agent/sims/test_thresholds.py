"""The numbers, and the guide that lists them."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from edge_agent.sims.thresholds import Thresholds, thresholds
from telecore.errors import InvalidRequest
from telecore.sim_health import HealthState

GUIDE = (Path(__file__).parents[3] / "docs" / "operations.md").read_text()
SECTION = GUIDE.split("## How a SIM is judged")[1].split("\n## ")[0]


def test_the_guide_lists_every_threshold_with_its_default() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \| (-?[\d.]+) \|$", SECTION, re.MULTILINE))
    assert {name: float(value) for name, value in listed.items()} == {
        entry.name: float(getattr(Thresholds(), entry.name)) for entry in fields(Thresholds)
    }


def test_the_guide_lists_every_state() -> None:
    assert {state for state in HealthState if f"| `{state}`" not in SECTION} == set()


def test_the_guide_names_only_thresholds_that_exist() -> None:
    table = SECTION.split("| threshold |")[0]
    known = {entry.name for entry in fields(Thresholds)} | {"keep_alive_days", "agent.yaml"} | set(HealthState)
    named = set(re.findall(r"`([a-z_]+)`", table))
    assert named <= known


def test_a_site_sets_its_own() -> None:
    assert thresholds({"cooldown_s": 60.0, "weak_dbm": -101.0}) == Thresholds(cooldown_s=60.0, weak_dbm=-101.0)


@pytest.mark.parametrize(
    ("overrides", "words"), [({"cooldown": 1.0}, "unknown"), ({"cooldown_s": -1.0}, "must not be negative")]
)
def test_what_a_site_cannot_set(overrides: dict[str, float], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        thresholds(overrides)
