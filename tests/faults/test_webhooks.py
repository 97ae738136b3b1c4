"""Customers' servers that are slow, dead or lying: others are not affected, each is asked again as promised."""

from __future__ import annotations

import asyncio
import json
import random
import resource
import socket
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest
from sqlalchemy import select

from benchmarks.fleet import certificate
from cloud.services.addresses import AddressPolicy
from cloud.services.callbacks import Callbacks
from cloud.services.debugger import Debugger
from cloud.services.lookups import Lookups, system
from cloud.services.webhooks import Timeouts, WebhookClient
from cloud.store import accounts, callbacks
from cloud.store.database import Connection, Database
from cloud.store.records import Hook
from cloud.store.schema import callbacks as callbacks_table
from telecore.ids import AccountSid, new_sid
from tests.fakes.store import store_url
from tests.faults.conftest import LONG, Report, times

ROOT = Path(__file__).parent.parent.parent
DELAYS_S = (0.1, 0.2)
LASTING = frozenset({"wrong certificate", "redirect loop", "20 MB", "endless body"})
"""What asking again will not mend; it is not promised."""


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, int]]:
    made, key = certificate(folder)
    command = [sys.executable, "-m", "tests.fakes.liars", str(folder / "told"), str(made), str(key)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield dict(json.loads(process.stdout.readline()))
        finally:
            process.kill()


def look(host: str, port: int, family: int) -> list[tuple[Any, ...]]:
    """``…dead.test``: a name server that does not answer."""
    if host.endswith("dead.test"):
        time.sleep(4.0)
        raise socket.gaierror(socket.EAI_AGAIN, "no answer")
    return system("127.0.0.1" if host.endswith(".test") else host, port, family)


@dataclass
class Customer:
    account: AccountSid
    url: str
    subjects: list[str]


@pytest.mark.alone
def test_bad_servers(tmp_path: Path, chance: random.Random, report: Report) -> None:
    good, each, steps = times(3, 20), times(6, 60), 3
    store_url(tmp_path)
    with servers(tmp_path) as ports:
        alone = asyncio.run(_run(tmp_path, ports, chance, [], good, each, steps))
        bad = [name for name in ports if name != "good"] + ["dead name server", "refused"]
        beside = asyncio.run(_run(tmp_path, ports, chance, bad, good, each, steps))
    assert beside["lost"] == beside["doubled"] == beside["disordered"] == 0
    assert beside["wrong_attempts"] == {}
    assert beside["given_up"] == len(bad) * each * steps
    assert beside["rss_mb"] < 64
    # A request's time is at most the machine's own, and not that of anybody who hangs.
    assert beside["p95_s"] < max(2.0, 5 * alone["p95_s"])
    figures = {name: beside[name] for name in ("told", "lost", "doubled", "disordered", "retried", "given_up")}
    report(
        "webhook targets slow, dead, lying",
        bad=len(bad),
        p95_alone_s=round(alone["p95_s"], 3),
        p95_beside_s=round(beside["p95_s"], 3),
        rss_mb=round(beside["rss_mb"], 1),
        **figures,
    )


async def _run(
    folder: Path, ports: dict[str, int], chance: random.Random, bad: list[str], good: int, each: int, steps: int
) -> dict[str, Any]:
    kept = folder / "told"
    await asyncio.to_thread(kept.write_text, "")
    policy, lookups = AddressPolicy(["127.0.0.1"]), Lookups(look)
    client = WebhookClient(policy, Timeouts(connect_s=0.5), lookups=lookups)
    async with Database(f"sqlite:///{folder / 'cloud.db'}") as db:
        customers = await db.write(lambda conn: _customers(conn, ports, bad, good, each))
        queue = Callbacks(db, client, Debugger(db), delays_s=DELAYS_S)
        rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        running = asyncio.create_task(queue.run())
        put: dict[tuple[str, str], float] = {}
        for step in range(steps):
            wishes = [(one, subject) for one in customers.values() for subject in one.subjects]
            chance.shuffle(wishes)
            await db.write(lambda conn, wishes=wishes, step=step: _put(conn, wishes, step))  # type: ignore[misc]
            put |= {(subject, str(step)): time.time() for _, subject in wishes}
            queue.wake()
            await asyncio.sleep(0.1)
        async with asyncio.timeout(240):
            while await db.read(callbacks.next_moment) is not None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        running.cancel()
        await asyncio.wait([running])
        await client.close()
        rows = await db.read(lambda conn: conn.execute(select(callbacks_table)).mappings().all())
        await db.write(lambda conn: conn.execute(callbacks_table.delete()))
    told = [line.split(" ", 1) for line in (await asyncio.to_thread(kept.read_text)).splitlines()]
    return _figures(told, rows, customers, put, steps, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rss)


def _customers(conn: Connection, ports: dict[str, int], bad: list[str], good: int, each: int) -> dict[str, Customer]:
    made: dict[str, Customer] = {}
    for name in [*(f"good {n}" for n in range(good)), *bad]:
        account = accounts.create(conn, name).sid
        subjects = [new_sid("CF") for _ in range(each)]  # of a message that is not there nothing would be kept
        made[name] = Customer(account, _url(name, ports), subjects)
    return made


def _url(name: str, ports: dict[str, int]) -> str:
    if name.startswith("good"):
        return f"http://app.test:{ports['good']}/"
    # So the test does not take fifteen seconds for each attempt of those that hang; the others have the usual time.
    hangs = name in {"dead", "slow body", "endless headers", "dead name server"}
    wanted = ("#tt=3000&ct=1000" if LONG else "#tt=500&ct=300") if hangs else ""
    if name == "dead name server":
        return f"http://{{n}}.dead.test:{ports['good']}/{wanted}"
    if name == "refused":
        return f"http://127.0.0.1:9/{wanted}"
    return f"{'https' if name == 'wrong certificate' else 'http'}://127.0.0.1:{ports[name]}/{wanted}"


def _put(conn: Connection, wishes: list[tuple[Customer, str]], step: int) -> None:
    for place, (one, subject) in enumerate(wishes):
        url = one.url.replace("{n}", f"n{place}")
        callbacks.add(conn, one.account, subject, Hook(url), {"Sid": subject, "Step": str(step)})


def _figures(
    told: list[list[str]],
    rows: Any,
    customers: dict[str, Customer],
    put: dict[tuple[str, str], float],
    steps: int,
    rss_kb: int,
) -> dict[str, Any]:
    heard: defaultdict[str, list[str]] = defaultdict(list)
    waits: list[float] = []
    for at, body in told:
        fields = {name: values[0] for name, values in parse_qs(body).items()}
        heard[fields["Sid"]].append(fields["Step"])
        waits.append(float(at) - put[(fields["Sid"], fields["Step"])])
    wanted = [subject for name, one in customers.items() if name.startswith("good") for subject in one.subjects]
    names = {one.account: name for name, one in customers.items()}
    attempts: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row in rows:
        attempts[names[row["account"]]][row["attempts"]] += 1
    most = len(DELAYS_S) + 1
    # One that will not mend may fail in a passing way first, where the machine is slow.
    promised = {name: set(range(1, most + 1)) if name in LASTING else {most} for name in attempts}
    counts = [heard[subject] for subject in wanted]
    return {
        "told": len(told),
        "lost": sum(steps - len(set(steps_)) for steps_ in counts),
        "doubled": sum(len(steps_) - len(set(steps_)) for steps_ in counts),
        "disordered": sum(steps_ != sorted(steps_) for steps_ in counts),
        "retried": sum(count * (n - 1) for made in attempts.values() for n, count in made.items()),
        "given_up": sum(sum(made.values()) for made in attempts.values()),
        "wrong_attempts": {name: dict(made) for name, made in attempts.items() if not set(made) <= promised[name]},
        "p95_s": sorted(waits)[int(len(waits) * 0.95)],
        "rss_mb": rss_kb / 1024,
    }
