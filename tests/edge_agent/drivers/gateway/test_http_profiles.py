"""The profiles of boxes that speak HTTP: what they say is understood by their drivers, and by a box."""

import asyncio
from dataclasses import replace

import pytest

from edge_agent.contracts import OutboundSms
from edge_agent.devices.gateways import TONGUES
from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.gateway.management import ManagementSettings
from simulator.gateway.dinstar import DinstarBox
from simulator.gateway.goip_http import GoipPages
from simulator.gateway.synway import SynwayBox
from telecore.ids import DeviceId
from telecore.model import Service
from tests.fakes.tongues import ANSWERS, CHANNELS, KeepingCore, Towers, managed, until

HURRIED = {"job_poll_s": "0.05", "task_poll_s": "0.05", "sms_poll_s": "0.05"}
BOXES = {
    "dinstar/uc2000": DinstarBox,
    "simferry/dinstar": DinstarBox,
    "goip/pages": GoipPages,
    "synway/smg": SynwayBox,
    "simferry/synway": SynwayBox,
}


@pytest.fixture(scope="module")
def profiles():
    return load_profiles()


@pytest.mark.parametrize("name", BOXES)
async def test_a_profile_brings_its_box_into_service(name, profiles):
    profile = profiles.gateway(name).profile
    assert profile.unconfirmed or profile.confirmed
    towers = Towers(1)
    box = BOXES[name](towers.lines, towers.timers)
    await box.start()
    await towers.on()
    where, known = box.where, profile.management
    line = profile.line_name.format(n=1, p=0)
    assert line in [str(port) for port in where.get("ports", where.get("lines"))]
    settings = ManagementSettings(
        DeviceId("gw"),
        "127.0.0.1",
        port=known.port,
        user=where["user"],
        password=where["password"],
        url=where["url"],
        lines=managed((line,)),
        poll_s=known.poll_s,
        options=known.options,
    )
    as_it_is = TONGUES[known.tongue](settings)
    await as_it_is.open()
    await as_it_is.close()
    tongue, core, refs = (
        TONGUES[known.tongue](replace(settings, options={**known.options, **HURRIED})),
        KeepingCore(),
        [],
    )
    await tongue.open()
    task = asyncio.create_task(tongue.run(core))
    await until(lambda: CHANNELS[0] in core.radios)

    async def on_segment(ref):
        refs.append(ref)

    await tongue.sms(tongue.lines[0]).submit(OutboundSms(ANSWERS, "hello"), 0, on_segment)
    assert len(refs) == 1
    assert (tongue.ussd(tongue.lines[0]) is not None) is (Service.USSD in profile.services)
    task.cancel()
    await asyncio.wait([task])
    await tongue.close()
    await box.stop()
