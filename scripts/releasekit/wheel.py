"""A wheel, the same bytes each time: sorted names, one date, one mode, no compiler and nothing fetched.

    python3 scripts/releasekit/wheel.py simferry-edge FOLDER

Our packages are plain Python and data, so a wheel of them is an archive with three files of metadata (PEP 427). Made
here because an installer must not fetch a build system whose hash nobody has locked.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))

from scripts.releasekit.distributions import CLOUD, EDGE, PROFILES, ROOT, WHOLE, Distribution, project

DATE = (2024, 1, 1, 0, 0, 0)
_DATA = {".py", ".yaml", ".html", ".css", ".js", ".ini", ".mako", ".svg", ".typed"}
"""As [tool.setuptools.package-data] says."""
_VERSION = re.compile(rb'^__version__ = ".*"$', re.MULTILINE)


def build_wheel(
    made: Distribution,
    into: Path,
    *,
    version: str | None = None,
    instead: Mapping[str, bytes] | None = None,
    only: Callable[[str], bool] = lambda name: True,
) -> Path:
    """Write the wheel of a distribution, of the files that ``only`` names.

    ``version`` and the files of ``instead`` replace what the repository has.
    """
    about = project()
    number = version or about["version"]
    stem = f"{made.name.replace('-', '_')}-{number}"
    files = {name: data for name, data in sorted(_sources(made.packages)) if only(name)}
    if version is not None:
        files = {name: _renamed(name, data, version) for name, data in files.items()}
    files.update(instead or {})
    folder = f"{stem}.dist-info"
    files[f"{folder}/METADATA"] = _metadata(made, about, number)
    files[f"{folder}/WHEEL"] = b"Wheel-Version: 1.0\nGenerator: simferry\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    if made.commands:
        lines = "".join(f"{name} = {about['scripts'][name]}\n" for name in made.commands)
        files[f"{folder}/entry_points.txt"] = f"[console_scripts]\n{lines}".encode()
    files[f"{folder}/RECORD"] = _record(files, f"{folder}/RECORD")
    path = into / f"{stem}-py3-none-any.whl"
    path.write_bytes(archive(files))
    return path


def archive(files: Mapping[str, bytes]) -> bytes:
    """A ZIP of these files, in this order, which says nothing about when and by whom it was made."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, DATE)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            made.writestr(entry, data, compress_type=zipfile.ZIP_DEFLATED, compresslevel=9)
    return out.getvalue()


def _sources(packages: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
    for package in packages:
        for path in (ROOT / package).rglob("*"):
            if path.suffix in _DATA and path.is_file() and "__pycache__" not in path.parts:
                yield str(path.relative_to(ROOT)), path.read_bytes()


def _renamed(name: str, data: bytes, version: str) -> bytes:
    return _VERSION.sub(f'__version__ = "{version}"'.encode(), data) if name.endswith("/__init__.py") else data


def _metadata(made: Distribution, about: dict[str, object], version: str) -> bytes:
    extras = about["optional-dependencies"]
    assert isinstance(extras, dict)
    lines = ["Metadata-Version: 2.1", f"Name: {made.name}", f"Version: {version}"]
    lines += [f"Summary: {about['description']}", f"Requires-Python: {about['requires-python']}"]
    lines += [f"Requires-Dist: {need}" for need in (extras[made.extra] if made.extra else ())]
    if made.extra is None and made.commands:
        for extra, needs in extras.items():
            lines.append(f"Provides-Extra: {extra}")
            lines += [f'Requires-Dist: {need}; extra == "{extra}"' for need in needs]
    return ("\n".join(lines) + "\n").encode()


def _record(files: Mapping[str, bytes], own: str) -> bytes:
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    for name, data in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.writerow((name, f"sha256={digest}", len(data)))
    rows.writerow((own, "", ""))
    return out.getvalue().encode()


if __name__ == "__main__":
    _known = {made.name: made for made in (EDGE, CLOUD, PROFILES, WHOLE)}
    print(build_wheel(_known[sys.argv[1]], Path(sys.argv[2])))
