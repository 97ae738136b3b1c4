"""What becomes of a media stream when the cloud is started again in the midst of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import aiohttp
import pytest

from tests.fakes.customer_app import CustomerApp, twiml
from tests.fakes.stream_app import StreamApp
from tests.flows.conftest import LabProcess, World
from tests.flows.test_streams import Call, connect


@pytest.fixture(scope="module")
def own_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    lab = LabProcess(tmp_path_factory.mktemp("restart"), "--speed", "5", "--modems", "1")
    yield lab
    lab.stop()


@pytest.fixture
async def own_world(own_lab: LabProcess) -> AsyncIterator[World]:
    async with aiohttp.ClientSession() as http, CustomerApp() as app:
        yield World(own_lab, http, app)


async def test_the_application_is_told_and_the_call_goes_on_with_the_next_verb(own_world: World) -> None:
    after = own_world.app.answer("/after", twiml('<Pause length="1"/><Hangup/>'))
    status = own_world.app.answer("/told", "")
    async with StreamApp() as app:
        call = Call(own_world, app)
        page = connect(app).replace("<Stream ", f'<Stream statusCallback="{status}" ')
        talk = await call.begin(page + f"<Redirect>{after}</Redirect>")
        await talk.until(lambda: len(talk.of("media")) > 20, within_s=10)
        await own_world.network("POST", "/processes/cloud/restart")
        await talk.until(talk.over.is_set, within_s=20)
        assert talk.messages[-1]["event"] == "stop"
        (request,) = await own_world.app.wait_for("/after", within_s=40)
        assert request.params["CallSid"] == call.sid
        assert request.params["CallStatus"] == "in-progress"
        assert (await own_world.call_final(call.sid)).status == "completed"
        told = await own_world.app.wait_for("/told", count=2, within_s=40)
        assert [one.params["StreamEvent"] for one in told] == ["stream-started", "stream-stopped"]
        assert len(app.talks) == 1
