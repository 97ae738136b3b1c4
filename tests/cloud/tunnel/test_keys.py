from __future__ import annotations

import hashlib

import pytest

from cloud.tunnel.keys import MOST_ADDRESSES, MOST_FAILURES, WITHIN_S, Failures, key_matches, read_authorization


def test_a_key_matches_its_own_hash_only() -> None:
    digest = hashlib.sha256(b"key").hexdigest()
    assert key_matches("key", digest)
    assert not key_matches("kex", digest)
    assert not key_matches("", "")
    assert not key_matches("key", "")


@pytest.mark.parametrize(
    ("header", "credentials"),
    [
        ("Bearer site-1:abc", ("site-1", "abc")),
        ("bearer  site-1:a:b", ("site-1", "a:b")),
        ("", None),
        ("Bearer", None),
        ("Bearer :abc", None),
        ("Bearer site-1:", None),
        ("Bearer Site:abc", None),
        ("Basic site-1:abc", None),
        ("Bearer site-1:" + "a" * 201, None),
    ],
)
def test_authorization(header: str, credentials: tuple[str, str] | None) -> None:
    assert read_authorization(header) == credentials


def test_an_address_is_not_heard_after_ten_failures_until_the_first_is_a_minute_old() -> None:
    failures = Failures()
    for second in range(MOST_FAILURES):
        assert failures.wait_s("a", second) == 0
        failures.add("a", second)
    assert failures.wait_s("a", 10.0) == WITHIN_S - 10
    assert failures.wait_s("b", 10.0) == 0
    assert failures.wait_s("a", WITHIN_S) == 0
    failures.add("a", WITHIN_S)
    assert failures.wait_s("a", WITHIN_S) == 1.0


def test_the_first_failure_within_an_hour_is_worth_a_log_line() -> None:
    failures = Failures()
    assert failures.add("a", 0.0)
    assert not failures.add("a", 10.0)
    assert failures.add("a", 4000.0)


def test_memory_is_bounded() -> None:
    failures = Failures()
    for n in range(MOST_ADDRESSES + 100):
        failures.add(str(n), float(n))
    assert len(failures._moments) == MOST_ADDRESSES
