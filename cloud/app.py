"""The composition root: builds every part from the configuration, runs them, and stops them in two stages."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import logging
import os
import signal
import ssl
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from cloud import watchdog
from cloud.api.enrolment import Enrolment
from cloud.api.routes import Backend, api_routes
from cloud.api.urls import recording_url
from cloud.config import CloudConfig
from cloud.dashboard.client_page import ClientPage
from cloud.dashboard.login import Doors
from cloud.dashboard.routes import Dashboard
from cloud.services import audit_anchors
from cloud.services.addresses import AddressPolicy
from cloud.services.desk import Desk
from cloud.services.edge_desk import EdgeDesk
from cloud.services.files import Files
from cloud.services.hearing.recognisers import recognisers
from cloud.services.media_links import MediaLinks
from cloud.services.own_certificate import OwnCertificate, read_certificate
from cloud.services.queue_desk import QueueDesk
from cloud.services.renditions import Renditions
from cloud.services.retention import Retention
from cloud.services.sound_sweep import SoundSweep
from cloud.services.speaking.engines import speech_engines
from cloud.services.stream_socket import StreamDoor
from cloud.services.webhooks import Timeouts, WebhookClient
from cloud.store import migrate
from cloud.store.database import Database
from cloud.tunnel.cloud_keys import FILE, CloudKeys
from cloud.tunnel.doorkeeper import Doorkeeper
from cloud.tunnel.hub import Hub
from cloud.web import health, refusals
from cloud.web.connections import Bounds
from cloud.web.drain import Drain
from cloud.web.gate import Gate, Limits
from cloud.web.http import Route
from cloud.web.refusals import Refusals
from cloud.web.server import WebServer
from cloud.web.source import Proxies
from telecore.errors import InvalidRequest, Transient
from telecore.ids import EdgeId, Sha256
from telecore.notices import Notice
from telecore.tunnel.link import MediaHandler

log = logging.getLogger(__name__)

STOPS_S = 25.0
"""What everything but live calls takes at most when it stops."""
_TOLD_S = 2.0
"""What callbacks about the last calls may take before the doors close."""
_FRONT_STOPS_S = 10.0
"""What the first stage may take: answers under way are finished, nothing new is taken."""


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything that runs, built but not begun."""

    db: Database
    desk: Desk
    hub: Hub
    web: WebServer
    data_dir: Path
    links: MediaLinks
    drain: Drain
    retention: Retention
    sweep: SoundSweep
    certificate: OwnCertificate | None = None


async def serve(config: CloudConfig) -> None:
    """Run until SIGTERM or SIGINT. Raises StoreFailed, InvalidRequest, OSError when it cannot begin."""
    stop = asyncio.Event()
    try:
        async with built(config) as parts:
            # What is loaded lasts; walking through it again and again, when edges come by the thousand, does not pay,
            # and stops all sound meanwhile.
            gc.collect()
            gc.freeze()
            _heed_signals(stop, parts.drain)
            await run(parts, stop, drain_s=config.stop.calls_s)
    except BaseExceptionGroup as group:
        raise _first(group) from group


@asynccontextmanager
async def built(config: CloudConfig) -> AsyncIterator[Parts]:
    """Open the store and wire all parts together; close the store at the end."""
    async with Database(config.database_url, check=True, seals=config.seals()) as db:
        files = Files(config.data_dir / "files")
        renditions = Renditions(config.data_dir / "renditions", files)
        await files.open()
        try:
            keys = CloudKeys(config.data_dir / FILE)
            await asyncio.to_thread(keys.tend, time.time())
            certificates = await asyncio.to_thread(_shown, config)
            yield _wired(config, db, files, renditions, keys=keys, certificates=certificates)
        finally:
            renditions.close()
            await files.close()


def _heed_signals(stop: asyncio.Event, drain: Drain) -> None:
    """SIGTERM and Ctrl-C stop, a second one at once. SIGUSR1 (``simferry-cloud drain``): no new work."""

    def pressed() -> None:
        if stop.is_set():
            drain.hurry()
        stop.set()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, pressed)
    loop.add_signal_handler(signal.SIGUSR1, drain.begin)


