"""Modules that a library imports and hardly ever uses, loaded when they are: every MB counts on a small board."""

from __future__ import annotations

import importlib
import sys
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class _Later(ModuleType):
    """Stands for a module until something of it is wanted."""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


def later(*names: str) -> None:
    """Let ``import name`` cost nothing from now on; harmless for what is loaded already."""
    for name in names:
        if name not in sys.modules:
            parent, _, child = name.rpartition(".")
            stub = sys.modules[name] = _Later(name)
            setattr(importlib.import_module(parent), child, stub)


def without_package(name: str) -> None:
    """Let modules of a package be imported without what its ``__init__`` would bring; harmless when it is loaded."""
    spec = find_spec(name) if name not in sys.modules else None
    if spec is not None and spec.submodule_search_locations is not None:
        package = sys.modules[name] = ModuleType(name)
        package.__path__ = list(spec.submodule_search_locations)
