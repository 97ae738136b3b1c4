"""A signed release for edges: one file that the cloud hands out and the updater believes."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from edge_agent.updates.signing import sign
from scripts.releasekit.distributions import EDGE, PROFILES, packages_hash, project
from scripts.releasekit.sbom import sbom
from scripts.releasekit.wheel import DATE, build_wheel
from telecore.releases import FORMAT, MANIFEST, PROGRAM, SIGNATURE, Release, ReleaseFile
from telecore.schema import dump

PYTHONS = ("3.11", "3.14")


def make_release(
    what: str,
    into: Path,
    secret: bytes,
    *,
    version: str | None = None,
    minimum: str = "0.1.0",
    channel: str = "stable",
    commit: str = "",
    downgrade: bool = False,
    instead: Mapping[str, bytes] | None = None,
    only: Callable[[str], bool] = lambda name: True,
    terms: Mapping[str, object] | None = None,
) -> Path:
    """Build, sign and write ``simferry-WHAT-VERSION.release``. ``terms`` replace fields of the manifest."""
    number = version or str(project()["version"])
    made = EDGE if what == PROGRAM else PROFILES
    with TemporaryDirectory() as folder:
        wheel = build_wheel(made, Path(folder), version=version, instead=instead, only=only)
        files = {wheel.name: wheel.read_bytes()}
    if what == PROGRAM:
        files["sbom.json"] = sbom((made.extra or "",), made.name, number).encode()
    manifest = replace(
        Release(
            format=FORMAT,
            product=EDGE.name,
            what=what,
            version=number,
            minimum_version=minimum,
            channel=channel,
            python=PYTHONS,
            machines=(),
            packages=packages_hash(("edge",)) if what == PROGRAM else "",
            downgrade=downgrade,
            commit=commit,
            unpacked=_unpacked(files),
            files=tuple(ReleaseFile(name, hashlib.sha256(data).hexdigest(), len(data)) for name, data in files.items()),
        ),
        **dict(terms or {}),  # type: ignore[arg-type]
    )
    text = json.dumps(dump(manifest), indent=1, sort_keys=True).encode()
    path = into / f"simferry-{what}-{number}.release"
    path.write_bytes(packed({MANIFEST: text, SIGNATURE: sign(text, secret), **files}))
    return path


def packed(files: Mapping[str, bytes]) -> bytes:
    """What is in it is compressed already: stored as it is, always the same bytes."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            made.writestr(entry, data)
    return out.getvalue()


def _unpacked(files: Mapping[str, bytes]) -> int:
    """With the compiled files, which are about as large again."""
    total = 0
    for name, data in files.items():
        if name.endswith(".whl"):
            with zipfile.ZipFile(io.BytesIO(data)) as inner:
                total += sum(entry.file_size for entry in inner.infolist())
    return 2 * total
