"""The direction of imports, as docs/architecture.md draws it. An arrow that points up or sideways fails here."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGES = ("telecore", "edge_agent", "cloud", "simulator")
ALLOWED = {"telecore": {"telecore"}, **{name: {name, "telecore"} for name in PACKAGES[1:]}}

IMPURE = {"asyncio", "socket", "sqlite3", "os", "threading", "subprocess", "time", "ssl", "pathlib", "logging"}

LAYERS = {
    "edge_agent": (
        {"__main__", "cli"},
        {"agent"},
        {"uplink", "dispatcher", "offline", "health", "status", "status_table", "status_detail", "plan", "updates"}
        | {"control", "self_test", "enrolment", "listeners"},
        {
            "calls",
            "call",
            "messages",
            "sms_line",
            "line_queue",
            "submit_rules",
            "copies",
            "copy_rules",
            "submitting",
            "call_control",
            "dialing",
            "sims",
            "inventory",
            "erasing",
        },
        {"devices"},
        {"drivers"},
        {
            "spool",
            "media",
            "blobs",
            "config",
            "yaml_lines",
            "identity",
            "joining",
            "tls",
            "logs",
            "supervise",
            "watchdog",
        }
        | {"lean"},
        {"signing"},
        {"unguarded"},
        {"contracts"},
    ),
    "cloud": (
        {"__main__", "cli"},
        {"app"},
        {"api", "dashboard"},
        {"services"},
        {"tunnel", "fleet", "web"},
        {"store"},
        {"config", "lock", "logs", "modes", "numbering", "sealing", "watchdog"},
        {"private_file", "signing"},
    ),
}
"""Top to bottom; a module imports its own row and the rows below."""

DOORS = {
    "serial": 1, "gsmmodem": 1, "sqlite_utils": 1, "smpplib": 1, "greenswitch": 1, "pylibsrtp": 1, "systemd": 3,
    "alembic": 2, "pocketsphinx": 1, "soundfile": 1, "phonenumbers": 1, "pyotp": 1, "nacl": 3,
}  # fmt: skip
"""How many files may import a third party. Migrations are data, and not counted."""


@cache
def sources(package: str) -> tuple[tuple[Path, ast.Module], ...]:
    return tuple((path, ast.parse(path.read_text())) for path in sorted((ROOT / package).rglob("*.py")))


@cache
def imports(package: str) -> tuple[tuple[Path, tuple[str, ...]], ...]:
    """Each file, and the modules and names that it imports."""
    return tuple((path, tuple(imported(tree))) for path, tree in sources(package))


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def row_of(package: str, module: str) -> int | None:
    parts = module.split(".")
    if parts[0] != package or len(parts) < 2:
        return None
    for number, row in enumerate(LAYERS[package]):
        if parts[1] in row:
            return number
    return None


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_import_only_what_stands_below_them(package: str) -> None:
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, names in imports(package)
        for name in names
        if name.split(".")[0] in PACKAGES and name.split(".")[0] not in ALLOWED[package]
    ]
    assert wrong == []


def test_telecore_is_pure() -> None:
    import sys

    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path, names in imports("telecore")
        for name in names
        if name.split(".")[0] in IMPURE
        or (name.split(".")[0] not in sys.stdlib_module_names and name.split(".")[0] != "telecore")
    ]
    assert wrong == []


@pytest.mark.parametrize("package", LAYERS)
def test_layers_import_downwards(package: str) -> None:
    wrong = []
    for path, names in imports(package):
        parts = path.relative_to(ROOT).with_suffix("").parts
        mine = row_of(package, ".".join(parts))
        for name in names:
            theirs = row_of(package, name)
            if mine is not None and theirs is not None and theirs < mine:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert wrong == []


@pytest.mark.parametrize("package", LAYERS)
def test_every_module_has_a_row(package: str) -> None:
    names = {p.stem if p.suffix else p.name for p in (ROOT / package).iterdir() if p.suffix in ("", ".py")}
    known = set().union(*LAYERS[package]) | {"__init__", "__pycache__"}
    assert names - known == set()


@pytest.mark.parametrize(("library", "files"), DOORS.items())
def test_third_parties_stand_behind_one_door(library: str, files: int) -> None:
    doors = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path, names in imports(package)
        if "versions" not in path.parts and any(name.split(".")[0] == library for name in names)
    ]
    assert len(doors) <= files, doors


def test_broad_excepts_are_where_they_belong() -> None:
    # The thread raises nothing again: it hands the error to whoever asked, as an executor does.
    allowed = {"edge_agent/supervise.py", "cloud/web/server.py", "edge_agent/spool/thread.py"}
    found = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path, tree in sources(package)
        for node in ast.walk(tree)
        if isinstance(node, ast.ExceptHandler)
        and not _raises_again(node)
        and (node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException")))
    }
    assert found <= allowed


def _raises_again(handler: ast.ExceptHandler) -> bool:
    """Tidying up on the way out swallows nothing."""
    last = handler.body[-1]
    return isinstance(last, ast.Raise) and last.exc is None
