"""The whole cloud in this process, over a store that has one of everything, and no edge that answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from unittest.mock import patch

from cloud import app
from cloud.api.description.model import Endpoint
from cloud.app import Parts
from cloud.config import CloudConfig, parse
from cloud.services.access_token import Grant
from cloud.services.files import Files
from cloud.services.handsets import Handset
from cloud.store import (
    accounts,
    applications,
    caller_ids,
    calls,
    channels,
    edges,
    keys,
    messages,
    messaging_services,
    notifications,
    numbers,
    participants,
    recordings,
    streams,
    tasks,
    transcriptions,
    verify,
    verify_limits,
    webhook_log,
)
from cloud.store.database import Connection
from cloud.store.records import (
    AccountRecord,
    ApplicationRecord,
    AttemptRecord,
    BucketRecord,
    CallerIdRecord,
    CallRecord,
    ConferenceRecord,
    Hook,
    MessageRecord,
    MessagingServiceRecord,
    NumberRecord,
    ParticipantRecord,
    RateLimitRecord,
    RecordingRecord,
    TaskRecord,
    ValidationRecord,
    VerificationRecord,
    VerifyServiceRecord,
    WebhookLogRecord,
)
from cloud.tunnel import conference_steps, queue_steps
from telecore.audio.tone import tone
from telecore.audio.wav import write_wav
from telecore.ids import (
    E164,
    AccountSid,
    Address,
    CallSid,
    ChannelId,
    CommandId,
    EdgeId,
    Iccid,
    MessageSid,
    RecordingSid,
    Sha256,
    StayId,
    new_id,
    new_sid,
)
from telecore.model import (
    CallStatus,
    ChannelState,
    ChannelStatus,
    Direction,
    MessageStatus,
    Service,
    SignalLevel,
    Sim,
)
from telecore.sim_health import Balance, Health, HealthState, StoreLevel, Usage
from telecore.stays import ConferenceSpec, EnqueueSpec
from tests.fakes.handset import SilentPeer
from tests.fakes.store import store_url

CONFIG = b"web: {port: 0, public_url: 'https://gw.example'}\ntunnel: {port: 0}\nspeech: {program: none-such}\n"
SOMEBODY = Address("+85512000001")
_IDLE = {"local": "+49301{:06}", "mobile": "+49151{:08}", "toll_free": "+498001{:06}"}
_TAKEN = ("+49302{:06}", "+498002{:06}")
"""Of a trunk in Germany, whose plan tells all kinds apart."""


@dataclass(frozen=True)
class Seed:
    """One account with one of everything. ``named``: the piece before it in a path → what stands there.

    Where an endpoint needs another one, its name and a slash stand before that piece.
    """

    account: AccountRecord
    named: dict[str, str]
    filled: dict[str, str]

    def pieces(self, endpoint: Endpoint) -> dict[str, str]:
        """What stands in the braces of a path: this account, and the record of the kind that the endpoint is about."""
        segments, path = endpoint.url.split("/"), endpoint.path
        return {
            segment.partition("}")[0][1:]: self.named.get(f"{path}/{before}") or self.named[before]
            for before, segment in pairwise(_apart(segments))
            if segment.startswith("{")
        }

    def path(self, endpoint: Endpoint) -> str:
        return endpoint.url.format_map(self.pieces(endpoint))

    def params(self, endpoint: Endpoint, **pieces: str) -> dict[str, str]:
        """The endpoint's example with its braces filled in, with these pieces of a path where they stand in it."""
        return self.fill(endpoint.example, **pieces)

    def fill(self, example: Mapping[str, str], **pieces: str) -> dict[str, str]:
        blanks = self.filled | {f"{{{name}}}": value for name, value in pieces.items()}
        return {name: _filled(value, blanks) for name, value in example.items()}


def _apart(segments: list[str]) -> list[str]:
    """Services of Verify are other ones than those of messaging."""
    return ["v2/Services" if segments[1] == "v2" and word == "Services" else word for word in segments]


