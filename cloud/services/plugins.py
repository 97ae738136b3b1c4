"""Engines from other packages: found by their entry points, made with the options that cloud.yaml gives them."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from telecore.errors import InvalidRequest, TelecoreError


def make(group: str, name: str, options: Mapping[str, str], *, key: str) -> Any:
    """What the entry point's callable returns for ``options``. ``key`` is the setting that named it.

    Raises InvalidRequest, for whoever wrote cloud.yaml.
    """
    found = entry_points(group=group, name=name)
    if not found:
        known = ", ".join(sorted(entry_points(group=group).names)) or "none is installed"
        raise InvalidRequest(f"{key}: no plug-in of {group} is called {name!r} ({known})")
    (first, *_) = found
    try:
        return first.load()(dict(options))
    except (ImportError, AttributeError, LookupError, TypeError, ValueError, OSError, TelecoreError) as error:
        raise InvalidRequest(f"{key}: the plug-in {name!r} cannot be used: {error}") from error
