"""Warnings, and what channels went through, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cloud.dashboard.sims import Mark, balance_mark, event_of, sound_mark, test_mark, tone_of, words
from cloud.store.records import HistoryRecord, TaskRecord, WarningRecord
from telecore.events import (
    BalanceRead,
    CallEnded,
    CallMissed,
    ChannelHealed,
    DataReceived,
    SelfTestDone,
    SimHealthChanged,
    SoundChecked,
    ToppedUp,
    UssdReplied,
)
from telecore.model import ChannelStatus, MediaStats

_SEVERITIES = {"critical": (0, "bad"), "error": (0, "bad"), "warning": (1, "waiting")}
_TO_DO = {
    "audio_echo": "Lower the gain of the sound card, or the modem's speaker level.",
    "sip_strangers": "Look who that is; the agent's SIP port belongs in the gateways' own network.",
    "audio_oneway": "Look at the modem's sound port, its firmware and its profile; at a gateway's codecs and network.",
    "balance_low": "Top the SIM up.",
    "certificate_expiring": "Renew the tunnel's certificate, or see why that fails; then restart what shows it.",
    "clock_wrong": "Set the site's clock, or let it reach a time server.",
    "device_flapping": "Look at the modem's power, its cable and its antenna.",
    "disk_full": "Free space on the site's disk: received SMS stay on their SIMs, and commands wait here.",
    "disk_low": "Free space on the site's disk, or give it a larger one.",
    "edge_cloned": "Enrol the right box again (simferry-cloud enrol-edge), or forgive-edge if there is one only.",
    "enrolment_refused": "Enrol the edge again: simferry-cloud enrol-edge makes a token.",
    "not_registered": "Look at the antenna and the coverage, then at the SIM in a phone.",
    "half_up": "Look at the gateway's own pages: its SIP server, its API and the passwords of both.",
    "keep_alive": "Send one SMS or place one short call that costs something.",
    "operator_outage": "Nothing: the operator is down, and no SIM is blamed.",
    "part_fell": "Nothing, if it happens once; report it with the site's log if it comes back.",
    "pin_unused": "Look whether the ICCID in the PIN file is the SIM's.",
    "quota_reached": "Nothing, or give the SIM a larger quota in agent.yaml.",
    "sim_denied": "Look whether the operator has blocked the SIM; then take it out and put it back.",
    "sim_expiring": "Top the SIM up, or renew it.",
    "sim_fault": "Clean the SIM's contacts and put it back; else replace it.",
    "sim_locked": "A person must enter the PIN or PUK: put the SIM into a phone.",
    "sms_storage_full": "Look at the site's log: received SMS are not being taken off the SIM.",
    "memory_lost": "Look at the messages reported as uncertain; if nobody restored anything, at the site's disk.",
    "store_older": "Look among the site's events for what is missing here since the backup was made.",
    "spool_broken": "Look at the site's disk; what was in the spool has been put aside.",
    "spool_failing": "Look at the site's disk; received SMS stay on their SIMs meanwhile.",
    "spool_growing": "Look at the site's connection to here.",
    "suspect_blocked": "Try the SIM in a phone, or run two self-tests; then let it be judged again.",
    "tunnel_down": "Look at the site's connection to here.",
    "weak_signal": "Move the antenna, or use a better one.",
}
_OUTCOMES = {"worked": "good", "done": "good", "failed": "bad", "refused": "bad", "unknown": "waiting"}


@dataclass(frozen=True, slots=True)
class WarningRow:
    where: str
    channel: str
    severity: str
    tone: str
    text: str
    to_do: str
    since: float


@dataclass(frozen=True, slots=True)
class HappenedRow:
    channel: str
    what: str
    mark: Mark
    evidence: tuple[str, ...]
    at: float


@dataclass(frozen=True, slots=True)
class TaskRow:
    """``asks``: the operator's menu waits for a reply."""

    sid: str
    what: str
    status: str
    tone: str
    text: str
    by: str
    ussd: bool
    asks: bool
    at: float


def warning_rows(records: tuple[WarningRecord, ...]) -> tuple[WarningRow, ...]:
    """The gravest first, of those the latest."""
    ordered = sorted(
        records, key=lambda record: (_SEVERITIES.get(record.severity, (2, ""))[0], -record.since.timestamp())
    )
    return tuple(_warning_row(record) for record in ordered)


def _warning_row(record: WarningRecord) -> WarningRow:
    channel = record.subject if record.subject.startswith(f"{record.edge}/") else ""
    where = channel or " ".join(filter(None, (record.edge, record.subject)))
    tone = _SEVERITIES.get(record.severity, (2, "idle"))[1]
    to_do = _TO_DO.get(record.code, "")
    return WarningRow(where, channel, record.severity, tone, record.text, to_do, record.since.timestamp())


