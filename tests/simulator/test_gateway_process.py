"""A gateway in the simulator's process: what it announces, its faults over HTTP, its SIMs' state over a restart."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.simulator.rig import Rig, until

LINE, FREE = "+85510000002", "+85512000010"


def gateway(port: int, **more: str) -> tuple[str, ...]:
    tail = "".join(f",{name}={value}" for name, value in more.items())
    return ("--modems", "1", "--gateway", f"box,channels=2,sip=127.0.0.1:{port}{tail}")


@pytest.fixture
def agent() -> Iterator[socket.socket]:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.settimeout(10)
    yield made
    made.close()


def options_answered(port: int, agent: socket.socket) -> bool:
    text = (
        f"OPTIONS sip:127.0.0.1:{port} SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1;rport\r\n"
        "From: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
    )
    agent.settimeout(0.3)
    agent.sendto(text.encode(), ("127.0.0.1", port))
    try:
        return agent.recv(4096).startswith(b"SIP/2.0 200")
    except TimeoutError:
        return False


def test_it_announces_all_that_an_agent_needs(tmp_path: Path, agent: socket.socket) -> None:
    rig = Rig(tmp_path, *gateway(agent.getsockname()[1], family="goip", mode="register", server="127.0.0.1:44444"))
    try:
        (box,) = rig.line["gateways"]
        assert (box["name"], box["family"], box["mode"]) == ("box", "goip", "register")
        assert [line["number"] for line in box["lines"]] == ["+85510000002", "+85510000003"]
        assert rig.line["numbers"] == ["+85510000001", "+85510000002", "+85510000003"]
        assert [line["user"] for line in box["lines"]] == ["box-1", "box-2"]
        assert len({line["port"] for line in box["lines"]}) == 2
        assert all(line["password"] and line["imei"] and line["iccid"] for line in box["lines"])
        assert box["management"]["server"] == {"host": "127.0.0.1", "port": 44444}
        request = agent.recv(4096)
        assert request.startswith(b"REGISTER sip:127.0.0.1")
        shown = rig.api.get("/network")["gateways"][0]
        assert (shown["up"], shown["lines"][0]["sip_registered"]) == (True, False)
    finally:
        assert rig.stop() == 0


def test_faults_of_a_gateway_and_its_lines(tmp_path: Path, agent: socket.socket) -> None:
    rig = Rig(tmp_path, *gateway(agent.getsockname()[1], family="yeastar"))
    try:
        (box,) = rig.line["gateways"]
        port = box["sip"]["port"]
        rig.registered(2)
        assert options_answered(port, agent)
        fault = rig.api.post("/faults", {"kind": "gateway_down", "target": LINE})
        assert not options_answered(port, agent)
        assert not rig.api.get("/network")["sims"][1]["registered"]
        rig.api.ask("DELETE", f"/faults/{fault['id']}")
        until(lambda: options_answered(port, agent))
        rig.registered(3)
        rig.api.post("/faults", {"kind": "sim_removed", "target": "box", "for_s": 0.5})
        assert [sim["pin_state"] for sim in rig.api.get("/network")["sims"]] == ["READY", None, None]
        rig.registered(2)
        for kind, target, field in (("gateway_down", "modem1", "target"), ("modem_garbage", LINE, "kind")):
            status, refusal = rig.api.ask("POST", "/faults", {"kind": kind, "target": target})
            assert status >= 400
            assert refusal["field"] == field
        rig.api.post(f"/sims/{LINE}/ussd", {"text": "Hello"})
    finally:
        assert rig.stop() == 0


def test_accounts_and_messages_of_its_sims_survive_a_restart(tmp_path: Path, agent: socket.socket) -> None:
    options = (*gateway(agent.getsockname()[1], family="plain"), "--state", str(tmp_path / "state.json"))
    rig = Rig(tmp_path, *options)
    rig.registered(2)
    rig.api.post(f"/subscribers/{FREE}/messages", {"to": LINE, "body": "kept"})
    until(lambda: rig.api.messages(LINE))
    rig.api.put(f"/sims/{LINE}", {"balance_cents": 123})
    assert rig.stop() == 0
    rig = Rig(tmp_path, *options)
    try:
        assert rig.api.messages(LINE)[0]["body"] == "kept"
        assert rig.api.get(f"/subscribers/{LINE}")["balance"] == pytest.approx(1.23)
    finally:
        assert rig.stop() == 0


def test_the_short_form_makes_one_goip(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "--modems", "1", "--gateway-channels", "3", "--gateway-sip", "127.0.0.1:5999")
    try:
        (box,) = rig.line["gateways"]
        assert (box["name"], box["family"], len(box["lines"])) == ("gateway1", "goip", 3)
    finally:
        assert rig.stop() == 0
