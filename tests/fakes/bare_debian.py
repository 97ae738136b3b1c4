"""A bare Debian 12 to install in: .peers/bookworm (scripts/peers bookworm) under a layer that is thrown away."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
BASE = ROOT / ".peers" / "bookworm"


def why_not() -> str:
    """Why it cannot be had here; empty when it can."""
    if os.environ.get("SIMFERRY_LONG") != "1":
        return "installing takes minutes: SIMFERRY_LONG=1, or scripts/soak tests/test_installers.py"
    if os.geteuid() != 0:
        return "only root can enter another root folder"
    if not (BASE / "usr/bin/python3").exists():
        return "there is no .peers/bookworm: scripts/peers bookworm"
    return ""


class BareDebian:
    """``root`` is its root folder; ``wheels`` is seen in it as /wheels, and is all that pip may have."""

    def __init__(self, root: Path, wheels: Path) -> None:
        self.root = root
        self._wheels = wheels

    def run(self, *command: str, check: bool = True, user: str = "") -> subprocess.CompletedProcess[str]:
        """Run it inside, and bring what it printed."""
        done = subprocess.run(
            self.command(*command, user=user), capture_output=True, text=True, timeout=600, check=False
        )
        if check and done.returncode:
            raise AssertionError(f"{' '.join(command)}: {done.returncode}\n{done.stdout}\n{done.stderr}")
        return done

    def command(self, *command: str, user: str = "", capability: str = "") -> list[str]:
        """How it is run inside; as a service's ``user`` with that user's groups."""
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        pip = ["PIP_NO_INDEX=1", "PIP_FIND_LINKS=/wheels", "PIP_ROOT_USER_ACTION=ignore"]
        became = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "--inh-caps=-all"] if user else []
        if capability:
            became[-1:] = [f"--inh-caps=-all,+{capability}", f"--ambient-caps=-all,+{capability}"]
        return ["chroot", str(self.root), *clean, *pip, *became, *command]

    def named(self, *words: str) -> list[str]:
        """Every path inside whose name has one of the words, /proc, /src and /wheels apart."""
        tests = " -o ".join(f"-iname '*{word}*'" for word in words)
        found = self.run(
            "sh",
            "-c",
            f"find / -xdev \\( -path /proc -o -path /src -o -path /wheels \\) -prune -o \\( {tests} \\) -print",
        )
        return found.stdout.split()

    def setting(self, unit: str, name: str) -> list[str]:
        """The values of a setting of an installed unit."""
        for folder in ("etc/systemd/system", "lib/systemd/system"):
            if (path := self.root / folder / unit).exists():
                return re.findall(rf"^{name}=(.*)$", path.read_text(), re.MULTILINE)
        raise AssertionError(f"there is no {unit}")


@contextlib.contextmanager
def bare_debian(folder: Path, wheels: Path) -> Iterator[BareDebian]:
    """With the repository as it is committed, and what is changed in it, at /src."""
    layer, root = folder / "layer", folder / "root"
    layer.mkdir()
    root.mkdir()
    mounted: list[Path] = []

    def mount(*options: str, at: Path) -> None:
        at.mkdir(parents=True, exist_ok=True)
        subprocess.run(["mount", *options, str(at)], check=True)
        mounted.append(at)

    try:
        mount("-t", "tmpfs", "tmpfs", at=layer)
        for name in ("upper", "work"):
            (layer / name).mkdir()
        where = f"lowerdir={BASE.resolve()},upperdir={layer}/upper,workdir={layer}/work"
        mount("-t", "overlay", "overlay", "-o", where, at=root)
        mount("-t", "proc", "proc", at=root / "proc")
        mount("--bind", str(wheels), at=root / "wheels")
        tracked = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        )
        for name in tracked.stdout.split():
            if (ROOT / name).is_file():
                (root / "src" / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, root / "src" / name)
        yield BareDebian(root, wheels)
    finally:
        for at in reversed(mounted):
            subprocess.run(["umount", "-l", str(at)], check=False)
