"""What a process asked of its disk, and the disk as it may be when the power goes at any moment of it.

A file holds for certain what was written before its last sync, under names that were there when their folder was last
synced. Everything since then may be there or not: ``Replay.cut`` drops it, keeps some of it, or tears a write.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from pathlib import Path

_HEAD = struct.Struct("<IIIIQQ")
SECTOR = 512


class Op(IntEnum):
    WRITE = 1
    TRUNCATE = 2
    SYNC = 3
    CREATE = 4
    RENAME = 5
    UNLINK = 6
    SAID = 7


@dataclass(frozen=True, slots=True)
class Step:
    """``path`` is a file's, or for SAID the process and descriptor it was said on."""

    at: int
    op: Op
    path: str
    offset: int
    data: bytes


def read(folder: Path) -> list[Step]:
    """All steps of all processes, in order."""
    steps = [step for file in folder.iterdir() for step in _read(file)]
    return sorted(steps, key=lambda step: step.at)


def _read(file: Path) -> Iterator[Step]:
    data, at = file.read_bytes(), 0
    while at + _HEAD.size <= len(data):
        op, path, length, _, offset, moment = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        name = data[at : at + path].decode()
        body = data[at + path : at + path + length]
        at += path + length
        yield Step(moment, Op(op), f"{file.name}:{name}" if op == Op.SAID else name, offset, body)


class Loss(StrEnum):
    """What becomes of what was not synced."""

    ALL = "all"
    SOME = "some"
    TORN = "torn"


@dataclass(slots=True)
class _File:
    """``sure`` survives; ``since`` are the steps after it."""

    sure: bytearray = field(default_factory=bytearray)
    since: list[Step] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Named:
    """A creation, rename or removal; ``file`` is the one created."""

    step: Step
    file: _File | None

    def apply(self, names: dict[str, _File]) -> None:
        """Do it to the names of a folder."""
        path = self.step.path
        if self.file is not None:
            names[path] = self.file
        elif self.step.op is Op.UNLINK:
            names.pop(path, None)
        elif (file := names.pop(path, None)) is not None:
            names[self.step.data.decode()] = file


class Replay:
    """The disk below ``root``, step by step."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._live: dict[str, _File] = {}
        self._sure: dict[str, _File] = {}
        self._names: list[_Named] = []

    def take(self, step: Step) -> None:
        if step.op is Op.SAID or not step.path.startswith(self._root):
            return
        if step.op is Op.SYNC:
            self._sync(step.path)
        elif step.op in (Op.WRITE, Op.TRUNCATE):
            self._live[step.path].since.append(step)
        else:
            named = _Named(step, _File() if step.op is Op.CREATE else None)
            named.apply(self._live)
            self._names.append(named)

    def _sync(self, path: str) -> None:
        file = self._live.get(path)
        if file is not None:
            for step in file.since:
                _write(file.sure, step, len(step.data))
            file.since.clear()
            return
        for named in [named for named in self._names if str(Path(named.step.path).parent) == path]:
            named.apply(self._sure)
            self._names.remove(named)

    def cut(self, to: Path, loss: Loss, chance: random.Random) -> None:
        """Write the files as a power cut leaves them now into ``to``, by their names below the root."""
        names = dict(self._sure)
        for named in [] if loss is Loss.ALL else self._names[: chance.randint(0, len(self._names))]:
            named.apply(names)
        for path, file in names.items():
            data = bytearray(file.sure)
            if loss is not Loss.ALL:
                self._some(data, file.since, loss, chance)
            at = to / Path(path).relative_to(self._root)
            at.parent.mkdir(parents=True, exist_ok=True)
            at.write_bytes(data)

    @staticmethod
    def _some(data: bytearray, since: list[Step], loss: Loss, chance: random.Random) -> None:
        chosen = [step for step in since if chance.random() < 0.5]
        for step in chosen:
            whole = len(step.data)
            torn = loss is Loss.TORN and step.op is Op.WRITE and step is chosen[-1] and whole > SECTOR
            _write(data, step, chance.randrange(1, whole // SECTOR + 1) * SECTOR if torn else whole)


def _write(data: bytearray, step: Step, length: int) -> None:
    if step.op is Op.TRUNCATE:
        del data[step.offset :]
        data.extend(bytes(step.offset - len(data)))
        return
    if len(data) < step.offset:
        data.extend(bytes(step.offset - len(data)))
    data[step.offset : step.offset + length] = step.data[:length]
