"""Asterisk 22 as a switch beside the agent: found, started, told to call."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.peers.program import running
from tests.simulator.rig import until

PROGRAM = "usr/sbin/asterisk"
HERE = Path(__file__).parent
FETCHED = HERE.parent.parent / ".peers" / "sid"
_FOLDERS = {
    "astetcdir": "etc", "astvarlibdir": "lib", "astdbdir": "lib", "astkeydir": "lib", "astagidir": "lib",
    "astspooldir": "spool", "astrundir": "run", "astlogdir": "log",
}  # fmt: skip


@dataclass(frozen=True)
class Installed:
    """``root`` is ``/``, or a debootstrap folder; ``command`` runs the program, with its own loader there."""

    root: Path
    command: tuple[str, ...]

    @property
    def modules(self) -> Path:
        return next(path for path in sorted(self.root.glob("usr/lib/*/asterisk/modules")))


def find_asterisk() -> Installed | None:
    """From PATH, or from a debootstrap folder (``SIMFERRY_PEERS_ROOT``, else ``.peers/sid``)."""
    if found := shutil.which("asterisk", path="/usr/sbin:/usr/bin"):
        return Installed(Path("/"), (found,))
    root = Path(os.environ.get("SIMFERRY_PEERS_ROOT") or FETCHED).absolute()
    if not (root / PROGRAM).exists():
        return None
    libraries = [root / folder for folder in ("usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib")]
    loader = next((path for folder in libraries for path in sorted(folder.glob("ld-linux-*.so.*"))), None)
    if loader is None:
        return None
    return Installed(root, (str(loader), "--library-path", ":".join(map(str, libraries)), str(root / PROGRAM)))


@dataclass(frozen=True)
class Asterisk:
    """A running one. It listens on ``port``; ``log`` is what it said."""

    installed: Installed
    folder: Path
    port: int

    def cli(self, command: str) -> str:
        """A command of its own console, and its answer."""
        done = subprocess.run(
            [*self.installed.command, "-C", str(self.folder / "etc/asterisk.conf"), "-rx", command],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        return done.stdout

    def call(self, user: str, context_extension: str, caller: str = "+85512000001") -> None:
        """Call ``user`` at the agent; when it answers, the extension of [towards-agent] goes on."""
        self.cli(f"channel originate Local/{caller.strip('+')}-{user}@dial extension {context_extension}@towards-agent")

    @property
    def log(self) -> str:
        return (self.folder / "asterisk.log").read_text(errors="replace")


@contextmanager
def asterisk(installed: Installed, folder: Path, port: int, agent_port: int, *, extra: str = "") -> Iterator[Asterisk]:
    """Runs it. ``agent_port``: where the agent's SIP is, on loopback; ``extra``: more of pjsip.conf."""
    _configure(installed, folder, port, agent_port, extra)
    command = [*installed.command, "-C", str(folder / "etc/asterisk.conf"), "-f", "-n", "-vvvv"]
    switch = Asterisk(installed, folder, port)
    with running(command, folder / "asterisk.log"):
        until(lambda: "Asterisk Ready." in switch.log, 30)
        yield switch
        switch.cli("core stop now")


def _configure(installed: Installed, folder: Path, port: int, agent_port: int, extra: str) -> None:
    for name in ("etc", *set(_FOLDERS.values())):
        (folder / name).mkdir(parents=True, exist_ok=True)
    lines = [f"{key} => {folder / name}" for key, name in _FOLDERS.items()]
    lines += [f"astmoddir => {installed.modules}", f"astdatadir => {installed.root / 'usr/share/asterisk'}"]
    _write(folder, "asterisk", "[directories]\n" + "\n".join(lines) + "\n[options]\nnofork = yes\n")
    _write(folder, "logger", "[general]\n[logfiles]\nconsole => notice,warning,error,verbose\n")
    _write(folder, "rtp", "[general]\nrtpstart = 19000\nrtpend = 19998\nstrictrtp = yes\n")
    _write(folder, "pjsip", _pjsip(port, agent_port) + extra)
    for name in ("extensions", "modules"):
        _write(folder, name, (HERE / "asterisk" / f"{name}.conf").read_text())
    with (folder / "etc/extensions.conf").open("a") as extensions:
        extensions.write(_DIAL)


def _write(folder: Path, name: str, text: str) -> None:
    (folder / "etc" / f"{name}.conf").write_text(text)


_DIAL = """
[from-phone]
exten => _X.,1,Dial(PJSIP/${EXTEN}@agent,30)
[dial]
exten => _X.,1,Set(CALLERID(num)=+${CUT(EXTEN,-,1)})
 same => n,Dial(PJSIP/${CUT(EXTEN,-,2)}@agent,30)
"""


def _pjsip(port: int, agent_port: int) -> str:
    return f"""
[global]
type = global
endpoint_identifier_order = username,ip
[udp]
type = transport
protocol = udp
bind = 127.0.0.1:{port}
[agent]
type = aor
contact = sip:agent@127.0.0.1:{agent_port}
[agent]
type = endpoint
aors = agent
context = from-agent
disallow = all
allow = alaw,ulaw
direct_media = no
rtp_symmetric = yes
dtmf_mode = rfc4733
trust_id_inbound = yes
moh_passthrough = yes
[agent]
type = identify
endpoint = agent
match = 127.0.0.1
[goip01]
type = endpoint
context = from-phone
disallow = all
allow = alaw
direct_media = no
moh_passthrough = yes
"""
