"""The commands of scripts/release."""

from __future__ import annotations

import argparse
import hashlib
import os
import stat
import subprocess
import sys
import zipfile
from pathlib import Path

from edge_agent.updates.bundle import open_bundle
from edge_agent.updates.signing import new_secret, public_of, trusted
from scripts.releasekit.bundle import make_release
from scripts.releasekit.deb import build_deb, wheels
from scripts.releasekit.distributions import CLOUD, EDGE, ROOT, WHOLE, project
from scripts.releasekit.sbom import sbom
from scripts.releasekit.wheel import build_wheel
from telecore.errors import TelecoreError
from telecore.releases import PROFILES, PROGRAM

SUMS = "SHA256SUMS"


class Failed(Exception):
    """The sentence is for whoever releases."""


def main() -> int:
    """Exit status 0, or 1 and a sentence."""
    asked = _parser().parse_args()
    try:
        asked.run(asked)
    except (Failed, TelecoreError, OSError, subprocess.CalledProcessError) as error:
        print(f"scripts/release: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="scripts/release", description="Builds and signs what is installed.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    key = argparse.ArgumentParser(add_help=False)
    key.add_argument("--key", type=Path, required=True, metavar="FILE", help="the secret key, mode 0600")
    into = argparse.ArgumentParser(add_help=False)
    into.add_argument("--into", type=Path, default=ROOT / ".release", metavar="FOLDER", help="default: .release")
    into.add_argument("--dirty", action="store_true", help="although there are changes that are not committed")
    about = argparse.ArgumentParser(add_help=False)
    about.add_argument("--channel", default="stable", help="who takes it (default: stable)")
    about.add_argument("--minimum", default="0.1.0", metavar="VERSION", help="of the program that may take it")
    about.add_argument("--downgrade", action="store_true", help="it may take the place of a newer version")
    about.add_argument("--version", help="another than pyproject.toml says")

    made = commands.add_parser("keygen", parents=[key], help="make a key; its public half is printed")
    made.set_defaults(run=_keygen)
    made = commands.add_parser("public", parents=[key], help="print the public half of a key")
    made.set_defaults(run=lambda asked: print(public_of(_secret(asked.key)).hex()))
    made = commands.add_parser("build", parents=[key, into, about], help="wheels, packages, SBOM and a signed release")
    made.add_argument("--no-deb", action="store_true", help="without the Debian packages")
    made.set_defaults(run=_build)
    made = commands.add_parser("profiles", parents=[key, into, about], help="a signed release of the profiles alone")
    made.set_defaults(run=_profiles)
    made = commands.add_parser("verify", help="check a release file by the public keys of a folder")
    made.add_argument("file", type=Path)
    made.add_argument("--keys", type=Path, required=True, metavar="FOLDER")
    made.set_defaults(run=_verify)
    return parser


def _keygen(asked: argparse.Namespace) -> None:
    secret = new_secret()
    asked.key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(asked.key, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(descriptor, "w") as file:
        file.write(secret.hex() + "\n")
    print(public_of(secret).hex())


def _build(asked: argparse.Namespace) -> None:
    secret, commit = _secret(asked.key), _commit(asked.dirty)
    asked.into.mkdir(parents=True, exist_ok=True)
    made = [build_wheel(each, asked.into, version=asked.version) for each in (WHOLE, EDGE, CLOUD)]
    for each in (EDGE, CLOUD):
        path = asked.into / f"{each.name}.cdx.json"
        path.write_text(sbom((each.extra or "",), each.name, asked.version or project()["version"]))
        made.append(path)
    made += [_release(what, asked, secret, commit) for what in (PROGRAM, PROFILES)]
    if not asked.no_deb:
        for each in (EDGE, CLOUD):
            carried = asked.into / "wheels" / each.name
            wheels((each.extra or "",), carried)
            made.append(build_deb(each, asked.into, carried))
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in sorted(made))
    (asked.into / SUMS).write_text("".join(lines))
    _sign_sums(asked.into / SUMS, secret)
    for path in [*made, asked.into / SUMS]:
        print(path)


def _profiles(asked: argparse.Namespace) -> None:
    secret, commit = _secret(asked.key), _commit(asked.dirty)
    asked.into.mkdir(parents=True, exist_ok=True)
    print(_release(PROFILES, asked, secret, commit))


def _release(what: str, asked: argparse.Namespace, secret: bytes, commit: str) -> Path:
    return make_release(
        what,
        asked.into,
        secret,
        version=asked.version,
        minimum=asked.minimum,
        channel=asked.channel,
        commit=commit,
        downgrade=asked.downgrade,
    )


def _sign_sums(path: Path, secret: bytes) -> None:
    """``SHA256SUMS.sig``: of what people fetch by hand."""
    from edge_agent.updates.signing import sign

    path.with_name(f"{SUMS}.sig").write_bytes(sign(path.read_bytes(), secret))


def _verify(asked: argparse.Namespace) -> None:
    bundle = open_bundle(asked.file.read_bytes(), trusted(asked.keys))
    release = bundle.release
    with zipfile.ZipFile(asked.file) as file:
        held = len(file.namelist())
    print(
        f"{release.product} {release.what} {release.version} ({release.channel}), {held} files, commit {release.commit}"
    )


def _secret(path: Path) -> bytes:
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise Failed(f"{path} has mode {mode:04o}: others could read it; chmod 600 {path}")
    try:
        secret = bytes.fromhex(path.read_text().strip())
    except ValueError:
        secret = b""
    if len(secret) != 32:
        raise Failed(f"{path} holds no key: make one with scripts/release keygen --key {path}")
    return secret


def _commit(dirty: bool) -> str:
    """What is built. Raises Failed when it is not what is committed."""
    changed = subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True, check=True)
    if changed.stdout.strip() and not dirty:
        raise Failed(
            "there are changes that are not committed; a release is built of a commit (--dirty builds it anyway)"
        )
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True)
    return head.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
