"""A real store, as that of the store's own tests."""

from __future__ import annotations

from tests.cloud.store.conftest import account, database_url, db, postgres_store

__all__ = ["account", "database_url", "db", "postgres_store"]
