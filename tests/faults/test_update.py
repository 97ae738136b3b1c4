"""Updates that go wrong, and power that fails while they are put in place (U1 of the list of faults).

Real environments, real signatures, a real launcher under a supervisor that starts again whatever ends. The release file
is what an edge would take, with a small program in the agent's place; ``test_update_story.py`` has the real agent.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from edge_agent.updates import signing
from edge_agent.updates.states import State
from scripts.releasekit.bundle import make_release
from telecore.releases import PROFILES, PROGRAM
from tests.fakes.update_site import CRASHES, NEVER_PROVES, PROVES_ITSELF, UpdateSite, install_base, outcomes, until
from tests.faults.conftest import LONG, Report, times

STRACE = shutil.which("strace")
_MAIN = "edge_agent/__main__.py"
_CALLS = "openat,write,rename,unlink,unlinkat,mkdir,symlink,fsync,kill"
_UNSYNCED = re.compile(r"(?:write|fsync)\((?P<fd>\d+)<(?P<path>[^>]+)>")


def _few(name: str) -> bool:
    """What the small program needs: so that a run takes a moment, and has no more points than it must."""
    ours = re.fullmatch(r"edge_agent/(updates/\w+|__init__)\.py|telecore/(__init__|errors|releases|schema)\.py", name)
    return bool(ours) or name == "firmware_profiles/__init__.py"


class Kit:
    """The installed program and releases, made once."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.python = install_base(folder / "base", {_MAIN: PROVES_ITSELF})
        self.secret, self.keys = signing.new_secret(), folder / "keys"
        self.keys.mkdir()
        (self.keys / "ours.pub").write_text(f"# for tests\n{signing.public_of(self.secret).hex()}\n")
        self.good = self.release("0.2.0", PROVES_ITSELF)
        self.crashing = self.release("0.2.1", CRASHES)
        self.silent = self.release("0.2.2", NEVER_PROVES)
        self.profiles = make_release(PROFILES, folder, self.secret, version="0.1.5")

    def release(self, version: str, main: bytes) -> Path:
        return make_release(PROGRAM, self.folder, self.secret, version=version, instead={_MAIN: main}, only=_few)

    def site(self, folder: Path) -> UpdateSite:
        return UpdateSite(folder, self.python, self.keys)


@pytest.fixture(scope="module")
def kit(tmp_path_factory: pytest.TempPathFactory) -> Kit:
    return Kit(tmp_path_factory.mktemp("kit"))


def test_a_good_one_stays_and_a_bad_one_goes_back_by_itself(kit: Kit, tmp_path: Path, report: Report) -> None:
    site = kit.site(tmp_path)
    took = {}
    with site.supervised():
        until(lambda: site.running == "0.1.0")
        for file, version in ((kit.good, "0.2.0"), (kit.profiles, ""), (kit.crashing, ""), (kit.silent, "")):
            began = time.monotonic()
            site.want(file)
            assert site.update(trial=2.0 if file == kit.silent else 20.0).returncode == 0
            took[file.stem] = time.monotonic() - began
            until(lambda: site.running == "0.2.0")
            assert site.linked() == "0.2.0", version
    assert outcomes(site.status) == [
        ("0.2.0", "done"),
        ("0.1.5", "refused"),  # older than those that 0.2.0 brought
        ("0.2.1", "reverted"),
        ("0.2.2", "reverted"),
    ]
    crashed, silent = site.status.results[2:]
    assert "ended by itself 5 times" in crashed.reason
    assert "did not prove itself within 2 s" in silent.reason
    assert len(list(site.layout.versions.iterdir())) == 1
    crash_s, silent_s = (round(took[f"simferry-program-{version}"], 2) for version in ("0.2.1", "0.2.2"))
    report("a bad version after an update", tried=2, reverted=2, crash_loop_s=crash_s, silent_s_of_2=silent_s)


def test_profiles_change_without_the_program(kit: Kit, tmp_path: Path) -> None:
    site = kit.site(tmp_path)
    with site.supervised():
        site.want(kit.profiles)
        assert site.update().returncode == 0
        assert outcomes(site.status) == [("0.1.5", "done")]
        assert (site.linked("profiles"), site.linked()) == ("0.1.5", "")
        site.want(kit.good)
        assert site.update().returncode == 0
        until(lambda: site.running == "0.2.0")


def _refused(kit: Kit, site: UpdateSite, file: Path) -> str:
    site.want(file)
    assert site.update().returncode == 0
    assert site.status.state is State.IDLE
    assert not site.layout.link(PROGRAM).exists()
    (result,) = site.status.results[-1:]
    assert result.outcome == "refused"
    assert not site.layout.versions.exists() or not list(site.layout.versions.iterdir())
    return result.reason


