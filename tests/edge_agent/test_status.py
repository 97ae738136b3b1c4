"""The status page: small, local, bounded."""

import asyncio
import contextlib
import json

import pytest

from edge_agent.agent.report import as_json
from edge_agent.health.conditions import Condition, Severity
from edge_agent.status import StatusServer, answer
from edge_agent.status_detail import as_detail
from edge_agent.status_table import as_table, span
from telecore.events import ChannelHealed, SimHealthChanged
from telecore.ids import E164, CallSid, ChannelId, Iccid
from telecore.model import ChannelState, ChannelStatus, DeviceIdentity, SignalLevel, Sim
from telecore.notices import Heartbeat, LiveCall
from telecore.schema import dump
from telecore.sim_health import Balance, Health, HealthState, StoreLevel, Usage


@contextlib.asynccontextmanager
async def serving(snapshot):
    server = StatusServer(0, snapshot)
    task = asyncio.create_task(server.run())
    while server.port == 0:  # noqa: ASYNC110
        await asyncio.sleep(0.001)
    try:
        yield server.port
    finally:
        task.cancel()
        await asyncio.wait([task])


async def close(writer):
    writer.close()
    with contextlib.suppress(ConnectionError):
        await writer.wait_closed()


async def ask(port, request):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with contextlib.suppress(ConnectionError):
        writer.write(request)
        await writer.drain()
    try:
        return await reader.read()
    finally:
        await close(writer)


async def test_it_answers_over_a_socket():
    async with serving(lambda: {"edge": "site-1"}) as port:
        data = await ask(port, f"GET /status HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n".encode())
        head, _, body = data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 OK")
        assert json.loads(body) == {"edge": "site-1"}
        assert b"200" in await ask(port, b"GET /healthz HTTP/1.0\r\n\r\n")


async def test_nonsense_and_too_much_are_refused_and_it_lives_on():
    async with serving(lambda: {}) as port:
        assert b"400" in await ask(port, b"\r\n\r\n")
        assert b"400" in await ask(port, b"\xff\xfe\x00\r\n\r\n")
        assert b"431" in await ask(port, b"GET / HTTP/1.1\r\nX: " + b"x" * 20_000 + b"\r\n\r\n")
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        await close(writer)
        assert b"200" in await ask(port, b"GET /status HTTP/1.1\r\n\r\n")


async def test_a_crowd_is_turned_away():
    async with serving(lambda: {}) as port:
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(16)]
        assert b"503" in await ask(port, b"GET /status HTTP/1.1\r\n\r\n")
        for _, writer in idle:
            await close(writer)


@pytest.mark.parametrize(
    ("head", "code"),
    [
        ("GET /status HTTP/1.1\r\nHost: localhost:9120\r\n\r\n", 200),
        ("GET /status?x=1 HTTP/1.1\r\nhost: [::1]:9120\r\n\r\n", 200),
        ("GET /status HTTP/1.1\r\nHost: evil.example:9120\r\n\r\n", 403),
        ("GET /status HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 403),
        ("POST /status HTTP/1.1\r\n\r\n", 405),
        ("GET /etc/passwd HTTP/1.1\r\n\r\n", 404),
        ("GET /status\r\n\r\n", 400),
    ],
)
def test_answers(head, code):
    status, _, _ = answer(head, lambda: {})
    assert status.value == code


def heartbeat():
    sim = Sim(Iccid("8985500000000001234"), msisdn=E164("+85510000001"), operator_name="Smart")
    up = ChannelStatus(
        ChannelId("site-1/modem1"), ChannelState.REGISTERED, 1000.0, sim=sim, signal=SignalLevel(-71), busy_legs=1
    )
    down = ChannelStatus(ChannelId("site-1/modem2"), ChannelState.LOCKED, 1000.0, reason="PUK wanted", sent_today=12)
    live = LiveCall(CallSid("CA1"), "site-1/modem1", True, 2)
    return Heartbeat("i", "0.1.0", 90_000.0, (up, down), (live,), 7)


def test_json_and_table():
    warning = Condition("sim_locked", Severity.CRITICAL, "site-1/modem2", "the SIM is locked: PUK wanted")
    status = as_json("site-1", heartbeat(), {"connected": True}, [warning], 3)
    json.dumps(status)
    assert [channel["state"] for channel in status["channels"]] == ["registered", "locked"]
    table = as_table(status, now=1000.0 + 3725).splitlines()
    assert table[0] == ("edge site-1 · version 0.1.0 · up 1 d 1 h · tunnel up · 7 events and 3 SMS waiting · 1 calls")
    assert table[3].split() == [
        "modem1", "registered", "1", "h", "2", "min", "-", "+85510000001", "Smart", "-71", "dBm", "0", "0", "1",
    ]  # fmt: skip
    assert table[4].split()[:2] == ["modem2", "locked"]
    assert table[6] == "modem2: locked: PUK wanted"
    assert table[-1] == "critical: site-1/modem2: the SIM is locked: PUK wanted"


def test_a_table_without_channels():
    status = as_json("site-1", Heartbeat("i", "0", 0.0, (), (), 0), {"connected": False}, [], 0)
    assert "tunnel DOWN" in as_table(status)
    assert "no channels" in as_table(status)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0 s"), (-5, "0 s"), (59, "59 s"), (3600, "1 h"), (3725, "1 h 2 min"), (90061, "1 d 1 h")]
)
def test_span(seconds, text):
    assert span(seconds) == text


