"""docs/guarantees.md: every promise names tests, and every test that it names is there; no row is out of its table."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
TEXT = (ROOT / "docs" / "guarantees.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py(?:::\w+)?)`", TEXT)))
PROMISES = [
    line
    for line in TEXT.partition("\n## What was measured\n")[0].splitlines()
    if line.startswith("| ") and not line.startswith(("| promise", "| word")) and line.count("|") == 3
]
DOCUMENTS = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
WORDS = {"crash", "power cut", "lost", "doubled", "unknown"}


@cache
def functions(file: Path) -> frozenset[str]:
    """The names of all tests of a file."""
    tree = ast.parse(file.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def is_there(name: str) -> bool:
    file, _, function = name.partition("::")
    return (ROOT / file).is_file() and (not function or function in functions(ROOT / file))


def test_each_test_that_is_named_is_there() -> None:
    assert len(NAMED) > 20
    assert [name for name in NAMED if not is_there(name)] == []


def test_each_promise_names_who_holds_it() -> None:
    promises = [line for line in PROMISES if line.split("|")[1].strip() not in WORDS]
    assert len(promises) > 20
    assert [line for line in promises if not re.search(r"\| `tests/[\w/]+\.py(::\w+)?`", line)] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_each_row_stands_in_a_table(path: Path) -> None:
    """One after an empty line is shown as text."""
    lines = ["", *path.read_text().splitlines(), ""]
    begins = [
        (line, below)
        for above, line, below in zip(lines, lines[1:], lines[2:], strict=False)
        if line.startswith("|") and not above.startswith("|")
    ]
    assert [line[:60] for line, below in begins if not re.fullmatch(r"[|: -]+", below)] == []


def test_no_promise_stands_twice() -> None:
    said = [line.split("|")[1].strip() for line in PROMISES]
    assert len(set(said)) == len(said)
