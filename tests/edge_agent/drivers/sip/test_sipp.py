"""sipp, an independent far end, plays the scenarios of ``tests/sip`` with us."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.drivers.sip.settings import Credentials, LineSettings, Registers
from edge_agent.drivers.sip.transaction import Intervals
from tests.fakes.ports import free_port
from tests.fakes.sip_site import CALM, LINE1, LINE2, Heard, Site, gateway, site
from tests.fakes.sipp import needs_sipp, start_sipp

pytestmark = needs_sipp

SECRET = Credentials("goip01", "secret")
WITH_PASSWORD = (LineSettings(LINE1, "goip01", SECRET), LineSettings(LINE2, "goip02", SECRET))
REGISTERING = {"registers": Registers.WITH_US, "lines": WITH_PASSWORD}

CALLING_US: list[tuple[str, dict[str, Any]]] = [
    ("uac_basic", {}),
    ("uac_hold", {}),
    ("uac_info", {}),
    ("uac_late_offer", {}),
    ("uac_timer", {}),
    ("uac_timer_brief", {}),
    ("uac_options", {}),
    ("uac_register", REGISTERING),
    ("uac_register_bad", REGISTERING),
    ("uac_auth", {"challenge": True, "lines": WITH_PASSWORD}),
    ("uac_update", {}),
    ("uac_100rel", {}),
]


def folders(tmp_path: Path, names: Iterable[str]) -> dict[str, Path]:
    made = {name: tmp_path / name for name in names}
    for folder in made.values():
        folder.mkdir()
    return made


async def test_it_calls_us(tmp_path: Path) -> None:
    """All scenarios at once, each with a site of its own: sipp takes half a second to start and to end."""
    where = folders(tmp_path, (name for name, _ in CALLING_US))
    async with asyncio.TaskGroup() as tasks:
        for scenario, settings in CALLING_US:
            tasks.create_task(is_called_by(scenario, settings, where[scenario]))


async def is_called_by(scenario: str, settings: dict[str, Any], folder: Path) -> None:
    async with site(gateway(9, **settings), intervals=Intervals()) as ours:
        ours.told.accept = True
        sipp = await start_sipp(scenario, folder, to=ours.port)
        try:
            await sipp.passed()
        finally:
            await sipp.stop()
        assert ours.stack.counts["dialogs"] == 0, scenario
        assert all(session.closed for session in ours.media.sessions), scenario
        assert ours.stack.counts["malformed"] == 0, scenario
        if scenario == "uac_info":
            assert ours.told.heard.digits == "5#"
        if scenario == "uac_late_offer":
            assert ours.media.sessions[0].plans[0].payload_type == 8


async def test_it_calls_us_and_gives_up(tmp_path: Path) -> None:
    async with site(gateway(9), intervals=Intervals()) as ours:
        sipp = await start_sipp("uac_cancel", tmp_path, to=ours.port)
        await sipp.passed()
        assert [event.kind for event in ours.told.heard.events] == [VoiceEventKind.ENDED]


async def call_sipp(ours: Site) -> tuple[Any, Heard]:
    heard = Heard()
    return await ours.peer.voice(LINE1).dial("+85512345678", heard), heard


BEING_CALLED = [
    ("uas_basic", ["ringing", "answered", "ended"], 16),
    ("uas_bye", ["ringing", "answered", "ended"], 16),
    ("uas_early", ["ringing", "answered", "ended"], 16),
    ("uas_480", ["ended"], 20),
    ("uas_auth", ["ringing", "answered", "ended"], 16),
    ("uas_100rel", ["answered", "ended"], 16),
    ("uas_update_refresh", ["ringing", "answered", "ended"], 16),
    ("uas_reinvite_refresh", ["ringing", "answered", "ended"], 16),
]


async def test_we_call_it(tmp_path: Path) -> None:
    where = folders(tmp_path, (row[0] for row in BEING_CALLED))
    async with asyncio.TaskGroup() as tasks:
        for scenario, kinds, cause in BEING_CALLED:
            tasks.create_task(calls_by(scenario, kinds, cause, where[scenario]))


async def calls_by(scenario: str, kinds: list[str], cause: int, folder: Path) -> None:
    port = free_port()
    settings = gateway(port, credentials=Credentials("site", "gsm"), quirks=replace(CALM, session_timer=True))
    async with site(settings, intervals=Intervals()) as ours:
        sipp = await start_sipp(scenario, folder, port=port)
        call, heard = await call_sipp(ours)
        try:
            await heard.until(kinds[-2] if len(kinds) > 1 else "ended", 6)
            await asyncio.sleep(1.4 if scenario.endswith("refresh") else 0.1)
            await call.hang_up()
            await sipp.passed()
        finally:
            await sipp.stop()
        told = [kind for kind in heard.kinds if kind != "ringing"]
        assert told == [kind for kind in kinds if kind != "ringing"], scenario
        assert heard.events[-1] == VoiceEvent(VoiceEventKind.ENDED, cause), scenario
        assert ours.stack.counts["dialogs"] == 0, scenario


@pytest.mark.parametrize("scenario", ["uas_cancel", "uas_cancel_race"])
async def test_we_call_it_and_give_up(scenario: str, tmp_path: Path) -> None:
    port = free_port()
    async with site(gateway(port), intervals=Intervals()) as ours:
        sipp = await start_sipp(scenario, tmp_path, port=port)
        call, heard = await call_sipp(ours)
        try:
            await heard.until("ringing")
            await call.hang_up(16)
            await sipp.passed()
        finally:
            await sipp.stop()
        assert heard.events[-1] == VoiceEvent(VoiceEventKind.ENDED, 16)
        assert "answered" not in heard.kinds


async def test_of_200_calls_with_one_packet_in_ten_lost_at_least_199_complete(tmp_path: Path) -> None:
    async with site(gateway(9, max_calls=1000), intervals=Intervals(0.05, 0.4, 0.5)) as ours:
        ours.told.accept = True
        load = ("-m", "200", "-r", "100", "-lost", "10", "-trace_stat", "-nd", "-timeout", "60s")
        sipp = await start_sipp("uac_lossy", tmp_path, *load, to=ours.port)
        assert await sipp.counted(60) >= 199