NOW = 1_768_435_200.0  # 2026-01-15


def sick(n):
    """A channel with something to say in every column."""
    return ChannelStatus(
        channel=ChannelId(f"site-1/modem{n}"),
        state=ChannelState.REGISTERED,
        since=NOW - 90061,
        sim=Sim(Iccid(f"898550000000000000{n:02d}"), None, E164(f"+855100000{n:02d}"), None, "Simferry Mobile"),
        signal=SignalLevel(-71),
        device=DeviceIdentity("Quectel", "EC25", "EC25EFAR06A01M4G", profile="quectel/ec25", port="/dev/ttyUSB2"),
        health=Health(HealthState.COOLDOWN, NOW - 600, "3 refusals in a row (CMS 21)", 0, NOW + 900, n == 2),
        balance=Balance(NOW, "1234.50", "USD", "2026-02-04", "0.25", 38.2),
        usage=Usage(sms_day=120, minutes_day=31.4, sms_month=900, minutes_month=400.0, limit="120 SMS a day"),
        store=StoreLevel("SM", 30, 30),
        access="LTE",
    )  # fmt: skip


def test_a_table_with_everything_fits_a_terminal_and_says_why():
    beat = Heartbeat("i", "0.1.0", 60.0, (sick(1), sick(2)), (), 0)
    table = as_table(as_json("site-1", beat, {"connected": True}, [], 0), now=NOW)
    assert max(map(len, table.splitlines())) <= 120
    row = table.splitlines()[3]
    assert "1234.50 USD" in row
    assert "  20  " in row, "the validity ends before the money"
    assert "SM 30/30" in row
    assert "modem2: cooldown, held so by a person: 3 refusals" in table
    assert "modem1: cooldown: 3 refusals in a row (CMS 21), looked at again at" in table
    assert "modem1: quota: 120 SMS a day" in table
    assert "modem1: the message storage SM is full" in table


def test_one_channel_in_detail_with_its_history():
    healed = ChannelHealed(
        channel=ChannelId("site-1/modem1"), step="vendor_reset", outcome="worked", evidence=("AT: no answer in 5 s",)
    )
    changed = SimHealthChanged(
        channel=ChannelId("site-1/modem1"), iccid=Iccid("8985"), was=HealthState.HEALTHY, health=sick(1).health
    )
    detail = {"status": dump(sick(1)), "history": [dump(healed), dump(changed)]}
    said = as_detail(detail, NOW)
    assert "health     cooldown for 10 min, takes 0 % of its traffic: 3 refusals in a row (CMS 21)" in said
    assert "SIM        898550***0001, +85510000001" in said
    assert "balance    1234.50 USD, valid until 2026-02-04, 0.25 a day, enough for 38 days" in said
    assert "signal     -71 dBm LTE" in said
    assert "healing: vendor reset: worked\n                      - AT: no answer in 5 s" in said
    assert "health: healthy → cooldown: 3 refusals" in said
    first = SimHealthChanged(channel=ChannelId("site-1/modem1"), iccid=Iccid("8985"), was=None, health=sick(1).health)
    assert "health: cooldown: 3 refusals" in as_detail({**detail, "history": [dump(first)]}, NOW)
    empty = as_detail(
        {"status": dump(ChannelStatus(ChannelId("site-1/x"), ChannelState.ABSENT, NOW)), "history": []}, NOW
    )
    assert empty.endswith("nothing")
