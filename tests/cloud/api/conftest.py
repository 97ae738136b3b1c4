"""The API on a real port over a real store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from cloud.api.enrolment import Enrolment
from cloud.api.routes import Backend, api_routes
from cloud.api.urls import recording_url
from cloud.fleet.keeper import Fleet
from cloud.services.addresses import AddressPolicy
from cloud.services.call_recordings import CallRecordings
from cloud.services.callbacks import Callbacks
from cloud.services.caps import CapKeeper
from cloud.services.debugger import Debugger
from cloud.services.files import Files
from cloud.services.fleet_tasks import FleetTasks
from cloud.services.handsets import Handsets
from cloud.services.media_links import MediaLinks
from cloud.services.queue_desk import QueueDesk
from cloud.services.renditions import Renditions
from cloud.services.routing import Routing
from cloud.services.sending import Sending
from cloud.services.standing import Standing
from cloud.services.validation import Validation
from cloud.services.verify import Verify
from cloud.services.webhook_log import WebhookLog
from cloud.services.webhooks import WebhookClient
from cloud.store import accounts, edges, numbers
from cloud.store.database import Database
from cloud.tunnel.heard import utc_now
from cloud.web import health
from cloud.web.server import WebServer
from cloud.web.socket import Socket
from telecore.ids import E164, ChannelId, EdgeId
from tests.fakes.api_site import NUMBER, Hooks, KeptCalls, KeptMessages, KeptStreams, Site
from tests.fakes.keys import cloud_keys
from tests.fakes.stays import stays_of
from tests.fakes.store import store_url


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Database(store_url(tmp_path)) as db:
        account = await db.write(lambda conn: accounts.create(conn, "Clinic"))
        number = await db.write(
            lambda conn: numbers.create(conn, account.sid, E164(NUMBER), channel=ChannelId("site-1/modem1"))
        )
        token = await db.write(lambda conn: edges.create(conn, EdgeId("site-1"), account.sid))
        files = Files(tmp_path / "files")
        await files.open()
        kept_calls, kept_messages = KeptCalls(db), KeptMessages(db)
        fleet, fleet_tasks = Fleet(db), FleetTasks(db, wake=lambda edge: None)
        client = WebhookClient(AddressPolicy(["127.0.0.1"]))
        callbacks = Callbacks(db, client, Debugger(db))
        hooks = WebhookLog(db, client)
        client.watch(hooks.take)
        caps = CapKeeper()
        backend = Backend(
            db=db,
            calls=kept_calls,
            streams=(kept_streams := KeptStreams(db)),
            messages=kept_messages,
            call_recordings=CallRecordings(db, lambda edge, notice: False),
            sound=files,
            renditions=Renditions(tmp_path / "renditions", files),
            public_url="https://gw.example",
            enrolment=Enrolment(
                await asyncio.to_thread(cloud_keys, tmp_path), "wss://gw.example:8443", lambda edge, why: None
            ),
            fleet=fleet,
            tasks=fleet_tasks,
            webhooks=hooks,
            links=MediaLinks("https://gw.example", partial(recording_url, "https://gw.example")),
            validations=Validation(db, Routing(lambda edge: True), callbacks, wake=lambda edge: None, caps=caps),
            accounts=Standing(db, kept_calls, callbacks),
            queues=QueueDesk(db, kept_calls),
            conferences=stays_of(db, files, client, callbacks, kept_calls)[1],
            wake=lambda edge: None,
            caps=caps,
            browsers=Handsets(),
            serve_browser=_nobody,
            verify=Verify(db, Sending(Routing(lambda edge: False), utc_now, caps), kept_calls, told=lambda woken: None),
        )
        server = WebServer("127.0.0.1", 0, [*api_routes(backend), *health.routes({})])
        running = asyncio.create_task(server.run())
        await asyncio.wait_for(server.started.wait(), 5)
        made = Site(
            db,
            server,
            account,
            number,
            kept_calls,
            kept_messages,
            files,
            token,
            kept_streams,
            hooks=Hooks(client, hooks),
        )
        try:
            yield made
        finally:
            made.close()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await client.close()
            await files.close()


async def _nobody(socket: Socket) -> None:
    """No browser is let in here."""
