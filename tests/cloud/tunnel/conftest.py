"""A real store on a temporary file."""

from __future__ import annotations

from tests.cloud.store.conftest import account, db

__all__ = ["account", "db"]
