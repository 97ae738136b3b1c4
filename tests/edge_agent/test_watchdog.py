"""systemd is told by real datagrams, and only while the spool answers."""

import asyncio
import os
import socket
import threading

import pytest

from edge_agent.spool import Spool
from edge_agent.watchdog import Watchdog, notifier, period_s
from telecore.errors import StorageFailed


@pytest.fixture
def listening_at(monkeypatch):
    """An environment with this address; systemd-python, where it is installed, reads the process's own."""

    def environ(address):
        monkeypatch.setenv("NOTIFY_SOCKET", address)
        return {"NOTIFY_SOCKET": address}

    return environ


@pytest.fixture
def systemd(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.setblocking(False)
        yield listener


def told(listener):
    texts = []
    while True:
        try:
            texts.append(listener.recv(4096).decode())
        except BlockingIOError:
            return texts


def watchdog(notify, probe, errors, period=0.02):
    return Watchdog(notify, probe, period_s=period, status=lambda: "4 of 4", on_error=errors.append)


async def running(dog, seconds):
    task = asyncio.create_task(dog.run())
    await asyncio.sleep(seconds)
    task.cancel()
    await asyncio.wait([task])


async def test_ready_food_with_a_sentence_and_stopping(systemd, tmp_path, listening_at):
    notify = notifier(listening_at(str(tmp_path / "notify")))
    spool = await Spool.open(tmp_path / "spool.db")
    errors = []
    dog = watchdog(notify, spool.probe, errors)
    dog.ready()
    await running(dog, 0.15)
    dog.stopping()
    await spool.close()
    texts = told(systemd)
    assert texts[0] == "READY=1"
    assert texts[-1] == "STOPPING=1"
    assert len(texts) >= 4
    assert set(texts[1:-1]) == {"WATCHDOG=1\nSTATUS=4 of 4"}
    assert set(errors) == {None}


async def test_a_spool_that_hangs_is_not_fed_for(systemd, tmp_path, caplog, listening_at):
    notify = notifier(listening_at(str(tmp_path / "notify")))
    spool = await Spool.open(tmp_path / "spool.db")
    free = threading.Event()
    hanging = asyncio.create_task(spool._writer.run(lambda db: free.wait(5)))
    await asyncio.sleep(0.01)
    await running(watchdog(notify, spool.probe, []), 0.1)
    assert told(systemd) == []
    assert "did not answer" in caplog.text
    free.set()
    await hanging
    await running(watchdog(notify, spool.probe, []), 0.05)
    assert told(systemd)
    await spool.close()


async def test_a_spool_that_refuses_has_answered_and_is_a_warning(systemd, tmp_path, listening_at):
    async def full():
        raise StorageFailed("the disk is full")

    errors = []
    await running(watchdog(notifier(listening_at(str(tmp_path / "notify"))), full, errors), 0.03)
    assert told(systemd)
    assert errors[0] == "the disk is full"


async def test_an_abstract_address(listening_at):
    name = f"simferry-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(f"\0{name}")
        notifier(listening_at(f"@{name}"))("READY=1")
        listener.settimeout(1)
        assert listener.recv(100) == b"READY=1"


def test_nobody_listens(tmp_path, caplog, listening_at):
    notifier({})("READY=1")
    notifier(listening_at(str(tmp_path / "absent")))("READY=1")
    assert "could not be told" in caplog.text


@pytest.mark.parametrize(
    ("environ", "period"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 15.0),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, 15.0),
        ({"WATCHDOG_USEC": "8000000", "WATCHDOG_PID": "1"}, 15.0),
        ({"WATCHDOG_USEC": "8000000"}, 4.0),
        ({"WATCHDOG_USEC": "nonsense"}, 15.0),
        ({"WATCHDOG_USEC": "0"}, 15.0),
        ({}, 15.0),
    ],
)
def test_half_of_what_systemd_allows(environ, period):
    assert period_s(environ) == period
