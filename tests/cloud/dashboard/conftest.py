"""The operator's page on a real port, over a fleet that the test sets."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloud.dashboard.routes import Dashboard
from cloud.fleet.keeper import Fleet
from cloud.fleet.snapshot import EdgeView, Snapshot
from cloud.services.addresses import AddressPolicy
from cloud.services.caps import CapKeeper
from cloud.services.edge_desk import EdgeDesk
from cloud.services.fleet_tasks import FleetTasks
from cloud.services.webhook_log import WebhookLog
from cloud.services.webhooks import WebhookClient
from cloud.store import operators
from cloud.store.database import Database
from cloud.store.records import CallRecord, ChannelRecord, HistoryRecord, MessageRecord, WarningRecord
from cloud.tunnel.cloud_keys import CloudKeys
from cloud.web import passwords
from cloud.web.server import WebServer
from telecore import codec
from telecore.events import (
    BalanceRead,
    CallEnded,
    CallMissed,
    ChannelHealed,
    DataReceived,
    Event,
    SelfTestDone,
    SimHealthChanged,
    SoundChecked,
    ToppedUp,
    UssdReplied,
)
from telecore.ids import E164, AccountSid, Address, CallSid, ChannelId, EdgeId, Iccid, MessageSid
from telecore.model import (
    CallStatus,
    ChannelState,
    ChannelStatus,
    DeviceIdentity,
    Direction,
    LineCall,
    MediaStats,
    MessageStatus,
    SignalLevel,
    Sim,
)
from telecore.sim_health import Balance, Health, HealthState, StoreLevel, Usage
from tests.fakes.fleet import FakeFleet
from tests.fakes.keys import cloud_keys
from tests.fakes.store import store_url

PASSWORD = "a long password"


@dataclass
class Desk:
    db: Database
    fleet: Any
    """A ``FakeFleet``, or a real one."""
    server: WebServer
    hooks: WebhookLog
    edges: EdgeDesk
    keys: CloudKeys

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.port}"


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    async with a_desk(tmp_path, FakeFleet()) as one:
        yield one


@contextlib.asynccontextmanager
async def a_desk(tmp_path: Path, fake: FakeFleet | None = None) -> AsyncIterator[Desk]:
    """The page over this fleet, or over a real one."""
    async with Database(store_url(tmp_path)) as db:
        hashed = passwords.make_hash(PASSWORD)
        await db.write(lambda conn: operators.put(conn, "ann", hashed))
        fleet = fake or Fleet(db)
        client = WebhookClient(AddressPolicy())
        hooks = WebhookLog(db, client)
        client.watch(hooks.take)
        tasks = FleetTasks(db, wake=lambda edge: None)
        keys = await asyncio.to_thread(cloud_keys, tmp_path)
        edges = EdgeDesk(db, keys, "https://gw.example")
        dashboard = Dashboard(db, fleet, tasks, "http://127.0.0.1", webhooks=hooks, edges=edges, caps=CapKeeper())
        server = WebServer("127.0.0.1", 0, dashboard.routes())
        running = asyncio.create_task(server.run())
        await asyncio.wait_for(server.started.wait(), 5)
        try:
            yield Desk(db, fleet, server, hooks, edges, keys)
        finally:
            await client.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)


def told(at: datetime, channel: ChannelId, event: Event) -> HistoryRecord:
    account = AccountSid("AC" + "0" * 32)
    return HistoryRecord(1, channel, account, event.kind, "8985501234567890123", at, codec.encode(event))


def went_through(channel: ChannelId, evil: str) -> tuple[Event, ...]:
    iccid = Iccid("8985501234567890123")
    tired = Health(HealthState.DEGRADED, 0.0, f"2 of 9 SMS refused {evil}", 50)
    return (
        SimHealthChanged(
            channel=channel, iccid=iccid, was=HealthState.HEALTHY, health=tired, evidence=("+CMS ERROR: 50", evil)
        ),
        ChannelHealed(channel=channel, step="soft_reset", outcome="worked", evidence=("AT unanswered for 30 s",)),
        BalanceRead(channel=channel, iccid=iccid, balance=Balance(0.0, "1.20", "USD"), recipe="smart", said=evil),
        ToppedUp(channel=channel, iccid=iccid, outcome="unknown"),
        CallMissed(channel=channel, caller=Address("+85512000001"), reason="the line was in use"),
        DataReceived(channel=channel, sender=Address("1234"), port=16000, data="0a0b"),
        CallEnded(
            call=CallSid("CA" + "1" * 32),
            cause=16,
            by="line",
            duration_s=60,
            media=MediaStats(3000, 2850, 150, 3, 140, 12.5, 0, 4.0, 31.0, "PCMA"),
        ),
        UssdReplied(channel=channel, state="reply_wanted", text=f"1 Balance 2 Offers {evil}"),
    )


def busy_fleet() -> Snapshot:
    """A site at work, with what could do harm in every field that strangers write."""
    now = datetime.now(UTC)
    evil = "<script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">"
    account = AccountSid("AC" + "0" * 32)
    status = ChannelStatus(
        channel=ChannelId("site-1/modem1"),
        state=ChannelState.REGISTERED,
        since=now.timestamp() - 7200,
        sim=Sim(Iccid("8985501234567890123"), msisdn=E164("+85510000001"), operator_name=f"Smart{evil}"),
        signal=SignalLevel(-79),
        device=DeviceIdentity("SIMCom", f"SIM7600{evil}", "LE20"),
        busy_legs=1,
        health=Health(HealthState.DEGRADED, now.timestamp() - 600, f"2 of 9 SMS refused {evil}", 50),
        balance=Balance(now.timestamp(), "1.20", "USD", "2026-12-31", "0.40", 3.0),
        usage=Usage(sms_day=42, minutes_day=7.5, limit="42 of 40 SMS a day"),
        store=StoreLevel("SM", 20, 20),
        access="LTE",
        call=LineCall.ALERTING,
    )
    denied = ChannelStatus(
        channel=ChannelId("site-1/modem2"),
        state=ChannelState.DENIED,
        since=now.timestamp() - 90,
        sim=Sim(Iccid("8985509876543210987"), operator_name="Metfone"),
        reason="the network refuses this SIM (cause 3)",
        health=Health(HealthState.RETIRED, now.timestamp() - 90, "stolen", 0, forced=True),
        balance=Balance(now.timestamp(), note="the answer was not understood"),
    )
    call = CallRecord(
        sid=CallSid("CA" + "1" * 32),
        account=account,
        direction=Direction.INBOUND,
        caller=Address("+85512000001"),
        called=Address("+85510000001"),
        status=CallStatus.IN_PROGRESS,
        created_at=now,
        updated_at=now,
        answered_at=now,
        channel=ChannelId("site-1/modem1"),
    )
    message = MessageRecord(
        sid=MessageSid("SM" + "2" * 32),
        account=account,
        direction=Direction.INBOUND,
        sender=Address("+85512000001"),
        recipient=Address("+85510000001"),
        body=f"សួស្តី {evil}",
        status=MessageStatus.RECEIVED,
        created_at=now,
        updated_at=now,
    )
    failed = MessageRecord(
        sid=MessageSid("SM" + "3" * 32),
        account=account,
        direction=Direction.OUTBOUND_API,
        sender=Address("+85510000001"),
        recipient=Address("+85512000005"),
        body="Your appointment is tomorrow at 9.",
        status=MessageStatus.FAILED,
        created_at=now,
        updated_at=now,
        error_code=30003,
        error_message="Unreachable destination handset",
    )
    return Snapshot(
        edges=(
            EdgeView(EdgeId("site-1"), enrolled=True, connected=True, last_seen_at=now, version="0.1.0", spooled=3),
            EdgeView(EdgeId("site-2"), enrolled=True, connected=False, last_seen_at=datetime(2026, 1, 1, tzinfo=UTC)),
            EdgeView(EdgeId("site-3"), enrolled=False, connected=False),
        ),
        channels=(
            ChannelRecord(status.channel, EdgeId("site-1"), status, now),
            ChannelRecord(denied.channel, EdgeId("site-1"), denied, now),
        ),
        calls=(call,),
        messages=(message, failed),
        warnings=(
            WarningRecord(EdgeId("site-1"), "tunnel_down", "", "warning", "the tunnel is down", now),
            WarningRecord(EdgeId("site-1"), "sim_locked", denied.channel, "critical", f"asks for a PUK {evil}", now),
        ),
        newest={
            (record.channel, record.kind): record
            for record in (
                told(
                    now,
                    status.channel,
                    SoundChecked(
                        call=call.sid, channel=status.channel, verdict="echo", heard=-18, sent=-20, echo_db=12
                    ),
                ),
                told(
                    now,
                    status.channel,
                    SelfTestDone(
                        sender=status.channel, receiver=denied.channel, passed=False, text="no call came", sms_s=4.2
                    ),
                ),
            )
        },
        happened=tuple(told(now, status.channel, event) for event in went_through(status.channel, evil)),
    )


@pytest.fixture
def busy() -> Snapshot:
    return busy_fleet()
