"""A Debian package, the same bytes each time, by dpkg-deb alone.

It carries our wheel, the wheels of all packages that it needs (for this machine and this Python, each checked against
requirements.lock), the units, the udev rules and an empty place for keys; the environment is made of them when it is
installed, without the Internet.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from scripts.releasekit.distributions import CLOUD, EDGE, ROOT, Distribution, locked, packages_hash, project
from scripts.releasekit.wheel import build_wheel

DATE = 1704067200
TEMPLATES = Path(__file__).parent / "debian"
_CONFIG = {EDGE.name: "etc/edge-agent", CLOUD.name: "etc/simferry-cloud"}


@dataclass(frozen=True, slots=True)
class Parts:
    """What a package brings besides the program, as (file here, place there)."""

    files: tuple[tuple[str, str], ...]
    depends: str


_PARTS = {
    EDGE.name: Parts(
        (
            ("systemd/edge-agent.service", "lib/systemd/system/edge-agent.service"),
            ("systemd/simferry-update.service", "lib/systemd/system/simferry-update.service"),
            ("systemd/simferry-update.path", "lib/systemd/system/simferry-update.path"),
            ("systemd/60-edge-modems.rules", "lib/udev/rules.d/60-edge-modems.rules"),
            ("scripts/releasekit/debian/agent.yaml", "etc/edge-agent/agent.yaml"),
        ),
        "adduser, udev",
    ),
    CLOUD.name: Parts(
        (
            ("systemd/cloud.service", "lib/systemd/system/simferry-cloud.service"),
            ("scripts/releasekit/debian/cloud.yaml", "etc/simferry-cloud/cloud.yaml"),
        ),
        "adduser, espeak-ng",
    ),
}


def wheels(extras: tuple[str, ...], into: Path) -> None:
    """Fetch what the extras need, by the hashes of the lock; what has no wheel is built. Raises CalledProcessError."""
    into.mkdir(parents=True, exist_ok=True)
    lock = into / "lock.txt"
    lock.write_text(locked(extras))
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(DATE), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = [sys.executable, "-m", "pip", "wheel", "-q", "--require-hashes", "--no-deps", "-r", str(lock)]
    subprocess.run([*command, "-w", str(into)], check=True, env=environment)


def build_deb(made: Distribution, into: Path, carried: Path) -> Path:
    """Write NAME_VERSION_ARCH.deb. ``carried``: the folder that ``wheels`` filled. Raises CalledProcessError."""
    version = str(project()["version"]).replace("rc", "~rc")
    arch = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.strip()
    path = into / f"{made.name}_{version}_{arch}.deb"
    with TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        _fill(made, tree, carried)
        _control(made, tree, version, arch)
        for place in [tree, *tree.rglob("*")]:
            os.chmod(place, 0o755 if place.is_dir() or os.access(place, os.X_OK) else 0o644)
            os.utime(place, (DATE, DATE), follow_symlinks=False)
        command = ["dpkg-deb", "--root-owner-group", "-Zxz", "--build", str(tree), str(path)]
        environment = {**os.environ, "SOURCE_DATE_EPOCH": str(DATE)}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
    return path


def _fill(made: Distribution, tree: Path, carried: Path) -> None:
    share = tree / "usr/share" / made.name
    (share / "wheels").mkdir(parents=True)
    build_wheel(made, share / "wheels")
    lines = []
    for wheel in sorted([*carried.glob("*.whl"), *(share / "wheels").glob("*.whl")], key=lambda path: path.name):
        if wheel.parent == carried:
            shutil.copyfile(wheel, share / "wheels" / wheel.name)
        name, version = wheel.name.split("-")[:2]
        lines.append(f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}\n")
    (share / "packages.lock").write_text("".join(lines))
    (share / "packages").write_text(packages_hash((made.extra or "",)) + "\n")
    for source, target in _PARTS[made.name].files:
        (tree / target).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / source, tree / target)
    if made is EDGE:
        (tree / "etc/simferry-update/release-keys").mkdir(parents=True)
    document = tree / "usr/share/doc" / made.name
    document.mkdir(parents=True)
    for name in ("README.md", "SECURITY.md", "CHANGELOG.md"):
        shutil.copyfile(ROOT / name, document / name)


def _control(made: Distribution, tree: Path, version: str, arch: str) -> None:
    folder = tree / "DEBIAN"
    folder.mkdir()
    python = sys.version_info.minor
    depends = f"python3 (>= 3.{python}), python3 (<< 3.{python + 1}), python3-venv, {_PARTS[made.name].depends}"
    summary = re.sub(r"[.:].*", "", str(project()["description"]))
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file()) >> 10
    (folder / "control").write_text(
        f"Package: {made.name}\nVersion: {version}\nArchitecture: {arch}\nMaintainer: Simferry\nSection: comm\n"
        f"Priority: optional\nInstalled-Size: {size}\nDepends: {depends}\nDescription: {summary}\n"
    )
    (folder / "conffiles").write_text(
        "".join(f"/{target}\n" for _, target in _PARTS[made.name].files if target.startswith("etc/"))
    )
    for script in ("postinst", "prerm", "postrm"):
        text = (TEMPLATES / f"{made.name}.{script}").read_text()
        (folder / script).write_text(text.replace("#COMMON#", (TEMPLATES / "common.sh").read_text()))
        (folder / script).chmod(0o755)