class SeededCloud:
    def __init__(self, parts: Parts, files: Files) -> None:
        self.parts = parts
        self._files = files
        self._made = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.parts.web.port}"

    async def seed(self) -> Seed:
        """Another account, with everything new."""
        self._made += 1
        sound = await self._files.add(write_wav(tone((300 + self._made,), 100)))
        made = await self.parts.db.write(lambda conn: _seed(conn, self._made, sound))
        grant = Grant(made.account.sid, "alice", 1e12)
        self.parts.desk.clients.arrive(Handset(grant, "h1", SilentPeer()))
        return made


@asynccontextmanager
async def seeded_cloud(directory: Path) -> AsyncIterator[SeededCloud]:
    config: CloudConfig = parse(CONFIG, directory / "cloud.yaml")
    config.data_dir.mkdir(parents=True, exist_ok=True)
    store_url(config.data_dir)
    stop = asyncio.Event()
    # No edge ever tells of the seeded calls, which live as long as a test needs them.
    with patch("cloud.services.call_reaper._EVERY_S", 3600.0):
        async with app.built(config) as parts:
            running = asyncio.create_task(app.run(parts, stop))
            try:
                async with asyncio.timeout(20):
                    await parts.web.started.wait()
                files = Files(config.data_dir / "files")
                await files.open()
                try:
                    yield SeededCloud(parts, files)
                finally:
                    await files.close()
            finally:
                parts.drain.hurry()
                stop.set()
                await asyncio.wait_for(running, 20)


def _filled(value: str, blanks: Mapping[str, str]) -> str:
    for blank, content in blanks.items():
        value = value.replace(blank, content)
    return value


def _seed(conn: Connection, turn: int, sound: Sha256) -> Seed:
    account = accounts.create(conn, f"Clinic {turn}")
    edge = EdgeId(f"site-{turn}")
    token = edges.create(conn, edge, account.sid)
    first, second = ChannelId(f"{edge}/modem1"), ChannelId(f"{edge}/modem2")
    taken, idle = E164(f"+8551{turn:07}"), E164(f"+8552{turn:07}")
    for channel, msisdn in ((first, taken), (second, idle)):
        channels.upsert(conn, edge, _status(channel, msisdn))
    number = numbers.create(conn, account.sid, taken, channel=first)
    spare = numbers.create(conn, account.sid, E164(f"+8553{turn:07}"))
    service = _service(conn, account.sid, number)
    trunk = ChannelId(f"{edge}/trunk1")
    idles = {f"{{idle_{kind}}}": E164(number.format(turn)) for kind, number in _IDLE.items()}
    kinds = [E164(number.format(turn)) for number in _TAKEN]
    channels.upsert(conn, edge, replace(_status(trunk, idles["{idle_local}"]), numbers=(*idles.values(), *kinds)))
    for other in kinds:
        numbers.create(conn, account.sid, other, channel=trunk)
    application = _application(conn, account.sid)
    caller_id = _caller_id(conn, account.sid)
    call = _call(conn, account.sid, taken)
    asked = _webhook(conn, account.sid, call.sid)
    live = _call(conn, account.sid, taken, CallStatus.IN_PROGRESS)
    stream = streams.add(conn, account.sid, call.sid, new_sid("MZ"), "ears")
    message = _message(conn, account.sid, taken)
    noted = notifications.add(conn, account.sid, call.sid, 11200, "HTTP 500")
    waiting = _waiting_call(conn, account.sid, edge, taken)
    empty = queue_steps.create(conn, account.sid, f"empty {turn}", 100, datetime.now(UTC))
    queue, _ = queue_steps.enter(conn, waiting, StayId(new_id()), EnqueueSpec(f"queue {turn}"), datetime.now(UTC))
    conference, participant = _conference(conn, account.sid, call)
    recording = _recording(conn, call, conference.sid, sound)
    task = _task(conn, account.sid, edge, first)
    key, _ = keys.create(conn, account.sid, "robot")
    named = {
        "Accounts": account.sid,
        "Applications": application.sid,
        "AvailablePhoneNumbers": "DE",
        "OutgoingCallerIds": caller_id.sid,
        "Calls": call.sid,
        "Messages": message.sid,
        "IncomingPhoneNumbers": number.sid,
        "call_streams/Calls": live.sid,
        "Streams": stream.sid,
        "Recordings": recording.sid,
        "Transcriptions": transcriptions.begin(conn, recording, Hook()).sid,
        "Notifications": noted.sid,
        "Alerts": noted.sid,
        "lookup/PhoneNumbers": taken,
        "lookup_v1/PhoneNumbers": taken,
        "channels": edge,
        "edges": edge,
        "releases": "0.2.0",
        "clients": "alice",
        "{edge}": "modem1",
        "tasks": task.sid,
        "webhooks": asked.sid,
        "recordings": recording.sid,
        "Keys": key.sid,
        "SigningKeys": key.sid,
        "Services": service.sid,
        "PhoneNumbers": number.sid,
        "Conferences": conference.sid,
        "Participants": participant.call,
        **_verifying(conn, account.sid),
        "Queues": empty.sid,
        "members/Queues": queue.sid,
        "member/Queues": queue.sid,
        "Members": waiting.sid,
    }
    filled = {
        "{number}": taken, "{idle_number}": idle, "{token}": token, "{edge}": edge,
        "{verifying}": SOMEBODY, "{messaging_service}": service.sid, "{spare_number_sid}": spare.sid,
    }  # fmt: skip
    below = accounts.create(conn, "Ward", account.sid)
    return Seed(account, named, {**filled, **idles, "{application}": application.sid, "{subaccount}": below.sid})


