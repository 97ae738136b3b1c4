from __future__ import annotations

from datetime import UTC, datetime

from cloud.fleet.channel_table import row, text
from cloud.store.records import ChannelRecord
from telecore.ids import E164, ChannelId, EdgeId, Iccid
from telecore.model import ChannelState, ChannelStatus, SignalLevel, Sim
from telecore.sim_health import Balance, Health, HealthState, Usage

AT = datetime(2026, 5, 1, 12, tzinfo=UTC)


def record(**fields) -> ChannelRecord:
    status = ChannelStatus(ChannelId("site-1/modem1"), ChannelState.REGISTERED, 0.0, **fields)
    return ChannelRecord(status.channel, EdgeId("site-1"), status, AT)


def test_what_is_known_stands_in_columns():
    full = record(
        sim=Sim(Iccid("89"), msisdn=E164("+85510000001"), operator_name="Smart\x1b[31m"),
        signal=SignalLevel(-79),
        health=Health(HealthState.COOLDOWN, 0.0, "refused"),
        balance=Balance(0.0, "3.50", "USD"),
        usage=Usage(sms_day=7, minutes_day=2.4),
    )
    head, first, second = text([row(full), row(record())]).splitlines()
    assert head.split()[:4] == ["CHANNEL", "NUMBER", "OPERATOR", "SIGNAL"]
    for shown in ("+85510000001", "-79 dBm", "cooldown", "3.50 USD", "7 SMS 2 min", "2026-05-01 12:00", "refused"):
        assert shown in first
    assert "\x1b" not in first
    assert first.index("cooldown") == head.index("SIM ")
    assert second.split() == ["site-1/modem1", "-", "-", "-", "registered", "-", "-", "-", "2026-05-01", "12:00", "-"]


def test_an_unknown_balance_is_not_zero_and_no_channel_is_said_so():
    assert row(record(balance=Balance(0.0, note="not understood")))["balance"] is None
    assert text([]) == "no channel has been heard of"
