"""<Refer> on calls whose line can, and on those whose line cannot."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.contracts import Referred
from telecore.errors import DeviceRefused
from telecore.notices import PageFaulted
from telecore.twiml.page import Goto
from telecore.twiml.verbs.refer import Refer
from tests.fakes.edge import FakeEdge
from tests.fakes.line import FakeVoiceCall, settle

REFER = Refer("sip:ann@pbx.example", "http://app.example/referred")


class ReferringVoice(FakeVoiceCall):
    """A line by SIP. ``result`` is what comes of a transfer, once it is set."""

    def __init__(self):
        super().__init__()
        self.asked = []
        self.result = asyncio.get_running_loop().create_future()

    async def refer(self, uri):
        self.asked.append(uri)
        return await self.result


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path) as edge:
        yield edge


async def begun(edge, monkeypatch):
    monkeypatch.setattr("tests.fakes.edge.FakeVoiceCall", ReferringVoice)
    call, voice = await edge.ring()
    await edge.run_page(call, REFER)
    return voice


async def test_what_came_of_it_is_told(edge, monkeypatch):
    voice = await begun(edge, monkeypatch)
    assert voice.answered
    assert voice.asked == ["sip:ann@pbx.example"]
    voice.result.set_result(Referred(202, 200))
    await settle()
    (outcome,) = edge.outcomes()
    assert outcome == Goto(
        REFER.action,
        "POST",
        {"ReferSipResponseCode": "202", "NotifySipResponseCode": "200", "ReferCallStatus": "in-progress"},
    )


async def test_the_caller_who_is_gone_is_told_of_all_the_same(edge, monkeypatch):
    voice = await begun(edge, monkeypatch)
    voice.drop(16)
    await settle()
    voice.result.set_result(Referred(202, 180))
    await edge.until(edge.outcomes)
    (outcome,) = edge.outcomes()
    assert outcome.params["ReferCallStatus"] == "ringing"


async def test_a_line_that_refuses(edge, monkeypatch):
    voice = await begun(edge, monkeypatch)
    voice.result.set_exception(DeviceRefused("sip", 481))
    await settle()
    (outcome,) = edge.outcomes()
    assert outcome.params == {"ReferSipResponseCode": "481"}


async def test_a_modem_cannot(edge):
    call, voice = await edge.ring()
    await edge.run_page(call, REFER)
    (outcome,) = edge.outcomes()
    assert outcome == Goto(REFER.action)
    (fault,) = edge.told(PageFaulted)
    assert (fault.code, "SIP" in fault.text) == (12200, True)