def _verifying(conn: Connection, account: AccountSid) -> dict[str, str]:
    """A service with a verification that waits, and a rate limit."""
    at = datetime.now(UTC)
    service = verify.insert_service(conn, VerifyServiceRecord(new_sid("VA"), account, "Clinic", at, at))
    until, salt = at + timedelta(minutes=10), "00" * 16
    record = VerificationRecord(new_sid("VE"), account, service.sid, SOMEBODY, "sms", at, at, until, salt)
    verify.insert(conn, record)
    sid = new_sid("VL")
    attempt = AttemptRecord(sid, account, service.sid, record.sid, "sms", SOMEBODY, "KH", "00" * 32, at, at)
    verify.insert_attempt(conn, attempt)
    limit = RateLimitRecord(new_sid("RK"), account, service.sid, "user", at, at)
    verify_limits.insert(conn, limit)
    bucket = BucketRecord(new_sid("BL"), account, service.sid, limit.sid, 3, 3600, at, at)
    verify_limits.insert_bucket(conn, bucket)
    return {
        "v2/Services": service.sid,
        "Verifications": record.sid,
        "Attempts": attempt.sid,
        "RateLimits": limit.sid,
        "Buckets": bucket.sid,
    }


def _service(conn: Connection, account: AccountSid, number: NumberRecord) -> MessagingServiceRecord:
    at = datetime.now(UTC)
    record = messaging_services.insert(conn, MessagingServiceRecord(new_sid("MG"), account, "Clinic", at, at))
    messaging_services.add_number(conn, record, number)
    return record


def _webhook(conn: Connection, account: AccountSid, call: str) -> WebhookLogRecord:
    """One that failed, at an address that may not be asked, so that a replay fails at once."""
    record = WebhookLogRecord(
        sid=new_sid("WH"),
        account=account,
        subject=call,
        url="http://10.0.0.1/",
        method="POST",
        params={"CallSid": "CA1"},
        whole=True,
        sent={},
        status=500,
        code=11200,
        fault="the server answered 500",
        got={},
        body="oops",
        size=4,
        duration_ms=12,
        at=datetime.now(UTC),
    )
    webhook_log.add(conn, [record])
    return record


def _application(conn: Connection, account: AccountSid) -> ApplicationRecord:
    at, voice = datetime.now(UTC), Hook("https://app.example/voice")
    return applications.insert(conn, ApplicationRecord(new_sid("AP"), account, "Line", at, at, voice=voice))