def test_what_must_not_be_taken_is_refused(kit: Kit, tmp_path: Path, report: Report) -> None:
    site = kit.site(tmp_path)
    good = kit.good.read_bytes()
    changed = tmp_path / "changed"
    reasons: dict[str, str] = {}

    def with_terms(name: str, terms: Mapping[str, object], version: str = "0.3.0") -> None:
        folder = tmp_path / name
        folder.mkdir()
        made = make_release(
            PROGRAM, folder, kit.secret, version=version, instead={_MAIN: PROVES_ITSELF}, only=_few, terms=terms
        )
        reasons[name] = _refused(kit, site, made)

    changed.write_bytes(good[: len(good) // 2])
    reasons["truncated"] = _refused(kit, site, changed)
    for place in range(0, len(good), len(good) // times(2, 100)):
        changed.write_bytes(good[:place] + bytes([good[place] ^ 1]) + good[place + 1 :])
        site.want(changed)
        assert site.update(trial=0.2).returncode == 0
        # The dates and attributes of the outer ZIP are not signed, and change nothing that is.
        assert site.status.results[-1].outcome in ("refused", "reverted", "done"), place
        if site.status.results[-1].outcome != "refused":
            shutil.rmtree(site.layout.root)
            site.layout.inbox.mkdir(parents=True)
    stranger = tmp_path / "stranger"
    stranger.mkdir()
    theirs = make_release(PROGRAM, stranger, signing.new_secret(), version="0.3.0")
    reasons["another's signature"] = _refused(kit, site, theirs)
    with_terms("another device", {"product": "simferry-cloud"})
    with_terms("another machine", {"machines": ("riscv128",)})
    with_terms("another Python", {"python": ("3.14", "3.15")})
    with_terms("other packages", {"packages": "0" * 64})
    with_terms("another channel", {"channel": "beta"})
    with_terms("a later format", {"format": 2})
    with_terms("too new a minimum", {"minimum_version": "0.2.0"})
    with_terms("downgrade", {}, version="0.0.9")
    with_terms("the same again", {}, version="0.1.0")
    with_terms("no room", {"unpacked": 1 << 50})
    with_terms("no version", {"version": "../../etc"})
    assert "signature" in reasons["another's signature"]
    assert "simferry-cloud" in reasons["another device"]
    assert "downgrade" in reasons["downgrade"]
    assert "packages" in reasons["other packages"]
    down = make_release(
        PROGRAM, tmp_path, kit.secret, version="0.0.9", downgrade=True, instead={_MAIN: PROVES_ITSELF}, only=_few
    )
    with site.supervised():
        site.want(down)
        assert site.update().returncode == 0
        assert outcomes(site.status)[-1] == ("0.0.9", "done")
    report("a release that must not be taken", kinds=len(reasons), refused=len(reasons), signed_downgrade="taken")


def test_the_agent_cannot_have_other_files_read_or_written(kit: Kit, tmp_path: Path) -> None:
    """Who has taken over the agent has its inbox, and gains nothing by it."""
    site = kit.site(tmp_path)
    secret = tmp_path / "secret"
    secret.write_bytes(kit.good.read_bytes())
    for place in (site.layout.release, site.layout.confirmed):
        place.symlink_to(secret)
    site.layout.wanted.write_text('{"release": 5, "attempt": "x"}')
    assert site.update(trial=0.1).returncode == 0
    assert site.status.results[-1].outcome == "refused"
    site.layout.release.unlink(missing_ok=True)
    subprocess.run(["mkfifo", str(site.layout.release)], check=True)
    site.layout.wanted.write_text("[" * 100_000)
    assert site.update(trial=0.1).returncode == 0
    assert site.status.results[-1].outcome == "refused"
    assert secret.read_bytes() == kit.good.read_bytes()


@pytest.mark.skipif(STRACE is None, reason="strace is not here")
def test_power_fails_at_every_step(kit: Kit, tmp_path: Path, report: Report, chance: random.Random) -> None:
    """Killed at the n-th call of the system that changes something; what was not synced is emptied, as power cuts do.

    Then the machine starts again: the updater goes on from what it finds, and one of the two versions runs.
    """
    whole = kit.site(tmp_path / "whole")
    log = tmp_path / "whole.strace"
    with whole.supervised():
        whole.want(kit.good)
        assert whole.update(prefix=(str(STRACE), "-f", "-y", "-e", f"trace={_CALLS}", "-o", str(log))).returncode == 0
    assert outcomes(whole.status) == [("0.2.0", "done")]
    calls = [line for line in log.read_text().splitlines() if "/updates" in line or "kill(" in line]
    points = _points(log.read_text())
    chosen = points if LONG else sorted(chance.sample(points, 4))
    ended = {"0.2.0": 0, "0.1.0": 0}
    for number, (call, when) in enumerate(chosen):
        for file, good in ((kit.good, True), (kit.silent, False))[: times(1, 2)]:
            site = kit.site(tmp_path / f"cut-{number}-{good}")
            running = _cut_and_start_again(site, file, call, when)
            done = bool(site.status.results) and site.status.results[-1].outcome == "done"
            assert running == ("0.2.0" if done else "0.1.0"), (call, when)
            assert good or not done, (call, when)
            ended[running] += 1
            shutil.rmtree(site.folder)
    report("power cut while an update is put in place", points=len(points), tried=sum(ended.values()), bricked=0,
           ended_new=ended["0.2.0"], ended_old=ended["0.1.0"], calls=len(calls))  # fmt: skip


def _points(log: str) -> list[tuple[str, int]]:
    """(name of a call, how many-eth of its name), from the first that touches our folders on."""
    seen: dict[str, int] = {}
    found = []
    for line in log.splitlines():
        name = re.match(r"\d+ +(\w+)\(", line)
        if name is None:
            continue
        seen[name[1]] = seen.get(name[1], 0) + 1
        writing = name[1] != "openat" or "O_CREAT" in line
        if ("/updates" in line and writing) or name[1] == "kill":
            found.append((name[1], seen[name[1]]))
    return found


def _cut_and_start_again(site: UpdateSite, file: Path, call: str, when: int) -> str:
    log = site.folder / "strace"
    kill = (str(STRACE), "-f", "-y", "-e", f"trace={_CALLS}", "-e", f"inject={call}:signal=SIGKILL:when={when}")
    with site.supervised():
        site.want(file)
        site.update(trial=2.0, prefix=(*kill, "-o", str(log)))
    _forget_unsynced(log.read_text())
    site.processes.write_text("")
    with site.supervised():
        assert site.update(trial=2.0).returncode == 0
        assert site.status.state is State.IDLE
        (site.folder / "running").unlink(missing_ok=True)
        until(lambda: site.running)
        return site.running


def _forget_unsynced(log: str) -> None:
    """Empty each file that was written and not synced: the worst that a journalling file system leaves of it."""
    unsynced: set[str] = set()
    for line in log.splitlines():
        if (found := _UNSYNCED.search(line)) is None or "/updates/" not in found["path"]:
            continue
        if "fsync(" in line:
            unsynced.discard(found["path"])
        else:
            unsynced.add(found["path"])
    for path in map(Path, unsynced):
        if path.is_file():
            path.write_bytes(b"")


@pytest.mark.skipif(STRACE is None, reason="strace is not here")
def test_the_disk_is_full(kit: Kit, tmp_path: Path, report: Report, chance: random.Random) -> None:
    """From the n-th write on there is no room: the old version runs on, and once there is room the update is taken."""
    refused = later = 0
    tried = times(3, 60)
    for number in range(tried):
        site = kit.site(tmp_path / f"full-{number}")
        with site.supervised():
            until(lambda: site.running == "0.1.0")  # noqa: B023
            site.want(kit.good)
            first = chance.choice((1, 2, 3, chance.randrange(4, 700)))
            full = (str(STRACE), "-f", "-e", f"inject=write:error=ENOSPC:when={first}+", "-o", "/dev/null")
            site.update(trial=5.0, prefix=full)
            if site.status.results and site.status.results[-1].outcome == "refused":
                refused += 1
                assert "space" in site.status.results[-1].reason
                site.want(kit.good, attempt=2)
            assert site.update().returncode == 0
            later += outcomes(site.status)[-1] == ("0.2.0", "done")
            until(lambda: site.running == "0.2.0")  # noqa: B023
        shutil.rmtree(site.folder)
    report("disk full from a write of the update on", tried=tried, told_no_space=refused, taken_later=later)
    assert later == tried


def test_a_trial_goes_on_after_a_restart_of_the_machine_but_not_for_ever(kit: Kit, tmp_path: Path) -> None:
    site = kit.site(tmp_path)
    site.want(kit.silent)
    for number in range(5):
        updater = subprocess.Popen(site.updater(trial=30.0), stderr=subprocess.DEVNULL)
        until(lambda: (site.status.state is State.TRIAL and site.status.resumed == number) or site.status.results)  # noqa: B023
        updater.kill() if number < 4 else updater.wait(20)
        updater.wait()
    assert "again and again" in site.status.results[-1].reason
    assert json.loads(site.layout.state.read_text())["results"]


def test_without_an_updater_the_launcher_leaves_a_version_that_crash_loops(kit: Kit, tmp_path: Path) -> None:
    site = kit.site(tmp_path)
    site.want(kit.crashing)
    updater = subprocess.Popen(site.updater(trial=60.0), stderr=subprocess.DEVNULL)
    until(lambda: site.status.state is State.TRIAL)
    updater.kill()
    updater.wait()
    with site.supervised():
        until(lambda: site.running == "0.1.0")
    assert site.starts >= 5
