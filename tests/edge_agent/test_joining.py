"""What the cloud gives at each connection, on a disk that takes its time."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest

from edge_agent import signing
from edge_agent.identity import Identity, JoinStates, load_states, states_path
from edge_agent.joining import Joining
from telecore.ids import EdgeId
from telecore.tunnel.proof import Welcome, encode_welcome


async def test_a_state_that_came_later_is_not_overwritten_by_one_that_was_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The disk stands still for longer than the first connection lasts. Who shows the first state only is a copy."""
    save, stuck, goes_on, written = JoinStates.save, threading.Event(), threading.Event(), threading.Event()

    def slowly(states: JoinStates, path: Path) -> None:
        if states.states[0] != "first":
            return save(states, path)
        stuck.set()
        goes_on.wait(10)
        save(states, path)
        return written.set()

    monkeypatch.setattr(JoinStates, "save", slowly)
    joining = Joining(Identity(EdgeId("site-1"), "", "", seed=signing.new_seed()), tmp_path, JoinStates(("before",)))
    first = asyncio.create_task(joining.welcome(encode_welcome(Welcome("first", (), ""))))
    assert await asyncio.to_thread(stuck.wait, 10)
    first.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await first
    second = asyncio.create_task(joining.welcome(encode_welcome(Welcome("second", (), ""))))
    await asyncio.wait({second}, timeout=0.3)
    goes_on.set()
    await second
    assert await asyncio.to_thread(written.wait, 10)
    kept = await asyncio.to_thread(load_states, states_path(tmp_path))
    assert kept.states == ("second", "before")