def _caller_id(conn: Connection, account: AccountSid) -> CallerIdRecord:
    asked = ValidationRecord(CallSid(new_sid("CA")), account, E164(SOMEBODY), "Me", "123456", datetime.now(UTC))
    caller_ids.begin(conn, asked)
    made = caller_ids.tried(conn, asked, "123456")
    assert made is not None
    return made


def _status(channel: ChannelId, msisdn: E164) -> ChannelStatus:
    return ChannelStatus(
        channel=channel,
        state=ChannelState.REGISTERED,
        since=1000.0,
        offers=frozenset(Service),
        sim=Sim(Iccid("8985501234567890123"), msisdn=msisdn, operator_name="Smart"),
        signal=SignalLevel(-79),
        health=Health(HealthState.HEALTHY, 1000.0),
        balance=Balance(2000.0, "3.50", "USD", "2030-12-31", "0.10", 35.0),
        usage=Usage(sms_day=7),
        store=StoreLevel("SM", 3, 20),
        access="LTE",
        capacity=100_000,
    )


def _call(conn: Connection, account: AccountSid, number: E164, status: CallStatus = CallStatus.COMPLETED) -> CallRecord:
    at = datetime.now(UTC)
    record = CallRecord(
        sid=CallSid(new_sid("CA")),
        account=account,
        direction=Direction.OUTBOUND_API,
        caller=Address(number),
        called=SOMEBODY,
        status=status,
        created_at=at,
        updated_at=at,
        started_at=at,
        answered_at=at,
        ended_at=at,
        duration_s=7,
        url="https://app.example/voice",
    )
    return calls.insert(conn, record)


def _waiting_call(conn: Connection, account: AccountSid, edge: EdgeId, number: E164) -> CallRecord:
    at = datetime.now(UTC)
    record = CallRecord(
        sid=CallSid(new_sid("CA")),
        account=account,
        direction=Direction.INBOUND,
        caller=SOMEBODY,
        called=Address(number),
        status=CallStatus.IN_PROGRESS,
        created_at=at,
        updated_at=at,
        edge=edge,
        started_at=at,
        answered_at=at,
    )
    return calls.insert(conn, record)


def _message(conn: Connection, account: AccountSid, number: E164) -> MessageRecord:
    at = datetime.now(UTC)
    record = MessageRecord(
        sid=MessageSid(new_sid("SM")),
        account=account,
        direction=Direction.OUTBOUND_API,
        sender=Address(number),
        recipient=SOMEBODY,
        body="hello",
        status=MessageStatus.DELIVERED,
        created_at=at,
        updated_at=at,
        sent_at=at,
    )
    return messages.insert(conn, record)


def _recording(conn: Connection, call: CallRecord, conference: str, sound: Sha256) -> RecordingRecord:
    at = datetime.now(UTC)
    record = RecordingRecord(
        sid=RecordingSid(new_sid("RE")),
        account=call.account,
        call=call.sid,
        conference=conference,
        sha256=sound,
        size=8,
        duration_s=2.5,
        channels=1,
        source="RecordVerb",
        status="completed",
        created_at=at,
        updated_at=at,
    )
    return recordings.insert(conn, record)


def _conference(conn: Connection, account: AccountSid, call: CallRecord) -> tuple[ConferenceRecord, ParticipantRecord]:
    at = datetime.now(UTC)
    spec = ConferenceSpec("Ward round", label="doctor")
    there = conference_steps.open_(conn, account, spec, at)
    expected = conference_steps.expect(conn, there, call, spec, at)
    return there, participants.update(conn, expected.sid, status=participants.CONNECTED) or expected


def _task(conn: Connection, account: AccountSid, edge: EdgeId, channel: ChannelId) -> TaskRecord:
    at = datetime.now(UTC)
    record = TaskRecord(
        sid=CommandId(new_sid("TK")),
        account=account,
        edge=edge,
        channel=channel,
        kind="ussd.request",
        created_at=at,
        updated_at=at,
        not_after=at,
        status="done",
        result={"text": "Balance 3.50"},
    )
    return tasks.insert(conn, record)
