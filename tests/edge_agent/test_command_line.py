"""What an operator types, and what he is told."""

import json
import signal
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from edge_agent import __version__
from edge_agent.__main__ import main

ROOT = Path(__file__).parents[2]
CONFIG = "data_dir: data\nstatus: {{port: {port}}}\ndevices: {devices}\n"


def write(folder, devices="[]", port=9120):
    path = folder / "agent.yaml"
    path.write_text(CONFIG.format(devices=devices, port=port))
    return str(path)


@pytest.fixture
def served():
    """A server on loopback that answers what the test says."""
    answers = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            code, body = answers.get(self.path, (404, b""))
            self.send_response(code)
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self):
            answers["posted"] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.do_GET()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_port, answers
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_command_whose_output_nobody_reads_ends_in_silence():
    argv = [sys.executable, "-m", "edge_agent", "version"]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(30) == 128 + signal.SIGPIPE


def test_version(capsys):
    assert main(["version"]) == 0
    assert __version__ in capsys.readouterr().out


@pytest.mark.parametrize("words", [[], ["fly"], ["probe"], ["enrol"], ["run", "--config"]])
def test_a_wrong_command_line_is_2(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 2
    assert "usage: edge-agent" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--help"], ["run", "--help"], ["enrol", "--help"], ["status", "--help"]])
def test_help(words, capsys):
    with pytest.raises(SystemExit) as ended:
        main(words)
    assert ended.value.code == 0
    assert len(capsys.readouterr().out) > 100


def test_check_config_tells_what_would_be_done(tmp_path, capsys):
    port = tmp_path / "tty"
    port.touch()
    devices = f"[{{id: modem1, port: {port}, audio: none}}]"
    assert main(["check-config", "--config", write(tmp_path, devices)]) == 0
    out = capsys.readouterr().out
    assert f"modem1: at_modem on {port}, no calls, profile auto" in out
    assert "enrolled  no: run edge-agent enrol" in out
    assert f"data      {tmp_path / 'data'}" in out


@pytest.mark.parametrize(
    ("devices", "problem"),
    [
        ("[{id: m, port: /dev/nothing-here}]", "device m: the port /dev/nothing-here is not there"),
        (
            "[{id: m, port: /dev/null, driver: telepathy}]",
            "device m: there is no driver 'telepathy' (there are: ",
        ),
        ("[{id: m, port: /dev/null, profile: acme/x}]", "device m: there is no profile 'acme/x' (there are: generic/"),
        ("[{id: m, prot: x}]", "agent.yaml line 3: devices[0].prot: unknown key"),
    ],
)
def test_check_config_tells_what_would_not_work(tmp_path, capsys, devices, problem):
    assert main(["check-config", "--config", write(tmp_path, devices)]) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (["run", "--config", "absent.yaml"], 2, "absent.yaml: No such file"),
        (["probe", "/dev/nothing-here"], 1, "/dev/nothing-here"),
        (["status", "--url", "http://127.0.0.1:1"], 1, "no agent answers at http://127.0.0.1:1/status"),
        (["status", "--url", "ftp://x"], 2, "must begin with"),
        (["enrol", "--cloud", "http://127.0.0.1:1", "--token", "t", "--data-dir", "d"], 1, "cannot be reached"),
        (["enrol", "--cloud", "x", "--token", "t", "--data-dir", "d"], 2, "must begin with"),
        (["enrol", "--cloud", "http://cloud.invalid", "--token", "t", "--data-dir", "d"], 2, "has no TLS"),
        (
            ["enrol", "--cloud", "http://cloud.invalid", "--token", "t", "--data-dir", "d", "--insecure"],
            1,
            "cannot be reached",
        ),
    ],
)
def test_a_fault_is_one_sentence_and_no_traceback(tmp_path, monkeypatch, capsys, words, code, sentence):
    monkeypatch.chdir(tmp_path)
    assert main(words) == code
    err = capsys.readouterr().err
    assert sentence in err
    assert err.startswith("edge-agent: ")
    assert err.count("\n") == 1


