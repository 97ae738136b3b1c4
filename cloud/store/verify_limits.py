"""Rate limits of a Verify service: how many verifications one value may have sent within an interval."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from cloud.store import keyset, tables
from cloud.store.records import BucketRecord, Cursor, PageOf, RateLimitRecord
from cloud.store.schema import verify_buckets, verify_counts, verify_rate_limits


def insert(conn: Connection, record: RateLimitRecord) -> RateLimitRecord:
    return tables.add(conn, verify_rate_limits, record)


def get(conn: Connection, sid: str) -> RateLimitRecord | None:
    return tables.find(conn, verify_rate_limits, RateLimitRecord, sid=sid)


def named(conn: Connection, service: str, name: str) -> RateLimitRecord | None:
    return tables.find(conn, verify_rate_limits, RateLimitRecord, service=service, unique_name=name)


def of_service(conn: Connection, service: str) -> list[RateLimitRecord]:
    return tables.find_all(conn, verify_rate_limits, RateLimitRecord, service=service)


def update_limit(conn: Connection, sid: str, **changes: object) -> RateLimitRecord | None:
    return tables.change(conn, verify_rate_limits, RateLimitRecord, sid, changes)


def list_(conn: Connection, service: str, cursor: Cursor) -> PageOf[RateLimitRecord]:
    return keyset.page(conn, verify_rate_limits, RateLimitRecord, [verify_rate_limits.c.service == service], cursor)


def remove(conn: Connection, sid: str) -> None:
    """Delete it with its buckets."""
    for bucket in buckets(conn, sid):
        remove_bucket(conn, bucket.sid)
    tables.remove(conn, verify_rate_limits, sid)


def remove_of_service(conn: Connection, service: str) -> None:
    for record in of_service(conn, service):
        remove(conn, record.sid)


# ------------------------------------------------------------------ buckets


def insert_bucket(conn: Connection, record: BucketRecord) -> BucketRecord:
    return tables.add(conn, verify_buckets, record)


def get_bucket(conn: Connection, sid: str) -> BucketRecord | None:
    return tables.find(conn, verify_buckets, BucketRecord, sid=sid)


def buckets(conn: Connection, rate_limit: str) -> list[BucketRecord]:
    return tables.find_all(conn, verify_buckets, BucketRecord, rate_limit=rate_limit)


def update_bucket(conn: Connection, sid: str, **changes: object) -> BucketRecord | None:
    return tables.change(conn, verify_buckets, BucketRecord, sid, changes)


def list_buckets(conn: Connection, rate_limit: str, cursor: Cursor) -> PageOf[BucketRecord]:
    return keyset.page(conn, verify_buckets, BucketRecord, [verify_buckets.c.rate_limit == rate_limit], cursor)


def remove_bucket(conn: Connection, sid: str) -> None:
    conn.execute(delete(verify_counts).where(verify_counts.c.bucket == sid))
    tables.remove(conn, verify_buckets, sid)


def take(conn: Connection, bucket: BucketRecord, value_sha256: str, at: datetime) -> bool:
    """Count one for this value; False when the bucket is full until its interval is over."""
    here = (verify_counts.c.bucket == bucket.sid) & (verify_counts.c.value_sha256 == value_sha256)
    found = conn.execute(select(verify_counts.c.since, verify_counts.c["count"]).where(here)).one_or_none()
    since, count = found if found is not None else (at, 0)
    if not count or since + timedelta(seconds=bucket.interval_s) <= at:
        values = {"bucket": bucket.sid, "value_sha256": value_sha256, "since": at, "count": 1}
        tables.upsert(conn, verify_counts, values)
        return True
    if count >= bucket.max:
        return False
    conn.execute(update(verify_counts).where(here).values(count=count + 1))
    return True
