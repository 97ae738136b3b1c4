"""A session at a manager port that misbehaves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from random import Random

import pytest

from edge_agent.drivers.gateway.ami import AmiAccount, AmiSession
from edge_agent.drivers.gateway.ami_codec import Block
from telecore.errors import DeviceLost, DeviceRefused, LocalProtocolError, TimedOut

LOGGED_IN = b"Asterisk Call Manager/1.1\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def box(serve: Serve) -> AsyncIterator[AmiSession]:
    """A server that does this with each connection, and a session that is not open yet."""
    connections: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        with suppress(OSError, asyncio.IncompleteReadError):
            await serve(reader, writer)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    session = AmiSession(AmiAccount("127.0.0.1", port, "u", "s"), lambda block: None, answer_s=0.3)
    try:
        yield session
    finally:
        await session.close()
        server.close()
        for writer in connections:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()


def saying(octets: bytes, *, close: bool = False) -> Serve:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(octets)
        await writer.drain()
        if not close:
            await reader.read()

    return serve


@pytest.mark.parametrize(
    ("octets", "raised"),
    [
        (b"", TimedOut),
        (Random(1).randbytes(5000), TimedOut),
        (b"x" * 20_000, DeviceLost),
        (b"Response: Success\r\n" + b"a: b\r\n" * 5000, DeviceLost),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", TimedOut),
        (b"Response: Error\r\nMessage: Authentication failed\r\n\r\n", DeviceRefused),
        (b"Response: Strange\r\n\r\n", DeviceRefused),
    ],
)
async def test_what_is_no_manager_port_does_not_open(octets: bytes, raised: type[Exception]) -> None:
    async with box(saying(octets)) as session:
        with pytest.raises(raised):
            await asyncio.wait_for(session.open(), 3)


async def test_one_that_hangs_up_at_once_is_lost() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with box(serve) as session:
        with pytest.raises(DeviceLost):
            await asyncio.wait_for(session.open(), 3)


async def test_a_late_answer_is_never_taken_for_anothers() -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"Response: Success\r\nActionID: 1\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.4)  # the first command's answer comes after its time, and before the second's
        writer.write(b"Response: Success\r\nActionID: 2\r\nWhat: first\r\n\r\n")
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"Response: Success\r\nActionID: 3\r\nWhat: second\r\n\r\n")
        await reader.read()

    async with box(serve) as session:
        await session.open()
        with pytest.raises(TimedOut):
            await session.action("First")
        assert (await session.action("Second", answer_s=2)).get("What") == "second"


@pytest.mark.parametrize("how", ["late", "cancelled"])
async def test_without_ids_what_was_not_answered_ends_the_session(how: str) -> None:
    async with box(saying(LOGGED_IN)) as session:
        await session.open()
        asking = asyncio.create_task(session.action("Ping"))
        await asyncio.sleep(0.05)
        if how == "cancelled":
            asking.cancel()
        await asyncio.wait({asking})
        assert not session.is_open
        with pytest.raises(DeviceLost):
            await session.action("Ping")


async def test_a_command_with_a_line_end_is_our_fault_and_says_nothing() -> None:
    async with box(saying(LOGGED_IN)) as session:
        await session.open()
        with pytest.raises(LocalProtocolError):
            await session.command("gsm show spans\r\nAction: Logoff")
        assert session.is_open


async def test_waiting_for_an_event_ends_with_the_session() -> None:
    async with box(saying(LOGGED_IN, close=True)) as session:
        await session.open()
        news: asyncio.Future[Block] = asyncio.get_running_loop().create_future()
        with pytest.raises(TimedOut):
            await session.until(news, 0.05)
        await session.close()
        with pytest.raises(DeviceLost):
            await session.until(news, 5)


async def test_closing_twice_or_unopened_is_harmless() -> None:
    async with box(saying(LOGGED_IN)) as session:
        await session.close()
        await session.close()
        with pytest.raises(DeviceLost):
            await session.action("Ping")