async def run(
    parts: Parts, stop: asyncio.Event, *, drain_s: float = 0.0, environ: Mapping[str, str] = os.environ
) -> None:
    """Serve until ``stop``: then live calls finish, the doors close, the services end, and last the store.

    ``drain_s``: how long the calls may take, for systemd to know.
    """
    notify = watchdog.notifier(environ)
    async with asyncio.TaskGroup() as group:
        behind = [group.create_task(parts.desk.run(), name="desk"), group.create_task(parts.hub.run(), name="hub")]
        await parts.hub.ready()
        front = group.create_task(parts.web.run(), name="web")
        await parts.web.started.wait()
        feeding = watchdog.feed(notify, watchdog.period_s(environ), partial(_store_answers, parts.db))
        behind.append(group.create_task(feeding, name="watchdog"))
        await parts.links.read(parts.db)
        behind.append(group.create_task(parts.links.read_for_ever(parts.db), name="links"))
        behind.append(group.create_task(audit_anchors.tell_for_ever(parts.db, parts.data_dir), name="audit"))
        behind.append(group.create_task(parts.retention.run(), name="retention"))
        behind.append(group.create_task(parts.sweep.run(), name="sound sweep"))
        if parts.certificate is not None:
            behind.append(group.create_task(parts.certificate.watch_for_ever(), name="certificate"))
        log.info("serving on %s port %d, edges on port %d", parts.web.host, parts.web.port, parts.hub.port)
        notify("READY=1")
        await stop.wait()
        # However calls_s is set, systemd waits for it: TimeoutStopSec counts from the last of these.
        notify(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round((drain_s + STOPS_S) * 1e6)}")
        left = await parts.drain.finished()
        if not parts.drain.hurried:
            await parts.desk.callbacks.settled(_TOLD_S)
        log.info("stopping%s", f"; {left} calls go on at their edges" if left else "")
        front.cancel()
        await asyncio.wait([front], timeout=_FRONT_STOPS_S)
        for task in behind:
            task.cancel()


class _HubToCome:
    """The tunnel, for the services, which are built before the hub that calls them."""

    hub: Hub

    def notify(self, edge: EdgeId, notice: Notice) -> bool:
        return self.hub.notify(edge, notice)

    def wake(self, edge: EdgeId) -> None:
        self.hub.wake(edge)

    def connected(self, edge: EdgeId) -> bool:
        return self.hub.connected(edge)

    async def fetch(self, edge: EdgeId, sha256: Sha256, size: int, within_s: float) -> None:
        await self.hub.fetch(edge, sha256, size, within_s)

    def send_media(self, edge: EdgeId, stream: int, payload: bytes) -> bool:
        return self.hub.send_media(edge, stream, payload)

    def on_media(self, edge: EdgeId, stream: int, handler: MediaHandler | None) -> None:
        self.hub.on_media(edge, stream, handler)


def _wired(
    config: CloudConfig,
    db: Database,
    files: Files,
    renditions: Renditions,
    *,
    keys: CloudKeys,
    certificates: Sequence[str],
) -> Parts:
    webhooks, tunnel = config.webhooks, _HubToCome()
    refused, proxies = Refusals(), Proxies(config.web.trusted_proxies)
    policy = AddressPolicy(webhooks.allow_private, partial(refused.count, refusals.ADDRESS))
    links = MediaLinks(config.public_url, partial(recording_url, config.public_url))
    policy.keep_out_of({config.web.port, config.tunnel.port} - {urlsplit(config.public_url).port})
    client = WebhookClient(policy, Timeouts(webhooks.connect_s, webhooks.total_s))
    desk = Desk(
        db,
        files,
        client,
        speech_engines(config.speech),
        tunnel,
        recording_url=links.url,
        door=StreamDoor(policy),
        recognisers=recognisers(config.recognition),
        caps=config.caps,
        tell_refused=refused.count,
    )
    tls = _tls(config)
    keeper = Doorkeeper(db, keys, known=desk.outboxes.know, certificates=certificates)
    tunnel.hub = Hub(
        config.tunnel.host,
        config.tunnel.port,
        keeper=keeper,
        tell_refused=refused.count,
        outgoing=desk.outboxes.of,
        incoming=desk.ingest.incoming,
        blobs=files,
        on_notice=desk.on_notice,
        on_link=desk.on_link,
        tls=tls,
    )
    drain = Drain(desk.live_calls, calls_s=config.stop.calls_s)
    gate = Gate(Limits(config.web.requests_per_s, guessing=True), refused, exempt=proxies.trusts)
    routes = _routes(
        config,
        db,
        files,
        desk,
        tunnel.hub,
        renditions=renditions,
        gate=gate,
        links=links,
        accepts=drain.accepts,
        keys=keys,
    )
    web = WebServer(
        config.web.host,
        config.web.port,
        routes,
        bounds=Bounds(config.web.connections_per_address),
        proxies=proxies,
        refused=refused,
        drain=drain.gate,
        https=config.public_url.startswith("https:"),
    )
    own = OwnCertificate(Path(config.tunnel.certificate), desk.fleet.warn) if config.tunnel.certificate else None
    retention = Retention(db, files, renditions, wake=tunnel.wake)
    return Parts(db, desk, tunnel.hub, web, config.data_dir, links, drain, retention, SoundSweep(db, files), own)


