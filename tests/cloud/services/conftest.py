"""A real store, a real customer application, and the services that need nothing else."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from cloud.sealing import FILE, Seals
from cloud.services.addresses import AddressPolicy
from cloud.services.answering import Answering
from cloud.services.callbacks import Callbacks
from cloud.services.caps import CapKeeper
from cloud.services.debugger import Debugger
from cloud.services.documents import Documents
from cloud.services.files import Files
from cloud.services.messages import MessageService
from cloud.services.routing import Routing
from cloud.services.webhooks import WebhookClient
from cloud.store import accounts, clips
from cloud.store.database import Database
from cloud.store.records import AccountRecord
from tests.cloud.services.desk_site import DeskSite
from tests.cloud.services.site import Site
from tests.fakes.customer_app import CustomerApp
from tests.fakes.joined_edges import FAR, NEAR, JoinedEdge, Story, Street
from tests.fakes.postgres import copied, postgres_store
from tests.fakes.store import store_url

__all__ = ["postgres_store"]


STORES = ["sqlite", "postgresql"] if os.environ.get("SIMFERRY_POSTGRESQL") == "1" else ["sqlite"]


@pytest.fixture(params=STORES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Of an empty store; SIMFERRY_POSTGRESQL=1 tells every story on PostgreSQL too."""
    if request.param == "sqlite":
        return store_url(tmp_path)
    return copied(request.getfixturevalue("postgres_store"))


@pytest.fixture
async def db(database_url: str, tmp_path: Path) -> AsyncIterator[Database]:
    async with Database(database_url, seals=Seals(tmp_path / FILE)) as database:
        yield database


@pytest.fixture
async def account(db: Database) -> AccountRecord:
    return await db.write(lambda conn: accounts.create(conn, "Test"))


@pytest.fixture
async def app() -> AsyncIterator[CustomerApp]:
    async with CustomerApp() as app:
        yield app


@pytest.fixture
async def client() -> AsyncIterator[WebhookClient]:
    """With the bounds of the product; a test that waits for one asks for less in its URL (``#tt=500``)."""
    client = WebhookClient(AddressPolicy(["127.0.0.1"]))
    yield client
    await client.close()


@pytest.fixture
def debugger(db: Database) -> Debugger:
    return Debugger(db)


@pytest.fixture
def documents(client: WebhookClient, debugger: Debugger) -> Documents:
    return Documents(client, debugger)


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[Files]:
    files = Files(tmp_path / "files")
    await files.open()
    yield files
    await files.close()


@pytest.fixture
def clip_rows(db: Database):
    async def load(key):
        return await db.read(lambda conn: clips.get(conn, key))

    async def save(key, clip):
        await db.write(lambda conn: clips.put(conn, key, clip))

    return load, save


@pytest.fixture
async def site(db: Database, account: AccountRecord) -> Site:
    return await Site(db, account).open()


@pytest.fixture
def queue(db: Database, client: WebhookClient, debugger: Debugger) -> Callbacks:
    return Callbacks(db, client, debugger, delays_s=(0.02, 0.02))


@pytest.fixture
def routing(site: Site) -> Routing:
    return Routing(site.connected)


@pytest.fixture
def messages_(site, routing, queue, documents, debugger) -> MessageService:
    service = MessageService(site.db, routing, queue, wake=site.woken.append, caps=CapKeeper())
    Answering(site.db, service.sending, queue, documents, debugger, told=service.told)
    site.ingest.listen(service.on_told)
    return service


@contextlib.asynccontextmanager
async def running(*services):
    tasks = [asyncio.create_task(service.run()) for service in services]
    yield
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    assert [task for task in tasks if not task.cancelled() and task.exception()] == []


@pytest.fixture
async def desk(db: Database, account: AccountRecord, files: Files, client: WebhookClient) -> AsyncIterator[DeskSite]:
    site = await DeskSite(db, account, files, client).open()
    yield site
    await site.close()


@pytest.fixture
async def story(db, account, files, client, app, tmp_path):
    street = Street(files)
    async with contextlib.AsyncExitStack() as stack:
        for edge in (NEAR, FAR):
            street.edges[edge] = JoinedEdge(street, edge, tmp_path / edge)
        story = Story(street, db, account, app, files, client)
        await story.start_cloud()
        for edge in street.edges.values():
            await stack.enter_async_context(edge)
        await street.open(db, account)
        yield story
        for edge in street.edges.values():
            await edge.calls.stop(2.0)
        await story.stop_cloud()
        await asyncio.gather(*street.tasks, return_exceptions=True)
