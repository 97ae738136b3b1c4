"""Loaded into pytest by scripts/soak: tells into files which tests must be alone, and what became of each."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from scripts.soakkit.signals import heed_interrupts


def pytest_configure() -> None:
    heed_interrupts()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One line for each that is marked so."""
    if marked := os.environ.get("SIMFERRY_SOAK_ALONE"):
        alone = [item.nodeid for item in items if item.get_closest_marker("alone")]
        Path(marked).write_text("".join(f"{test}\n" for test in alone))


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """One line for the test itself, and one for a setup or teardown that did not pass."""
    if report.when != "call" and report.passed:
        return
    reason = ""
    if report.failed:
        crash = getattr(report.longrepr, "reprcrash", None)
        reason = str(getattr(crash, "message", "") or report.longrepr)
    elif report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2])
    line = {"test": report.nodeid, "outcome": report.outcome, "seconds": report.duration, "reason": reason[:1000]}
    with Path(os.environ["SIMFERRY_SOAK_OUTCOMES"]).open("a") as file:
        file.write(json.dumps(line) + "\n")
