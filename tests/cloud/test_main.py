"""The command line in real processes: what it prints, what it says when something is wrong, how it stops."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloud.__main__ import UNREAD, main
from telecore.ids import is_sid

ROOT = Path(__file__).parent.parent.parent


def free_ports() -> tuple[int, int]:
    with socket.socket() as one, socket.socket() as two:
        one.bind(("127.0.0.1", 0))
        two.bind(("127.0.0.1", 0))
        return one.getsockname()[1], two.getsockname()[1]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    web, tunnel = free_ports()
    path = tmp_path / "cloud.yaml"
    path.write_text(f"web: {{port: {web}}}\ntunnel: {{port: {tunnel}}}\nspeech: {{program: no-such-speech}}\n")
    return path


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


Run = Callable[..., Done]


@pytest.fixture
def run(config: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """A command in this process, its log left alone."""
    monkeypatch.setattr("cloud.__main__.set_up", lambda level: None)

    def command(*arguments: str, stdin: str = "") -> Done:
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        status = main([*arguments, "--config", str(config)])
        printed = capsys.readouterr()
        return Done(status, printed.out, printed.err)

    return command


def result(run: Run, *arguments: str) -> dict[str, str]:
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


def url(config: Path, path: str) -> str:
    port = config.read_text().split("port: ")[1].split("}")[0]
    return f"http://127.0.0.1:{port}{path}"


@contextmanager
def serving(config: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cloud", "serve", "--config", str(config)]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        try:
            deadline = time.monotonic() + 20
            while True:
                try:
                    with urllib.request.urlopen(url(config, "/readyz"), timeout=5):
                        break
                except (OSError, urllib.error.URLError):
                    assert process.poll() is None, process.stderr.read() if process.stderr else ""
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate()


def test_what_an_account_sets(run: Run) -> None:
    account = result(run, "create-account", "Clinic")
    shown = result(run, "account")
    assert (shown["sid"], shown["compat"], shown["webhook_log"]) == (account["sid"], "twilio", "full")
    shown = result(run, "account", "--compat", "somleng", "--webhook-log", "brief", "--webhook-log-days", "30")
    assert (shown["compat"], shown["webhook_log"], shown["webhook_log_days"]) == ("somleng", "brief", "30")
    assert (shown["message_retention"], shown["message_days"]) == ("redacted", "0")
    shown = result(run, "account", "--message-retention", "deleted", "--message-days", "90", "--recording-days", "30")
    assert (shown["message_retention"], shown["message_days"]) == ("deleted", "90")
    assert (shown["recording_days"], shown["call_days"]) == ("30", "0")
    refused = run("account", "--call-days", "3651")
    assert (refused.returncode, "--call-days must be from 0 to 3650" in refused.stderr) == (1, True)
    refused = run("account", "--webhook-log-days", "91")
    assert refused.returncode == 1
    assert "from 1 to 90" in refused.stderr


def test_what_an_account_may_spend(run: Run) -> None:
    account = result(run, "create-account", "Clinic")
    shown = result(run, "caps")
    assert (shown["sid"], shown["messages_per_day"], shown["special"]) == (account["sid"], "0", "no")
    given = ("--messages-per-day", "50", "--allow", "+855,+84", "--prefixes", "+84=5", "--bursts", "block")
    shown = result(run, "caps", *given)
    assert (shown["messages_per_day"], shown["allow"], shown["prefixes"]) == ("0 of 50", "+855,+84", "+84=5")
    shown = result(run, "caps", "--allow", "", "--special", "yes")
    assert (shown["messages_per_day"], shown["allow"], shown["special"]) == ("0 of 50", "", "yes")
    assert "at the command line | caps | allow=[], special=true | from here | done" in run("audit", "show").stdout
    assert (shown := result(run, "caps", "--reset", "--unblock"))["bursts"] == "foreign"
    assert (shown["messages_per_day"], shown["blocked"]) == ("0", "")
    for given, named in (
        (("--allow", "855"), "allow"),
        (("--prefixes", "+84"), "prefixes"),
        (("--calls-at-once", "-1"), "calls_at_once"),
    ):
        refused = run("caps", *given)
        assert (refused.returncode, named in refused.stderr) == (1, True)


def test_channels_are_listed(run: Run) -> None:
    assert run("channels").stdout == "no channel has been heard of\n"
    assert json.loads(run("channels", "--json", "--edge", "site-1").stdout) == []


def test_a_command_whose_output_nobody_reads_ends_in_silence(run: Run, config: Path) -> None:
    run("channels")  # the log tells of the schema that it makes
    argv = [sys.executable, "-m", "cloud", "channels", "--config", str(config)]
    with subprocess.Popen(argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        assert process.stderr.read() == b""
        assert process.wait(30) == UNREAD


def test_an_account_an_operator_an_edge(run: Run) -> None:
    refused = run("enrol-edge", "site-1")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "create-account" in refused.stderr
    account = result(run, "create-account", "Clinic")
    assert is_sid(account["sid"], "AC")
    edge = result(run, "enrol-edge", "site-1")
    assert (edge["edge"], edge["account"]) == ("site-1", account["sid"])
    assert len(edge["token"]) >= 43
    assert "password" in result(run, "create-operator", "ann")
    assert result(run, "create-operator", "ann", "--password", "a long password") == {"user": "ann"}
    assert run("create-operator", "ann", "--password", "-", stdin="also long enough\n").returncode == 0
    result(run, "create-operator", "eve", "--role", "account", "--account", account["sid"])
    assert "operator disable" not in run("audit", "show").stdout
    result(run, "operator", "disable", "ann")
    assert "password" in result(run, "operator", "reset-password", "eve")
    listed = result(run, "operator", "list")
    assert listed["ann"] == "operator, no second factor, disabled"
    assert listed["eve"] == f"account {account['sid']}, no second factor"
    shown = run("audit", "show").stdout
    assert "at the command line | operator disable | operator ann | from here | done" in shown
    assert len(shown.splitlines()) == 8, "one for each command that changed something"
    assert run("audit", "verify").stdout.startswith("whole: 8 entries")
    forged = run("audit", "verify", "--anchors", "-", stdin=f"audit head 9:{'0' * 64}\n")
    assert (forged.returncode, "cut off" in forged.stderr) == (3, True)
    result(run, "create-account", "Second")
    assert "--account" in run("enrol-edge", "site-2").stderr
    assert result(run, "enrol-edge", "site-2", "--account", account["sid"])["account"] == account["sid"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("create-operator", "ann", "--password", "short"), "at least 10 characters"),
        (("create-operator", "ann", "--role", "account"), "--role account and --account belong together"),
        (("operator", "disable", "bob"), "there is no operator bob"),
        (("enrol-edge", "Site 1"), "cannot name an edge"),
        (("enrol-edge", "site-1", "--account", "AC1"), "there is no account AC1"),
    ],
)
def test_what_is_wrong_is_one_sentence(run: Run, arguments: tuple[str, ...], sentence: str) -> None:
    done = run(*arguments)
    assert done.returncode == 1
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_wrong_configuration_is_not_tried_again(config: Path, run: Run) -> None:
    config.write_text("web: {prot: 1}\n")
    done = run("serve")
    assert done.returncode == 2
    assert done.stderr.startswith("simferry-cloud: cloud.yaml line 1: web.prot: unknown key")
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_and_a_database_that_is_none(config: Path, run: Run, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        config.write_text(f"web: {{port: {taken.getsockname()[1]}}}\ntunnel: {{port: 0}}\n")
        done = run("serve")
        assert done.returncode == 1
        assert done.stderr.splitlines()[-1].startswith("simferry-cloud: ")
        assert "address already in use" in done.stderr.splitlines()[-1]
    (tmp_path / "data" / "cloud.db").write_bytes(os.urandom(8192))
    for path in (tmp_path / "data").glob("cloud.db-*"):
        path.unlink()
    done = run("serve")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "not a database" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_when_told(config: Path, number: signal.Signals) -> None:
    with serving(config) as process:
        process.send_signal(number)
        _, log = process.communicate(timeout=15)
        assert process.returncode == 0
        assert "Traceback" not in log
        assert "no-such-speech is not installed" in log


def test_what_it_acknowledged_survives_a_kill(config: Path, run: Run) -> None:
    account = result(run, "create-account", "Clinic")
    auth = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    auth.add_password(None, url(config, "/"), account["sid"], account["auth_token"])
    opener = urllib.request.build_opener(urllib.request.HTTPBasicAuthHandler(auth))
    made: list[str] = []
    for n in range(2):
        with serving(config) as process:
            with opener.open(url(config, "/2010-04-01/Accounts.json"), b"FriendlyName=x", timeout=10) as answer:
                made.append(json.load(answer)["sid"])
            process.kill()
        assert len(made) == n + 1
    with serving(config), opener.open(url(config, "/2010-04-01/Accounts.json"), timeout=10) as answer:
        assert {row["sid"] for row in json.load(answer)["accounts"]} == {*made, account["sid"]}


def test_an_edge_is_revoked_forgiven_and_the_clouds_key_replaced(run: Run) -> None:
    result(run, "create-account", "Clinic")
    first = result(run, "enrol-edge", "site-1")["token"].partition(".")[2]
    assert len(first) == 32
    assert result(run, "revoke-edge", "site-1") == {"edge": "site-1", "vouchers_removed": "0"}
    assert "was revoked" in run("forgive-edge", "site-1").stderr
    assert "There is no edge site-9" in run("revoke-edge", "site-9").stderr
    result(run, "enrol-edge", "site-2")
    assert result(run, "forgive-edge", "site-2") == {"edge": "site-2"}
    made = result(run, "rotate-tunnel-key")
    assert made["keys"] == "2"
    assert result(run, "enrol-edge", "site-1")["token"].partition(".")[2] == made["key"][:32] != first
    assert result(run, "rotate-tunnel-key", "--drop-old") == {"key": made["key"], "keys": "1"}
    shown = run("audit", "show").stdout
    for action in ("revoke-edge", "forgive-edge", "rotate-tunnel-key", "drop-tunnel-keys"):
        assert f" {action} " in shown


def test_backup_restore_and_migrate_leave_an_entry_where_there_is_a_store_of_this_version(
    run: Run, config: Path
) -> None:
    result(run, "create-account", "Clinic")
    kept = config.parent / "kept"
    result(run, "backup", str(kept))
    assert run("migrate").returncode == 0
    shown = run("audit", "show").stdout
    assert f"| backup | backup {kept}" in shown
    assert "| migrate |" in shown
    result(run, "restore", "--replace", str(kept))
    shown = run("audit", "show").stdout
    assert "| restore |" in shown
    assert "| migrate |" not in shown
    assert run("audit", "verify").returncode == 0


def test_a_backup_is_not_what_migrates_a_store(run: Run, config: Path, caplog: pytest.LogCaptureFixture) -> None:
    result(run, "create-account", "Clinic")
    path = config.parent / "data" / "cloud.db"
    with contextlib.closing(sqlite3.connect(path)) as conn:
        conn.execute("UPDATE alembic_version SET version_num = '0001'")
        conn.commit()
    done = run("backup", str(config.parent / "kept"))
    assert done.returncode == 0
    assert "not in the audit log" in caplog.text
    with contextlib.closing(sqlite3.connect(path)) as conn:
        assert conn.execute("SELECT version_num FROM alembic_version").fetchall() == [("0001",)]