def happened_row(record: HistoryRecord) -> HappenedRow:
    event: Any = event_of(record)
    what, mark, evidence = _told(event) if event is not None else (record.kind, Mark(), ())
    return HappenedRow(record.channel, what, mark, tuple(evidence), record.at.timestamp())


def _told(event: Any) -> tuple[str, Mark, tuple[str, ...]]:
    match event:
        case SimHealthChanged(was=was, health=health):
            note = "; ".join(filter(None, (f"was {words(was)}" if was else "", health.reason)))
            return "SIM health", Mark(words(health.state), tone_of(health.state), note), event.evidence
        case BalanceRead(balance=balance):
            return "balance", balance_mark(balance), (event.said,) if event.said else ()
        case ToppedUp(outcome=outcome):
            return "top-up", Mark(outcome, _OUTCOMES.get(outcome, "idle")), (event.said,) if event.said else ()
        case ChannelHealed(step=step, outcome=outcome):
            return words(step), Mark(words(outcome), _OUTCOMES.get(outcome, "idle")), event.evidence
        case SelfTestDone():
            mark = test_mark(event)
            note = "; ".join(filter(None, (mark.note, event.text)))
            return f"self-test {event.sender} → {event.receiver}", Mark(mark.word, mark.tone, note), ()
        case SoundChecked(verdict=verdict):
            return "sound of a call", sound_mark(verdict), _levels(event)
        case CallEnded(media=media) if media is not None:
            return "call over RTP", _media_mark(media), _media_lines(media)
        case CallMissed():
            return "missed call", Mark(event.caller or "withheld", "waiting", event.reason), ()
        case DataReceived():
            return (
                "data",
                Mark(event.sender, "idle", f"port {event.port}" if event.port is not None else ""),
                (event.data,),
            )
        case UssdReplied(state=state):
            return "USSD", Mark(words(state), "good" if state in ("done", "reply_wanted") else "idle", event.text), ()
    return event.kind, Mark(), ()


def _levels(event: SoundChecked) -> tuple[str, ...]:
    named = (("heard", event.heard, "dBm0"), ("sent", event.sent, "dBm0"), ("echo", event.echo_db, "dB quieter"))
    return tuple(f"{name} {value:.0f} {unit}" for name, value, unit in named if value is not None)


def _media_mark(media: MediaStats) -> Mark:
    """Of what was sent to us; more than one packet in a hundred is heard."""
    share = 100 * media.lost / max(1, media.lost + media.received)
    far = media.far_lost is not None and media.far_lost > max(1, media.sent) / 100
    tone = "good" if share < 1 and not far else "waiting" if share < 5 else "bad"
    return Mark(f"{share:.1f} % lost", tone, f"jitter {media.jitter_ms:.0f} ms, {media.codec}")


def _media_lines(media: MediaStats) -> tuple[str, ...]:
    named = (
        ("packets sent", media.sent), ("received", media.received), ("lost", media.lost), ("too late", media.late),
        ("frames made up", media.concealed), ("the far end lost", media.far_lost),
        ("its jitter in ms", media.far_jitter_ms), ("round trip in ms", media.round_trip_ms),
    )  # fmt: skip
    return tuple(f"{name}: {value:.0f}" for name, value in named if value is not None)


def task_row(task: TaskRecord) -> TaskRow:
    result = task.result
    text = next((str(result[name]) for name in ("text", "message", "said", "outcome") if result.get(name)), "")
    balance = result.get("balance")
    if isinstance(balance, dict):
        text = (
            f"{balance['amount']} {balance['currency']}" if balance.get("amount") else f"unknown: {balance.get('note')}"
        )
    health = result.get("health")
    if isinstance(health, dict):
        text = words(str(health.get("state", "")))
    tone = {"done": "good", "failed": "bad"}.get(task.status, "waiting")
    asks = result.get("state") == "reply_wanted"
    ussd = task.kind.startswith("ussd.")
    what = task.kind.replace(".", " ") if ussd else words(task.kind.partition(".")[2])
    return TaskRow(task.sid, what, task.status, tone, text, task.by, ussd, asks, task.created_at.timestamp())


def evidence_of_health(status: ChannelStatus, rows: Sequence[HistoryRecord]) -> tuple[str, ...]:
    """What led to the state of the SIM as it is now."""
    for record in rows:
        event = event_of(record)
        if isinstance(event, SimHealthChanged):
            same = status.health is not None and event.health.state is status.health.state
            return event.evidence if same else ()
    return ()
