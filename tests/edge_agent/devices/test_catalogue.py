"""docs/devices.md is what the profiles say now."""

from __future__ import annotations

from edge_agent.devices.catalogue import catalogue
from edge_agent.devices.profiles import shipped


def test_the_committed_document_is_what_the_profiles_say():
    document = shipped().parent / "docs" / "devices.md"
    assert document.read_text() == catalogue()
