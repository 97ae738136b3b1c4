"""A simulated Dinstar box with registered lines, and settings for it in a hurry."""

from __future__ import annotations

from contextlib import asynccontextmanager

from edge_agent.drivers.gateway.management import ManagementSettings
from simulator.gateway.dinstar import DinstarBox
from telecore.ids import DeviceId
from tests.fakes.tongues import Towers, managed

FAST = {
    "sms_poll_s": "0.02", "sms_limit_s": "3", "sms_search_s": "0.2", "ussd_s": "0.4", "ussd_poll_s": "0.02",
    "timeout_s": "0.6", "timezone": "+00:00",
}  # fmt: skip


def dinstar_settings(box, *, hooks=True, password="admin", poll_s=0.05, host="127.0.0.1", lines=("0", "1"), **options):
    return ManagementSettings(
        DeviceId("gw"),
        host,
        port=box.web.port,
        user="admin",
        password=password,
        listen_port=0 if hooks else None,
        lines=managed(lines),
        poll_s=poll_s,
        options={**FAST, **options},
    )


@asynccontextmanager
async def dinstar_box(**options):
    towers = Towers()
    box = DinstarBox(towers.lines, towers.timers, **options)
    await box.start()
    await towers.on()
    try:
        yield towers, box
    finally:
        await box.stop()
