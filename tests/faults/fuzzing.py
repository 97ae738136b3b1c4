"""A fuzzer in a box of time: hypothesis spoils valid inputs, each is bounded in time, and none leaves anything.

A target returns when the input was taken, and raises one of the errors that it may raise when it was refused.
Anything else is a fault: another error, more than ``SLOWEST_S`` of processor time, memory that stays.
"""

from __future__ import annotations

import copy
import gc
import json
import logging
import os
import signal
import time
import tracemalloc
import types
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from hypothesis.errors import HypothesisWarning

from tests.faults.conftest import LONG, SEED, Progress, is_up

T = TypeVar("T")

FUZZ_S = float(os.environ.get("SIMFERRY_FUZZ_S", "600" if LONG else "0.7"))
"""Of processor time, so that several on one machine do not take from each other."""
SHARED = os.environ.get("SIMFERRY_FUZZ_SHARED") == "1"
"""The fuzzers of one subject share the time of one."""
RESERVE_S = 30.0
ROUND = 400 if LONG else 100
SLOWEST_S = 1.0
HANG_S = 3.0
KEPT = 1000 if LONG else 40
"""Inputs that are kept and given again, to see whether memory stays behind."""
MOST_LEFT_KB = 48
MOST_CHANGES = 6
LARGEST = 200_000
"""Characters of a list that is made longer, so that all of it stays below what a frame may have."""


class Hang(BaseException):
    """One input took more processor time than any may."""


@dataclass(slots=True)
class Fuzzed:
    """What came of it."""

    inputs: int = 0
    refused: int = 0
    cpu_s: float = 0.0
    slowest_s: float = 0.0
    slowest: Any = None
    left_kb: float = 0.0
    kept: list[Any] = field(default_factory=list)

    def figures(self) -> dict[str, int | float | str]:
        refused = round(self.refused / max(1, self.inputs), 2)
        return {
            "inputs": self.inputs,
            "cpu_s": round(self.cpu_s, 1),
            "refused_share": refused,
            "slowest_ms": round(self.slowest_s * 1000, 1),
            "left_kb": round(self.left_kb, 1),
        }


def fuzz(
    inputs: st.SearchStrategy[T],
    target: Callable[[T], object],
    allowed: tuple[type[Exception], ...],
    progress: Progress | None = None,
    *,
    seconds: float = FUZZ_S,
    share: float = 1.0,
    again: Callable[[T], object] | None = None,
) -> Fuzzed:
    """Give inputs until the time is over, round by round, each with a seed of its own.

    ``share``: its part of the time of its subject, where that is shared. ``again`` takes the place of ``target`` while
    what stays in memory is measured.
    """
    found, number, clock = Fuzzed(), 0, time.process_time
    seconds *= share if SHARED else 1.0
    began = clock()
    with logs_formatted():
        while number == 0 or (found.cpu_s < seconds and not is_up(RESERVE_S)):
            _round(number, inputs, target, allowed, found, began + seconds)
            number += 1
            found.cpu_s = clock() - began
            if progress is not None:
                progress(min(seconds, found.cpu_s), seconds, "seconds")
        found.left_kb = _left_kb(found.kept, again or target, allowed)
    assert found.left_kb < MOST_LEFT_KB, f"{found.left_kb:.0f} kB stay of {len(found.kept)} inputs"
    return found


def _round(
    number: int,
    inputs: st.SearchStrategy[T],
    target: Callable[[T], object],
    allowed: tuple[type[Exception], ...],
    found: Fuzzed,
    until: float,
) -> None:
    @seed(SEED * 1_000_003 + number)
    @settings(
        max_examples=ROUND,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(inputs)
    def one(value: T) -> None:
        if number and (time.process_time() > until or is_up(RESERVE_S)):
            return
        _give(value, target, allowed, found)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)  # that an input is long would hide what it has done
        one()


def _give(value: T, target: Callable[[T], object], allowed: tuple[type[Exception], ...], found: Fuzzed) -> None:
    found.inputs += 1
    began = time.thread_time()
    with no_longer_than(HANG_S):
        try:
            target(value)
        except allowed:
            found.refused += 1
        except BaseException as error:
            error.add_note(f"the input was {value!r:.4000}")
            raise
    took = time.thread_time() - began
    if took > found.slowest_s:
        found.slowest_s, found.slowest = took, value
    if len(found.kept) < KEPT:
        found.kept.append(value)
    assert took < SLOWEST_S, f"{took:.2f} s for one input"


class _Formats(logging.Handler):
    """What is logged must be something that can be written."""

    def emit(self, record: logging.LogRecord) -> None:
        record.getMessage().encode("utf-8", "backslashreplace")


@contextmanager
def logs_formatted() -> Iterator[None]:
    """Logs are formatted and kept nowhere: what pytest keeps of minutes would look like growth."""
    root = logging.getLogger()
    before = root.handlers[:]
    root.handlers[:] = [_Formats()]
    try:
        yield
    finally:
        root.handlers[:] = before


@contextmanager
def no_longer_than(seconds: float) -> Iterator[None]:
    """Of processor time; a loop without an end raises Hang where it turns."""

    def hangs(number: int, frame: types.FrameType | None) -> None:
        raise Hang(f"more than {seconds:g} s of processor time")

    before = signal.signal(signal.SIGVTALRM, hangs)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _left_kb(kept: Sequence[T], target: Callable[[T], object], allowed: tuple[type[Exception], ...]) -> float:
    """kB that further rounds of the same inputs leave: the least of three measures, for caches fill and are emptied."""

    def held_after(turns: int) -> int:
        for value in [*kept] * turns:
            try:
                target(value)
            except allowed:
                continue
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    tracemalloc.start()
    try:
        held = [held_after(1), *(held_after(2) for _ in range(3))]
        return max(0, min(after - before for before, after in pairwise(held))) / 1024
    finally:
        tracemalloc.stop()


