"""The section ``cloud`` of agent.yaml."""

from __future__ import annotations

from pathlib import Path

import pytest

from edge_agent.config import BudgetConfig, CloudConfig, ConfigError, UplinkConfig, load_config
from edge_agent.config.cloud import hours_of
from edge_agent.plan import plan


def test_what_would_be_done(tmp_path: Path) -> None:
    text = (
        "cloud:\n  proxy: http://10.0.0.1:3128\n  uplinks: [{interface: eth0}, {interface: wwan0, monthly_mb: 300}]\n"
    )
    text += '  budget: {monthly_mb: 2000, month_begins: 15, cheap_hours: "22:00-05:30"}\n'
    path = tmp_path / "agent.yaml"
    path.write_text(f"data_dir: data\ndevices: []\n{text}")
    lines, _ = plan(load_config(path))
    assert [line for line in lines if line.split()[0] in ("proxy", "uplink", "cheap") or "MB" in line] == [
        "proxy     http://10.0.0.1:3128",
        "uplink    eth0",
        "uplink    wwan0, 300 MB a month",
        "data      2000 MB a month from day 15",
        "cheap     22:00-05:30: recordings wait for these hours",
    ]


def load(tmp_path: Path, text: str) -> CloudConfig:
    path = tmp_path / "agent.yaml"
    path.write_text(f"data_dir: data\n{text}")
    return load_config(path).cloud


def test_everything(tmp_path: Path) -> None:
    secret = tmp_path / "proxy.password"
    secret.write_text("s:e/c@ret\n")
    secret.chmod(0o600)
    cloud = load(
        tmp_path,
        """
cloud:
  url: https://cloud.example.org
  proxy: http://10.0.0.1:3128
  proxy_user: site 7
  proxy_password_file: proxy.password
  uplinks:
    - {interface: eth0}
    - {interface: wwan0, monthly_mb: 300}
    - {address: 192.0.2.7}
  budget: {monthly_mb: 2000, month_begins: 15, cheap_hours: "22:00-05:30", warn_at: [80, 100]}
""",
    )
    assert cloud.proxy_url == "http://site%207:s%3Ae%2Fc%40ret@10.0.0.1:3128"
    assert "c@ret" not in repr(cloud)
    assert [uplink.name for uplink in cloud.uplinks] == ["eth0", "wwan0", "192.0.2.7"]
    assert cloud.uplinks[1] == UplinkConfig(interface="wwan0", monthly_mb=300)
    assert cloud.budget == BudgetConfig(2000, 15, "22:00-05:30", (80, 100))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("cloud: {proxy: 'socks5://x'}", "line 2: cloud.proxy: must be http://host:port without a password"),
        ("cloud: {proxy: 'http://u:p@x'}", "cloud.proxy: must be http://host:port without a password"),
        ("cloud: {proxy: 'http://x', proxy_password: p}", "cloud.proxy_password: does not belong in this file"),
        ("cloud: {proxy_user: u}", "cloud.proxy: is missing"),
        ("cloud: {proxy: 'http://x', proxy_user: u, proxy_password_file: none}", "cloud.proxy_password_file: "),
        ("cloud: {uplinks: [{}]}", "cloud.uplinks[0]: needs an interface"),
        ("cloud: {uplinks: [{address: here}]}", "cloud.uplinks[0].address: must be an IP address"),
        ("cloud: {uplinks: [{interface: 'a b'}]}", "cloud.uplinks[0].interface: must be the name"),
        ("cloud: {uplinks: [{interface: a}, {interface: a}]}", "cloud.uplinks[1]: a is in the list twice"),
        ("cloud: {uplinks: [{interface: a, monthly_mb: 0}]}", "cloud.uplinks[0].monthly_mb: must be megabytes above 0"),
        ("cloud: {budget: {month_begins: 31}}", "cloud.budget.month_begins: must be a day from 1 to 28"),
        ("cloud: {budget: {cheap_hours: '25:00-01:00'}}", "cloud.budget.cheap_hours: must be like 01:00-05:00"),
        ("cloud: {budget: {warn_at: [0]}}", "cloud.budget.warn_at: must be percentages"),
        ("cloud: {uplink: []}", "cloud.uplink: unknown key"),
    ],
)
def test_faults_are_named(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    assert problem in str(caught.value)


@pytest.mark.parametrize(
    ("text", "hours"),
    [("01:00-05:30", (60, 330)), ("22:00-05:00", (1320, 300)), ("05:00-05:00", None), ("1-5", None)],
)
def test_hours(text: str, hours: tuple[int, int] | None) -> None:
    assert hours_of(text) == hours
