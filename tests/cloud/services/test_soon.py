"""One look for many reasons."""

from __future__ import annotations

import asyncio

from cloud.services.soon import Soon


async def test_a_thousand_reasons_are_one_look_and_a_later_one_another() -> None:
    looks: list[int] = []
    soon = Soon(lambda: looks.append(1), 0.01)
    for _ in range(1000):
        soon()
    assert looks == []
    await asyncio.sleep(0.05)
    assert len(looks) == 1
    soon()
    await asyncio.sleep(0.05)
    assert len(looks) == 2
