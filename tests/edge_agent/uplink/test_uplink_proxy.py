"""The tunnel behind a real HTTP proxy, and how a proxy is found and asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.config import CloudConfig
from edge_agent.uplink.proxy import Proxy, connect_request, passes_by, proxy_for, read_answer, read_proxy, target_of
from telecore.errors import InvalidRequest, TunnelDown
from tests.fakes.certificate import certificate
from tests.fakes.connect_proxy import ConnectProxy
from tests.fakes.tunnel import Rig, running, until

LOGIN = ("site 7", "s:e/c@ret")


@pytest.fixture(autouse=True)
def _no_proxy_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "ws_proxy", "wss_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


async def test_the_tunnel_runs_through_the_configured_proxy() -> None:
    rig = Rig()
    rig.up.add("through the proxy")
    async with rig.cloud(), ConnectProxy() as proxy:
        uplink = rig.uplink(cloud=CloudConfig(proxy=f"http://127.0.0.1:{proxy.port}"))
        async with running(uplink.run()):
            await until(lambda: rig.at_cloud.values == ["through the proxy"])
        assert proxy.targets == [f"127.0.0.1:{rig.proxy.port}"]


async def test_the_environment_names_one_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    async with rig.cloud(), ConnectProxy(LOGIN) as proxy:
        monkeypatch.setenv("HTTP_PROXY", f"http://site%207:s%3Ae%2Fc%40ret@127.0.0.1:{proxy.port}")
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
        assert proxy.targets
        monkeypatch.setenv("NO_PROXY", "example.org, 127.0.0.0/8")
        uplink = rig.uplink()
        async with running(uplink.run()):
            await until(lambda: uplink.connected)
        assert len(proxy.targets) == 1


async def test_a_proxy_that_wants_a_login_gets_it_and_a_wrong_one_is_told(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    async with rig.cloud(), ConnectProxy(LOGIN) as proxy:
        cloud = CloudConfig(proxy=f"http://127.0.0.1:{proxy.port}", proxy_user=LOGIN[0], proxy_password="wrong")
        uplink = rig.uplink(cloud=cloud)
        async with running(uplink.run()):
            await until(lambda: proxy.refused >= 2)
            assert not uplink.connected
        assert "wants a user and a password, or others than these (407)" in caplog.text
        assert "wrong" not in caplog.text
        uplink = rig.uplink(cloud=replace(cloud, proxy_password=LOGIN[1]))
        async with running(uplink.run()):
            await until(lambda: uplink.connected)


async def test_tls_goes_through_it_from_end_to_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rig = Rig()
    rig.hub._tls, trust = await certificate(tmp_path)
    rig.up.add("under TLS")
    async with rig.cloud(), ConnectProxy(LOGIN) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", f"http://site%207:s%3Ae%2Fc%40ret@127.0.0.1:{proxy.port}")
        uplink = rig.uplink()
        uplink._url, uplink._tls = f"wss://127.0.0.1:{rig.proxy.port}/tunnel", trust
        async with running(uplink.run()):
            await until(lambda: rig.at_cloud.values == ["under TLS"])
        assert proxy.targets == [f"127.0.0.1:{rig.proxy.port}"]


async def test_a_proxy_that_reaches_nobody_is_told_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    rig = Rig()
    async with rig.cloud(), ConnectProxy() as proxy:
        uplink = rig.uplink(port=1, cloud=CloudConfig(proxy=f"http://127.0.0.1:{proxy.port}"))
        async with running(uplink.run()):
            await until(lambda: "the proxy answers 502 Bad Gateway" in caplog.text)


TUNNEL = "wss://cloud.example.org/tunnel"


@pytest.mark.parametrize(
    ("url", "configured", "environ", "proxy"),
    [
        (TUNNEL, None, {}, None),
        (TUNNEL, "http://10.0.0.1:8080", {"HTTPS_PROXY": "http://other:1"}, Proxy("10.0.0.1", 8080)),
        (TUNNEL, "none", {"HTTPS_PROXY": "http://other:1"}, None),
        (TUNNEL, None, {"https_proxy": "http://u:p@other"}, Proxy("other", 3128, "u", "p")),
        (TUNNEL, None, {"HTTP_PROXY": "http://other:1"}, None),
        (TUNNEL, None, {"ALL_PROXY": "other:1"}, Proxy("other", 1)),
        (TUNNEL, None, {"HTTPS_PROXY": ""}, None),
        (TUNNEL, None, {"HTTPS_PROXY": "http://other:1", "NO_PROXY": "example.org"}, None),
        ("ws://10.1.2.3:8000/tunnel", None, {"http_proxy": "http://[::1]:1"}, Proxy("::1", 1)),
    ],
)
def test_which_proxy(url: str, configured: str | None, environ: dict[str, str], proxy: Proxy | None) -> None:
    assert proxy_for(url, configured, environ) == proxy


@pytest.mark.parametrize("url", ["https://proxy:1", "socks5://proxy:1", "http://:1", "http://proxy:x"])
def test_what_is_no_proxy_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest):
        read_proxy(url)


@pytest.mark.parametrize(
    ("host", "no_proxy", "passes"),
    [
        ("cloud.example.org", "", False),
        ("cloud.example.org", "*", True),
        ("cloud.example.org", ".example.org", True),
        ("cloud.example.org", "*.example.org", True),
        ("badexample.org", "example.org", False),
        ("10.1.2.3", "10.0.0.0/8, localhost", True),
        ("10.1.2.3", "11.0.0.0/8", False),
    ],
)
def test_who_passes_by(host: str, no_proxy: str, passes: bool) -> None:
    assert passes_by(host, no_proxy) is passes


def test_what_is_said_to_a_proxy() -> None:
    said = connect_request("2001:db8::1", 443, Proxy("p", 1, "user", "word")).decode()
    assert said.startswith("CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\n")
    assert "Proxy-Authorization: Basic dXNlcjp3b3Jk\r\n" in said
    assert said.endswith("\r\n\r\n")
    assert "Authorization" not in connect_request("h", 1, Proxy("p", 1)).decode()


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (b"SSH-2.0-OpenSSH\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.1 403 Forbidden\r\n\r\n", "answers 403 Forbidden"),
        (b"HTTP/1.1 200 OK\r\n\r\nmore", "before its turn"),
        (b"x" * 20_000, "no end"),
    ],
)
def test_answers_that_end_it(answer: bytes, problem: str) -> None:
    with pytest.raises(TunnelDown, match=problem):
        read_answer(answer)


def test_answers_that_free_the_way() -> None:
    assert not read_answer(b"HTTP/1.0 200 OK\r\nX: y\r\n")
    assert read_answer(b"HTTP/1.0 200\r\n\r\n")


@pytest.mark.parametrize("url", ["http://host/", "host", "ws:///tunnel", "ws://host:x/"])
def test_what_is_no_tunnels_address(url: str) -> None:
    with pytest.raises(TunnelDown):
        target_of(url)
