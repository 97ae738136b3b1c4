"""The bucket: a burst, then one at a time, forgotten when forgiven, bounded in memory."""

from __future__ import annotations

import pytest

from cloud.web import passwords, rate
from cloud.web.errors import TooMany
from cloud.web.rate import RateLimit


def test_a_burst_then_one_at_a_time() -> None:
    now = [100.0]
    limit = RateLimit(3, 10.0, lambda: now[0])
    for _ in range(3):
        limit.take("a")
    with pytest.raises(TooMany) as caught:
        limit.take("a")
    assert caught.value.retry_after_s == pytest.approx(10)
    limit.take("b")
    now[0] += 9.9
    with pytest.raises(TooMany):
        limit.take("a")
    now[0] += 0.2
    limit.take("a")
    with pytest.raises(TooMany):
        limit.take("a")


def test_forgiven_is_forgotten() -> None:
    limit = RateLimit(1, 10.0, lambda: 0.0)
    limit.take("a")
    limit.forgive("a")
    limit.take("a")


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rate, "REMEMBERED", 5)
    limit = RateLimit(1, 10.0, lambda: 0.0)
    for n in range(100):
        limit.take(str(n))
    assert len(limit._full_at) == 5


def test_passwords() -> None:
    stored = passwords.make_hash("correct horse")
    assert passwords.matches("correct horse", stored)
    assert not passwords.matches("correct horses", stored)
    assert stored != passwords.make_hash("correct horse")
    assert not passwords.matches("", passwords.NOBODYS)
