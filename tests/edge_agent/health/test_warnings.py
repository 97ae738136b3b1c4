"""Conditions become warnings after a while, once, and are cleared when they are over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from edge_agent.config import Limits
from edge_agent.health import Warnings
from edge_agent.health.checks import CHECKS
from edge_agent.health.checks.certificate_expiring import certificate_expiring
from edge_agent.health.conditions import Check, Condition, Severity, Snapshot
from edge_agent.sims.keep_alive import Reminder
from telecore.events import WarningCleared, WarningRaised
from telecore.ids import ChannelId, Iccid, Plmn
from telecore.model import ChannelState, ChannelStatus, Service, SignalLevel, Sim
from telecore.sim_health import Balance, Health, HealthState, StoreLevel, Usage

NOW = datetime(2026, 11, 26, tzinfo=UTC)
ALL_WELL = Snapshot(wall=NOW)


def weak(snapshot):
    if not snapshot.tunnel_up:
        yield Condition("weak", Severity.WARNING, "m1", "so weak")


DOWN, UP = Snapshot(wall=NOW, tunnel_up=False), ALL_WELL


def test_raised_after_its_delay_once_and_cleared_after_it():
    warnings = Warnings([Check(weak, 10.0)])
    assert warnings.look(DOWN, 0.0) == []
    assert warnings.look(DOWN, 9.0) == []
    (raised,) = warnings.look(DOWN, 10.0)
    assert isinstance(raised, WarningRaised)
    assert (raised.code, raised.subject, raised.severity, raised.text) == ("weak", "m1", "warning", "so weak")
    assert warnings.look(DOWN, 20.0) == []
    assert [condition.code for condition in warnings.active] == ["weak"]
    assert warnings.look(UP, 21.0) == []
    assert warnings.look(UP, 30.0) == []
    (cleared,) = warnings.look(UP, 31.0)
    assert isinstance(cleared, WarningCleared)
    assert (cleared.code, cleared.subject) == ("weak", "m1")
    assert warnings.active == ()


def test_flapping_is_neither_raised_nor_cleared():
    warnings = Warnings([Check(weak, 10.0)])
    for second in range(0, 60, 5):
        assert warnings.look(DOWN if second % 10 else UP, float(second)) == []
    warnings.look(UP, 60.0)
    warnings.look(DOWN, 100.0)
    assert len(warnings.look(DOWN, 110.0)) == 1
    for second in range(115, 160, 5):
        assert warnings.look(DOWN if second % 10 else UP, float(second)) == []
    assert len(warnings.active) == 1


def test_without_delay_at_once():
    warnings = Warnings([Check(weak, 0.0)])
    assert len(warnings.look(DOWN, 0.0)) == 1
    assert len(warnings.look(UP, 0.1)) == 1


def channel(state, **options):
    return Snapshot(wall=NOW, channels=(ChannelStatus(ChannelId("site-1/modem1"), state, 0.0, **options),))


MB = 1 << 20
SIM = Sim(Iccid("8985500000000000001"))


SOON = Balance(0.0, "1.20", "USD", days_left=2.0)


def judged(state, radio=ChannelState.REGISTERED):
    return channel(radio, health=Health(state, 0.0, "the reason", 0))


def with_pin(sim):
    pins = frozenset({Iccid("8985500000000000099"), Iccid("8985500000000000001")})
    return replace(channel(ChannelState.REGISTERED, sim=sim), pins=pins)


@pytest.mark.parametrize(
    ("snapshot", "code", "subject", "words"),
    [
        (channel(ChannelState.LOCKED, reason="PUK wanted"), "sim_locked", "site-1/modem1", "PUK wanted"),
        (channel(ChannelState.LOCKED), "sim_locked", "site-1/modem1", "sim_pins"),
        (channel(ChannelState.SEARCHING), "not_registered", "site-1/modem1", "no network"),
        (
            channel(ChannelState.DENIED, reason="cause 3"),
            "not_registered",
            "site-1/modem1",
            "this SIM (cause 3)",
        ),
        (channel(ChannelState.ABSENT), "not_registered", "site-1/modem1", "no SIM"),
        (channel(ChannelState.FAULTY), "not_registered", "site-1/modem1", "does not work"),
        (channel(ChannelState.REGISTERED, signal=SignalLevel(-107)), "weak_signal", "site-1/modem1", "-107 dBm"),
        (
            Snapshot(wall=NOW, reminders={ChannelId("m1"): (Reminder("sim_expiring", "valid until 2026-12-01"),)}),
            "sim_expiring",
            "m1",
            "2026-12-01",
        ),
        (judged(HealthState.SIM_FAULT, ChannelState.FAULTY), "sim_fault", "site-1/modem1", "the reason"),
        (judged(HealthState.DENIED, ChannelState.DENIED), "sim_denied", "site-1/modem1", "the reason"),
        (judged(HealthState.SUSPECT_BLOCKED), "suspect_blocked", "site-1/modem1", "the reason"),
        (judged(HealthState.EXHAUSTED), "balance_low", "site-1/modem1", "the reason"),
        (channel(ChannelState.REGISTERED, balance=SOON), "balance_low", "site-1/modem1", "1.20 USD last for 2"),
        (channel(ChannelState.REGISTERED, usage=Usage(limit="daily limit")), "quota_reached", "site-1/modem1", "daily"),
        (channel(ChannelState.REGISTERED, store=StoreLevel("SM", 20, 20)), "sms_storage_full", "site-1/modem1", "SM"),
        (Snapshot(wall=NOW, outages={Plmn("45691"): "3 of 5"}), "operator_outage", "45691", "3 of 5"),
        (Snapshot(wall=NOW, flapping={ChannelId("m1"): 7}), "device_flapping", "m1", "7 times"),
        (with_pin(SIM), "pin_unused", "0099", "898550…0099 is for no SIM"),
        (Snapshot(wall=NOW, disk_free=150 * MB), "disk_low", "", "150 MB"),
        (Snapshot(wall=NOW, disk_free=9 * MB, limits=Limits(disk_low_mb=0)), "disk_full", "", "9 MB"),
        (Snapshot(wall=NOW, forgotten="the spool is older"), "memory_lost", "", "older"),
        (Snapshot(wall=NOW, spooled=5001), "spool_growing", "", "5001 events"),
        (Snapshot(wall=NOW, quarantined="spool.db.broken-1"), "spool_broken", "", "spool.db.broken-1"),
        (Snapshot(wall=NOW, spool_error="disk full"), "spool_failing", "", "disk full"),
        (Snapshot(wall=NOW, tunnel_up=False), "tunnel_down", "", "being kept"),
        (Snapshot(wall=NOW, certificate_ends=NOW + timedelta(days=13.5)), "certificate_expiring", "", "in 13 days"),
        (Snapshot(wall=NOW, certificate_ends=NOW), "certificate_expiring", "", "ended at"),
        (Snapshot(wall=datetime(1970, 1, 1, tzinfo=UTC)), "clock_wrong", "", "1970-01-01"),
        (Snapshot(wall=NOW, strangers={"10.0.0.9": 14}), "sip_strangers", "", "10.0.0.9 (14)"),
        (
            channel(ChannelState.REGISTERED, down=frozenset(Service), reason="silent"),
            "half_up",
            "site-1/modem1",
            "sms and ussd and voice do not work: silent",
        ),
        (Snapshot(wall=NOW, fallen={"uplink": "bug"}), "part_fell", "uplink", "bug"),
    ],
)
def test_each_condition_is_seen(snapshot, code, subject, words):
    found = [condition for check in CHECKS for condition in check.look(snapshot)]
    assert [(condition.code, condition.subject) for condition in found] == [(code, subject)]
    assert words in found[0].text


def test_a_refused_edge():
    found = {c.code for check in CHECKS for c in check.look(Snapshot(wall=NOW, tunnel_up=False, refused="unknown key"))}
    assert found == {"tunnel_down", "enrolment_refused"}


@pytest.mark.parametrize(
    "snapshot",
    [
        ALL_WELL,
        channel(ChannelState.REGISTERED, signal=SignalLevel(-100)),
        channel(ChannelState.DISABLED),
        Snapshot(wall=NOW, disk_free=201 * MB, spooled=5000),
        Snapshot(wall=NOW, disk_free=1 * MB, limits=Limits(disk_low_mb=0, disk_reserve_mb=0)),
        Snapshot(wall=NOW, refused="earlier"),
        with_pin(None),
        channel(ChannelState.REGISTERED, balance=Balance(0.0, note="no answer"), store=StoreLevel("SM", 19, 20)),
        channel(ChannelState.REGISTERED, store=StoreLevel("SM", 0, 0), usage=Usage(sms_day=9)),
        channel(ChannelState.REGISTERED, health=Health(HealthState.SUSPECT_BLOCKED, 0.0, "sold", 0, forced=True)),
    ],
)
def test_and_nothing_else_is(snapshot):
    assert [condition for check in CHECKS for condition in check.look(snapshot)] == []


def test_a_nearly_full_disk_is_critical():
    (found,) = [c for check in CHECKS for c in check.look(Snapshot(wall=NOW, disk_free=19 * MB))]
    assert found.severity is Severity.CRITICAL


@pytest.mark.parametrize(
    ("ends", "off_s", "severity"),
    [
        (timedelta(days=14), 0.0, None),
        (timedelta(days=14, seconds=-1), 0.0, "warning"),
        (timedelta(seconds=1), 0.0, "warning"),
        (timedelta(), 0.0, "critical"),
        (timedelta(days=370), -365 * 86400.0, "warning"),  # the system's clock is a year behind
        (timedelta(days=-300), 365 * 86400.0, None),
    ],
)
def test_a_certificate_is_judged_by_the_time_the_agent_goes_by(ends, off_s, severity):
    found = list(certificate_expiring(Snapshot(wall=NOW, clock_off_s=off_s, certificate_ends=NOW + ends)))
    assert [condition.severity.value for condition in found] == ([severity] if severity else [])
