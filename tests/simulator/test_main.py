"""The process: options, its supervisor, its state over a restart, its end."""

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from aiohttp import ClientSession

from tests.simulator.rig import ROOT, Rig, until


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--gateway-channels", "2"], "sip=HOST:PORT"),
        (["--gateway-channels", "2", "--gateway-sip", "edge:5060"], "numeric"),
        (["--gateway", "box,channels=0,sip=127.0.0.1:5060"], "from 1 to 128"),
        (["--gateway", "box,channels=1,sip=127.0.0.1:5060,family=nokia"], "'nokia'"),
        (["--gateway", "box,channels=1,sip=127.0.0.1:5060,mode=maybe"], "register or peer"),
        (["--gateway", "modem1,channels=1,sip=127.0.0.1:5060"], "no name"),
        (["--gateway", "box,channels=1,colour=red,sip=127.0.0.1:5060"], "'colour'"),
        (["--gateway", "a,channels=1,sip=127.0.0.1:1", "--gateway", "a,channels=1,sip=127.0.0.1:1"], "same name"),
        (["--modems", "-1"], "--modems"),
        (["--speed", "0"], "--speed"),
        (["--profile", "nokia"], "'nokia'"),
        (["--tunnel-proxy", "a=b"], "EDGE=LISTENPORT:TARGETPORT"),
        (["--pin", "modem9=1234"], "modem9"),
        (["--port", "99999"], "--port"),
    ],
)
def test_options_that_cannot_be_are_refused_in_one_sentence(tmp_path: Path, options: list[str], words: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "simulator", "--device-dir", str(tmp_path), *options],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_it_ends_at_once_and_takes_its_devices_away(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "--modems", "1")
    link = Path(rig.line["modems"][0]["at"])
    assert link.exists()
    start = time.monotonic()
    assert rig.stop() == 0
    assert time.monotonic() - start < 3
    assert not link.is_symlink()


def test_state_survives_a_restart(tmp_path: Path) -> None:
    state = ("--modems", "2", "--state", str(tmp_path / "state.json"))
    rig = Rig(tmp_path, *state)
    rig.registered()
    line = rig.at(1)
    line.ask("AT+CNMI=2,1,0,0,0")
    line.send("0001000B915815020010F0000005E8329BFD06", 18)
    rig.api.post("/subscribers/+85512000010/messages", {"to": "+85510000001", "body": "on the card"})
    line.read_until("CMTI")
    rig.api.post("/faults", {"kind": "no_network", "target": "modem2"})
    rig.api.post("/subscribers/+85512000010/messages", {"to": "+85510000002", "body": "under way"})
    until(lambda: rig.api.messages("+85512000010"))
    time.sleep(0.5)
    assert rig.stop() == 0
    saved = json.loads((tmp_path / "state.json").read_text())
    assert len(saved["parcels"]) == 1

    rig = Rig(tmp_path, *state)
    assert rig.api.messages("+85512000010")[0]["body"] == "hello"
    assert rig.api.get("/subscribers/+85510000001")["balance"] == pytest.approx(99.95)
    assert rig.api.get("/network")["sims"][0]["counters"]["accepted"] == 1
    rig.registered()
    line = rig.at(1)
    assert "+CMGL: 0,0,," in line.ask("AT+CMGL=4")
    assert until(lambda: rig.api.messages("+85510000002"))[0]["body"] == "under way"
    assert line.send("0001000B915815020010F0000005E8329BFD06", 18)[1] == "1"
    assert rig.stop() == 0


def test_a_state_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("[1, 2]")
    command = [sys.executable, "-m", "simulator", "--device-dir", str(tmp_path / "dev")]
    done = subprocess.run(
        [*command, "--state", str(tmp_path / "state.json")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert done.returncode == 1
    assert "is not a saved state" in done.stderr


class _Supervisor(BaseHTTPRequestHandler):
    asked: list[str] = []

    def do_POST(self) -> None:
        self.asked.append(self.path)
        known = self.path == "/processes/cloud/restart"
        body = json.dumps({"pid": 77} if known else {"error": "no such process"}).encode()
        self.send_response(200 if known else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        del format, args


@pytest.fixture
def supervisor() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), _Supervisor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_restarts_are_passed_to_the_supervisor(tmp_path: Path, supervisor: str) -> None:
    rig = Rig(tmp_path, "--modems", "0", "--supervisor-url", supervisor)
    assert rig.api.ask("POST", "/processes/cloud/restart", {}) == (200, {"pid": 77})
    assert rig.api.ask("POST", "/processes/other/restart", {}) == (404, {"error": "no such process"})
    assert rig.stop() == 0


def test_a_supervisor_that_is_gone_is_told(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "--modems", "0", "--supervisor-url", "http://127.0.0.1:1")
    status, error = rig.api.ask("POST", "/processes/cloud/restart", {})
    assert (status, error["field"]) == (502, "name")
    assert rig.stop() == 0


def test_a_sim_with_a_pin_and_a_huawei(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "--modems", "2", "--profile", "sim7600,huawei", "--pin", "modem1=4711")
    assert "SIM PIN" in rig.at(1).ask("AT+CPIN?")
    rig.at(1).ask('AT+CPIN="4711"')
    rig.registered(1)
    assert rig.line["modems"][1]["profile"] == "huawei"
    assert rig.at(2).ask("AT+CGMM") == "E173-SIM"
    assert rig.stop() == 0


def test_the_tunnel_proxy_is_a_target_of_faults(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "--modems", "0", "--tunnel-proxy", "site-a=0:1")
    assert rig.line["tunnel_proxies"]["site-a"] > 0
    fault = rig.api.post("/faults", {"kind": "tunnel_slow", "target": "site-a", "kbit_s": 64, "for_s": 5})
    assert rig.api.get("/faults")[0]["id"] == fault["id"]
    assert rig.api.ask("POST", "/faults", {"kind": "tunnel_slow", "target": "site-a"})[1]["field"] == "kbit_s"
    assert rig.api.ask("POST", "/faults", {"kind": "tunnel_cut", "target": "site-b"})[0] == 404
    assert rig.stop() == 0


async def test_it_ends_in_time_though_a_browser_is_connected(tmp_path: Path) -> None:
    rig = Rig(tmp_path, "--modems", "0")
    url = f"{rig.line['url']}/subscribers/+85512000016/live"
    async with ClientSession() as session, session.ws_connect(url) as socket:
        await socket.receive_json()
        start = time.monotonic()
        assert await asyncio.to_thread(rig.stop) == 0
        assert time.monotonic() - start < 3