def _routes(
    config: CloudConfig,
    db: Database,
    files: Files,
    desk: Desk,
    hub: Hub,
    *,
    renditions: Renditions,
    gate: Gate,
    links: MediaLinks,
    accepts: health.Check,
    keys: CloudKeys,
) -> list[Route]:
    backend = Backend(
        db=db,
        calls=desk.calls,
        streams=desk.streams,
        messages=desk.messages,
        call_recordings=desk.call_recordings,
        sound=files,
        renditions=renditions,
        public_url=config.public_url,
        enrolment=Enrolment(keys, config.tunnel_url, hub.shut_out),
        fleet=desk.fleet,
        tasks=desk.fleet_tasks,
        accounts=desk.standing,
        validations=desk.validation,
        conferences=desk.conferences,
        browsers=desk.clients.handsets,
        serve_browser=desk.client_door.serve,
        verify=desk.verify,
        queues=QueueDesk(db, desk.calls),
        webhooks=desk.webhook_log,
        gate=gate,
        links=links,
        wake=hub.wake,
        caps=desk.caps,
    )
    newest = migrate.newest()

    async def store_is_ready() -> bool:
        return await db.read(migrate.current) == newest

    async def tunnel_is_ready() -> bool:
        await hub.ready()
        return True

    return [
        *api_routes(backend),
        *ClientPage(config.public_url).routes(),
        *Dashboard(
            db,
            desk.fleet,
            desk.fleet_tasks,
            config.public_url,
            webhooks=desk.webhook_log,
            edges=EdgeDesk(db, keys, config.public_url),
            data_dir=config.data_dir,
            refused=gate.refused,
            caps=desk.caps,
            doors=Doors(config.web.two_factor, config.web.session_idle_s, config.web.session_life_s),
        ).routes(),
        *health.routes(
            {
                "store": store_is_ready,
                "disk": health.room(config.data_dir),
                "tunnel": tunnel_is_ready,
                "accepting": accepts,
            }
        ),
    ]


def _tls(config: CloudConfig) -> ssl.SSLContext | None:
    """Raises InvalidRequest for a certificate that cannot be used."""
    certificate, key = config.tunnel.certificate, config.tunnel.key
    if certificate is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0  # no edge shows one again, and two for each connection are a seventh of its handshake
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:  # ssl.SSLError is one
        raise InvalidRequest(f"the tunnel's certificate {certificate} or its key cannot be used: {error}") from error
    return context


def _shown(config: CloudConfig) -> tuple[str, ...]:
    """SHA-256 of the certificate that edges see, where nobody else speaks TLS in front of it."""
    if config.tunnel.certificate is None or config.tunnel.behind_proxy:
        return ()
    certificate = read_certificate(Path(config.tunnel.certificate))
    return (hashlib.sha256(certificate).hexdigest(),)


async def _store_answers(db: Database) -> bool:
    """Whether the writer takes a transaction; one that refuses (disk full) has answered all the same."""
    try:
        await db.write(lambda conn: None)
    except Transient as error:
        log.error("the store cannot keep anything: %s", error)  # noqa: TRY400
        return False
    return True


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """What went wrong, out of the groups that tasks wrap around it."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
