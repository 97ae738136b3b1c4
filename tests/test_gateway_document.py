"""docs/gateways.md tells of every key, quirk and option, and its example is a configuration that works."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest

from edge_agent.config import FreeswitchConfig, GatewayConfig, SipConfig, SmppConfig, TrunkConfig, load_config
from edge_agent.config.gateways import LineConfig, ManagementConfig, PeerConfig, TlsConfig
from edge_agent.config.links import FreeswitchTrunkConfig, NumberingConfig
from edge_agent.devices.gateways import TONGUES, options_of
from edge_agent.drivers.sip.settings import SipQuirks
from edge_agent.plan import plan

TEXT = (Path(__file__).parents[1] / "docs" / "gateways.md").read_text()
SHAPES = (
    SipConfig, TlsConfig, GatewayConfig, LineConfig, PeerConfig, ManagementConfig, TrunkConfig, SmppConfig,
    NumberingConfig, FreeswitchConfig, FreeswitchTrunkConfig, SipQuirks,
)  # fmt: skip
OURS = {"id", "driver", "password", "passwords"}
"""Of every device, and what is read from files."""


def told(name: str) -> bool:
    return re.search(rf"[`{{ ,]{name}[`:}},]", TEXT) is not None


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.__name__)
def test_every_key_is_told(shape: type) -> None:
    assert [entry.name for entry in fields(shape) if entry.name not in OURS and not told(entry.name)] == []


@pytest.mark.parametrize("tongue", sorted(TONGUES))
def test_every_option_is_told(tongue: str) -> None:
    assert [name for name in sorted(options_of(tongue)) if f"`{name}`" not in TEXT] == []


def test_the_example_works(tmp_path: Path) -> None:
    example = re.search(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
    assert example is not None
    (tmp_path / "agent.yaml").write_text("data_dir: data\n" + example[1])
    for name in ("goip-lines.yaml", "carrier.pass", "smsc.pass", "fs.pass"):
        (tmp_path / name).write_text("goip01: secret\n" if name.endswith("yaml") else "secret\n")
        (tmp_path / name).chmod(0o600)
    config = load_config(tmp_path / "agent.yaml")
    assert config.devices is not None
    assert [device.driver for device in config.devices] == ["gateway", "trunk", "smpp", "freeswitch"]
    assert plan(config)[1] == []
