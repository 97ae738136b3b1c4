"""What the page says of a SIM: its health, its account, what it has carried, how it was tested. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from cloud.store.records import HistoryRecord
from telecore.codec import decode_event
from telecore.errors import RemoteProtocolError
from telecore.events import Event, SelfTestDone, SoundChecked
from telecore.model import ChannelStatus
from telecore.sim_health import Balance, Health, HealthState, StoreLevel, Usage

_TONES = {
    HealthState.HEALTHY: "good",
    HealthState.PROBATION: "waiting",
    HealthState.DEGRADED: "waiting",
    HealthState.COOLDOWN: "waiting",
    HealthState.SEARCHING: "waiting",
    HealthState.QUOTA: "waiting",
    HealthState.EXPIRING: "waiting",
    HealthState.RETIRED: "idle",
    HealthState.ABSENT: "idle",
}
SOON_DAYS = 7.0
_SOUNDS = {
    "good": ("sound good", "good"),
    "echo": ("echo", "waiting"),
    "not_heard": ("other side not heard", "bad"),
    "not_sent": ("we are not heard", "bad"),
    "silent": ("no sound either way", "bad"),
}


@dataclass(frozen=True, slots=True)
class Mark:
    """A pill, and a line below it. No ``word``: nothing is known."""

    word: str = ""
    tone: str = "idle"
    note: str = ""


@dataclass(frozen=True, slots=True)
class SimView:
    """``share``: of a healthy SIM's outbound traffic, in words; empty for all of it."""

    health: Mark
    share: str
    balance: Mark
    used: str
    limit: str
    store: Mark
    sound: Mark
    test: Mark


def sim_view(status: ChannelStatus, newest: Mapping[tuple[str, str], HistoryRecord]) -> SimView:
    sound = event_of(newest.get((status.channel, SoundChecked.kind)))
    test = event_of(newest.get((status.channel, SelfTestDone.kind)))
    return SimView(
        health=health_mark(status.health),
        share=share_of(status.health),
        balance=balance_mark(status.balance),
        used=used(status.usage),
        limit=status.usage.limit if status.usage else "",
        store=store_mark(status.store),
        sound=sound_mark(sound.verdict) if isinstance(sound, SoundChecked) else Mark(),
        test=test_mark(test) if isinstance(test, SelfTestDone) else Mark(),
    )


def event_of(record: HistoryRecord | None) -> Event | None:
    """What was kept, if this version still understands it."""
    if record is None:
        return None
    try:
        return decode_event(record.payload)
    except RemoteProtocolError:
        return None


def health_mark(health: Health | None) -> Mark:
    if health is None:
        return Mark()
    held = "held by a person" if health.forced else ""
    note = "; ".join(filter(None, (health.reason, held)))
    return Mark(words(health.state), tone_of(health.state), note)


def share_of(health: Health | None) -> str:
    if health is None or health.share >= 100:
        return ""
    return f"{health.share} % of the traffic" if health.share > 0 else "takes no outbound traffic"


def tone_of(state: HealthState) -> str:
    return _TONES.get(state, "bad")


def words(name: str) -> str:
    return name.replace("_", " ")


def balance_mark(balance: Balance | None) -> Mark:
    """Unknown is never zero."""
    if balance is None:
        return Mark()
    if balance.amount is None:
        return Mark("unknown", "idle", balance.note)
    left = balance.days_left
    soon = left is not None and left < SOON_DAYS
    lasts = "" if left is None else f"{left:.0f} days left" if left >= 1 else "less than a day left"
    until = f"valid until {balance.expires_on}" if balance.expires_on else ""
    note = ", ".join(filter(None, (lasts, until)))
    return Mark(f"{balance.amount} {balance.currency}".strip(), "waiting" if soon else "plain", note)


def used(usage: Usage | None) -> str:
    return "" if usage is None else f"{usage.sms_day} SMS, {usage.minutes_day:.0f} min"


def store_mark(store: StoreLevel | None) -> Mark:
    if store is None:
        return Mark()
    return Mark(
        f"{store.store} {store.used}/{store.total}", "bad" if store.full else "plain", "full" if store.full else ""
    )


def sound_mark(verdict: str) -> Mark:
    word, tone = _SOUNDS.get(verdict, (words(verdict), "waiting"))
    return Mark(word, tone)


def test_mark(test: SelfTestDone) -> Mark:
    took = [f"SMS {test.sms_s:.0f} s"] if test.sms_s is not None else []
    took += [f"ring {test.ring_s:.0f} s"] if test.ring_s is not None else []
    return Mark("test passed" if test.passed else "test failed", "good" if test.passed else "bad", ", ".join(took))
