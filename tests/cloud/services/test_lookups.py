"""Names are looked up in threads that nobody shares."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import Any

import pytest

from cloud.services.lookups import Lookups, system

ADDRESS: list[tuple[Any, ...]] = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.1", 80))]


class Servers:
    """``dead.…`` never answers, until ``release``; everything else at once."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.release = threading.Event()

    def __call__(self, host: str, port: int, family: int) -> list[tuple[Any, ...]]:
        self.asked.append(host)
        if "dead" in host:
            self.release.wait(20)
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return ADDRESS


async def test_a_dead_name_server_costs_nobody_else_anything() -> None:
    servers = Servers()
    lookups = Lookups(servers, per_account=3, altogether=10)
    hanging = [asyncio.create_task(lookups.find(f"AC{n % 2}", f"dead{n}.example", 80, 0, 0.2)) for n in range(40)]
    await asyncio.sleep(0.05)
    assert len(servers.asked) == 6
    began = time.monotonic()
    assert await lookups.find("AC9", "good.example", 80, 0, 1) == ADDRESS
    assert time.monotonic() - began < 0.2
    results = await asyncio.gather(*hanging, return_exceptions=True)
    assert all(isinstance(result, OSError) for result in results)
    # Nobody waits any more, the threads still do; and the names are left alone for a while.
    with pytest.raises(OSError, match="did not answer a moment ago"):
        await lookups.find("AC0", "dead0.example", 80, 0, 1)
    assert await lookups.find("AC9", "good.example", 80, 0, 1) == ADDRESS
    servers.release.set()
    async with asyncio.timeout(5):
        assert await lookups.find("AC0", "good.example", 80, 0, 5) == ADDRESS


async def test_one_name_is_looked_up_once_at_a_time() -> None:
    servers = Servers()
    lookups = Lookups(servers)
    tasks = [asyncio.create_task(lookups.find("AC1", "dead.example", 80, 0, 5)) for _ in range(30)]
    await asyncio.sleep(0.05)
    assert servers.asked == ["dead.example"]
    servers.release.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, socket.gaierror) for result in results)


async def test_a_name_server_that_answered_while_the_process_stood_still_is_not_blamed() -> None:
    lookups = Lookups(Servers())
    for name in ("good.example", "other.example"):
        asked = asyncio.create_task(lookups.find("AC1", name, 80, 0, 0.1))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251  (as when much is to be done at once)
        assert await asked == ADDRESS


async def test_who_waited_for_room_blames_no_name_server() -> None:
    servers = Servers()
    lookups = Lookups(servers, per_account=1)
    held = asyncio.create_task(lookups.find("AC1", "dead.example", 80, 0, 5))
    await asyncio.sleep(0.05)
    for _ in range(2):
        with pytest.raises(OSError, match="too many names"):
            await lookups.find("AC1", "good.example", 80, 0, 0.05)
    late = asyncio.create_task(lookups.find("AC1", "dead2.example", 80, 0, 0.4))
    await asyncio.sleep(0.2)
    servers.release.set()
    assert isinstance((await asyncio.gather(held, return_exceptions=True))[0], socket.gaierror)
    assert isinstance((await asyncio.gather(late, return_exceptions=True))[0], socket.gaierror)
    assert await lookups.find("AC1", "good.example", 80, 0, 1) == ADDRESS


async def test_who_is_cancelled_takes_nobody_with_him() -> None:
    servers = Servers()
    lookups = Lookups(servers, per_account=1)
    first = asyncio.create_task(lookups.find("AC1", "dead.example", 80, 0, 5))
    second = asyncio.create_task(lookups.find("AC1", "dead.example", 80, 0, 5))
    third = asyncio.create_task(lookups.find("AC1", "good.example", 80, 0, 5))
    await asyncio.sleep(0.05)
    first.cancel()
    await asyncio.sleep(0)
    assert not second.done()
    servers.release.set()
    assert isinstance((await asyncio.gather(second, return_exceptions=True))[0], socket.gaierror)
    assert await third == ADDRESS


async def test_what_cannot_be_a_name() -> None:
    with pytest.raises(OSError, match=r"name|label|known"):
        await Lookups().find("AC1", "a" * 70 + ".example", 80, 0, 5)
    assert system("127.0.0.1", 80, 0)[0][4] == ("127.0.0.1", 80)