# How valid things are spoiled.

NUMBERS = ("0", "-1", "1", "255", "256", "65535", "65536", "2147483648", "4294967296", "9" * 30, "1e9", "0x10", "٣", "")
WORDS = (
    "",
    " ",
    "\0",
    '"',
    "'",
    "\\",
    "<",
    "&",
    "%",
    "%00",
    "{}",
    "\u202e",
    "\ud83d",
    "😀",
    "é",
    "A" * 300,
    "../",
    "$(x)",
)
JSON_VALUES = (
    None,
    True,
    False,
    0,
    -1,
    1.5,
    2**63,
    2**64,
    -(2**70),
    1e308,
    "",
    "x",
    "\0",
    "\ud800",
    "A" * 3000,
    [],
    {},
    [[]],
)


@st.composite
def spoiled_bytes(draw: st.DrawFn, corpus: Sequence[bytes], words: Sequence[bytes] = ()) -> bytes:
    """A valid one with octets changed, cut out, repeated, put in, and words of the grammar at wrong places."""
    data = bytearray(draw(st.sampled_from(corpus)))
    pieces = (*words, *(word.encode("utf-8", "surrogatepass") for word in (*WORDS, *NUMBERS)))
    for kind in draw(st.lists(st.integers(0, 6), max_size=MOST_CHANGES)):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(1, 24))
        if kind == 0 and data:
            data[at] = draw(st.integers(0, 255))
        elif kind == 1 and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif kind == 2:
            del data[at : at + length]
        elif kind == 3:
            data[at:at] = data[at : at + length] * draw(st.integers(1, 20))
        elif kind == 4:
            data[at : at + draw(st.integers(0, 4))] = draw(st.sampled_from(pieces))
        elif kind == 5:
            del data[at:]
        else:
            other = draw(st.sampled_from(corpus))
            data[at:] = other[draw(st.integers(0, len(other))) :]
    return bytes(data)


@st.composite
def spoiled_text(draw: st.DrawFn, corpus: Sequence[str], words: Sequence[str] = ()) -> str:
    """The same for text."""
    raw = draw(
        spoiled_bytes([text.encode("utf-8", "surrogatepass") for text in corpus], [word.encode() for word in words])
    )
    return raw.decode("utf-8", draw(st.sampled_from(("replace", "surrogateescape"))))


@st.composite
def spoiled_lines(draw: st.DrawFn, corpus: Sequence[Sequence[str]], extra: Sequence[str], end: str) -> str:
    """Messages of lines: lines left out, repeated, swapped, of other messages; fields with odd values."""
    lines = list(draw(st.sampled_from(corpus)))
    for kind in draw(st.lists(st.integers(0, 5), max_size=MOST_CHANGES)):
        at = draw(st.integers(0, max(0, len(lines) - 1)))
        if kind == 0 and lines:
            del lines[at]
        elif kind == 1 and lines:
            lines[at:at] = [lines[at]] * draw(st.integers(1, 5))
        elif kind == 2:
            lines.insert(at, draw(st.sampled_from(extra)))
        elif kind == 3 and lines:
            lines[at] = draw(spoiled_text([lines[at]], extra))
        elif kind == 4 and lines:
            lines[at] = draw(_one_number_changed(lines[at]))
        else:
            lines.insert(at, draw(st.sampled_from(draw(st.sampled_from(corpus)))))
    return end.join(lines)


@st.composite
def _one_number_changed(draw: st.DrawFn, line: str) -> str:
    places = [at for at, char in enumerate(line) if char.isdigit()]
    if not places:
        return line
    at = draw(st.sampled_from(places))
    return line[:at] + draw(st.sampled_from(NUMBERS)) + line[at + 1 :]


@st.composite
def spoiled_json(draw: st.DrawFn, corpus: Sequence[Any]) -> Any:
    """A valid object with values of wrong types, keys lost, doubled under odd names, nested."""
    value = json.loads(json.dumps(draw(st.sampled_from(corpus))))
    for _ in range(draw(st.integers(0, 4))):
        holder, key = draw(_a_place_in(value))
        if holder is None:
            return draw(_json_values())
        kind = draw(st.integers(0, 4))
        if kind == 0:
            del holder[key]
        elif kind == 1:
            holder[key] = draw(_json_values())
        elif kind == 2:
            holder[key] = draw(st.sampled_from((*WORDS, *NUMBERS)))
        elif kind == 3:
            fits = LARGEST // len(json.dumps(holder[key]))
            holder[key] = [holder[key]] * max(1, min(fits, draw(st.integers(1, 300))))
        else:
            for _ in range(draw(st.integers(1, 60))):
                holder[key] = {str(key): holder[key]}
    return value


def _json_values() -> st.SearchStrategy[Any]:
    """Copies: they are spoiled in their turn, and the next ones must be as they were."""
    return st.sampled_from(JSON_VALUES).map(copy.deepcopy)


@st.composite
def _a_place_in(draw: st.DrawFn, value: Any) -> tuple[Any, Any]:
    """Somewhere in it: what holds it, and its key or index."""
    holder, key = None, None
    here = value
    while isinstance(here, dict | list) and here:
        holder = here
        key = draw(st.sampled_from(list(here))) if isinstance(here, dict) else draw(st.integers(0, len(here) - 1))
        here = holder[key]
        if draw(st.booleans()):
            break
    return holder, key