def test_run_without_identity(tmp_path, capsys):
    assert main(["run", "--config", write(tmp_path)]) == 2
    assert "run edge-agent enrol" in capsys.readouterr().err


def test_status_as_a_table_and_as_json(tmp_path, capsys, served):
    port, answers = served
    status = {
        "edge": "site-1", "version": "9", "uptime_s": 5, "tunnel": {"connected": True}, "spooled": 0, "sms_waiting": 0,
        "channels": [{"channel": "site-1/modem1", "state": "registered", "since": 0}], "calls": [], "warnings": [],
    }  # fmt: skip
    answers["/status"] = (200, json.dumps(status).encode())
    assert main(["status", "--config", write(tmp_path, port=port)]) == 0
    out = capsys.readouterr().out
    assert "edge site-1" in out
    assert "modem1   registered" in out
    assert main(["status", "--url", f"http://127.0.0.1:{port}/", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == status


@pytest.mark.parametrize("answer", [(500, b""), (200, b"<html>")])
def test_something_else_answers(capsys, served, answer):
    port, answers = served
    answers["/status"] = answer
    assert main(["status", "--url", f"http://127.0.0.1:{port}"]) == 1
    assert "answer" in capsys.readouterr().err


def test_enrolment_keeps_the_key_and_does_not_replace_one_by_accident(tmp_path, capsys, served):
    port, answers = served
    answers["/edges/enrol"] = (200, b'{"edge": "site-7", "tunnel_url": "wss://cloud/tunnel"}')
    words = ["enrol", "--cloud", f"http://127.0.0.1:{port}", "--token", "-once", "--data-dir", str(tmp_path / "d")]
    assert main(words) == 0
    out = capsys.readouterr().out
    assert "enrolled as site-7" in out
    kept = json.loads((tmp_path / "d" / "identity.json").read_text())
    assert answers["posted"]["token"] == "-once"
    assert kept["key"] not in out
    assert main(words) == 1
    assert "--force" in capsys.readouterr().err
    assert json.loads((tmp_path / "d" / "identity.json").read_text()) == kept
    assert main([*words, "--force"]) == 0
    assert json.loads((tmp_path / "d" / "identity.json").read_text())["key"] != kept["key"]


def test_enrolment_makes_the_spool_too(tmp_path, served):
    port, answers = served
    answers["/edges/enrol"] = (200, b'{"edge": "site-7", "tunnel_url": "wss://cloud/tunnel"}')
    assert main(["enrol", "--cloud", f"http://127.0.0.1:{port}", "--token", "t", "--data-dir", str(tmp_path)]) == 0
    assert (tmp_path / "spool.db").stat().st_size > 0


def test_check_config_tells_what_is_done_with_accounts_and_which_recipe_is_not_there(tmp_path, capsys):
    path = write(tmp_path)
    assert main(["check-config", "--config", path]) == 0
    said = capsys.readouterr().out
    assert "balances  every 6 h; " in said
    assert "tests     only when asked for" in said
    with open(path, "a", encoding="utf-8") as file:
        file.write("sims: {recipe: mine, recipes: own, thresholds: {fear_s: 3}}\nself_test: {every_h: 24}\n")
    assert main(["check-config", "--config", path]) == 2
    assert "own: there is no such folder" in capsys.readouterr().err
    (tmp_path / "own").mkdir()
    assert main(["check-config", "--config", path]) == 2
    said = capsys.readouterr()
    assert "sims.recipe: there is no recipe 'mine'" in said.err
    assert "sims.thresholds.fear_s: unknown (known: " in said.err
    assert "an SMS and a call between SIMs every 24 h" in said.out


def test_recipes_are_listed_and_ones_own_are_tested(tmp_path, capsys):
    assert main(["recipes"]) == 0
    said = capsys.readouterr().out
    assert "kh_cellcard" in said
    assert "NOT verified" in said
    path = tmp_path / "mine.yaml"
    path.write_text("operator: x\n")
    assert main(["recipes", "test", str(path)]) == 1
    assert "mine.yaml line 1: country: is missing" in capsys.readouterr().err
    assert main(["recipes", "test"]) == 0
    assert "7 of 7 texts read as they should be" in capsys.readouterr().out
