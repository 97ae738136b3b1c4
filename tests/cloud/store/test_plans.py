"""What is asked of SQLite every few seconds, or for each call, is found by an index."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, event

from cloud.store import calls, caps
from cloud.store.rows import now
from cloud.store.schema import metadata


@pytest.fixture
def plan():
    """The plans of all statements that a function makes."""
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.connect() as conn:
        asked = []
        event.listen(engine, "before_cursor_execute", lambda c, cursor, text, values, *_: asked.append((text, values)))

        def of(work):
            asked.clear()
            work(conn)
            made = [one for one in asked if not one[0].startswith("EXPLAIN")]
            raw = conn.connection.dbapi_connection
            return [row[3] for text, values in made for row in raw.execute(f"EXPLAIN QUERY PLAN {text}", values)]

        yield of


@pytest.mark.parametrize(
    ("work", "index"),
    [
        (calls.live, "ix_calls_status (status=?)"),
        (lambda conn: calls.live(conn, "site-1"), "ix_calls_edge_status (edge=? AND status=?)"),
        (caps.live, "ix_calls_status (status=?)"),
        (lambda conn: caps.live(conn, ["AC1"]), "ix_calls_status (status=?)"),
        (lambda conn: caps.live(conn, ["AC1", "AC2"]), "ix_calls_status (status=?)"),
        (lambda conn: caps.forget_targets(conn, now()), "ix_cap_targets_hour (hour<?)"),
    ],
)
def test_live_calls_and_numbers_of_an_hour_that_is_over(plan, work, index):
    found = plan(work)
    assert any(index in line for line in found)
    assert not [line for line in found if line.startswith("SCAN")]


def test_whether_anything_is_stale(plan):
    assert not [line for line in plan(lambda conn: caps.has_stale(conn, now())) if line.startswith("SCAN cap_targets")]
