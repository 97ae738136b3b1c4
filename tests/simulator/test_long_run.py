"""A day on a clock of its own: nothing in the simulator looks at the world's."""

from __future__ import annotations

import threading
import time
from datetime import datetime
from random import Random
from typing import Never

import pytest

from simulator import pdu
from simulator.identity import imei
from simulator.modem.modem import Modem
from simulator.modem.profile import PROFILES
from simulator.network import Network
from tests.simulator.fake import FakeAtLine, FakePcmLine, FakeTimers, submit

HOURS = 24


_world = time.time


def _never(*_: object) -> Never:
    raise AssertionError("the world's clock was read")


def _not_here() -> float:
    """A cloud for other tests may run in a thread of this process, and goes by the world's clock."""
    if threading.current_thread() is threading.main_thread():
        _never()
    return _world()


class NoClock(datetime):
    now = classmethod(_never)  # type: ignore[assignment]


def test_sixteen_modems_for_a_day(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", _not_here)
    monkeypatch.setattr(pdu, "datetime", NoClock)
    timers, random = FakeTimers(), Random(3)
    network = Network(timers, 16, random, operators=2)
    profiles = list(PROFILES.values())
    lines, modems = [], []
    for index, sim in enumerate(network.sims.values(), 1):
        lines.append(FakeAtLine())
        profile = profiles[index % len(profiles)]
        modems.append(Modem(profile, sim, imei(index), network=network, at_line=lines[-1], pcm_line=FakePcmLine()))
        modems[-1].start()
    timers.advance(5)
    for modem in modems:
        modem.received(b"ATE0\rAT+CPMS?\r")
    to, sent = "+85512000010", 0
    absolute = pdu.encode_stamp(timers.now() + 3 * 86_400)
    for _ in range(HOURS):
        kind = random.choice(("no_network", "modem_unplugged", "modem_reboots", "sim_removed", "modem_hang"))
        network.faults.begin(kind, random.choice(modems).device, {}, 60)
        timers.advance(600)
        for modem in modems:
            if modem.registration == 1:
                octets = submit(to, f"hour {sent}", vp=absolute)
                modem.received(f"AT+CMGS={len(octets) - 1}\r".encode() + octets.hex().encode() + b"\x1a")
                sent += 1
        timers.advance(3000)
    assert sent == 16 * HOURS
    assert all(modem.registration == 1 for modem in modems)
    accepted = sum(sim.counters.accepted for sim in network.sims.values())
    inbox = network.inbox(to)
    assert inbox is not None
    assert accepted == sent == len(inbox.messages)
