"""From a configuration to a running agent: lock, read, open, run, close."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from edge_agent.agent.agent import Agent
from edge_agent.agent.lock import locked
from edge_agent.agent.prepared import Prepared
from edge_agent.agent.stages import bounded
from edge_agent.blobs import EdgeBlobs
from edge_agent.config import AgentConfig
from edge_agent.config.cloud import without_tls
from edge_agent.devices.profiles import load_profiles
from edge_agent.devices.registry import import_drivers
from edge_agent.identity import load_identity, load_states, states_path
from edge_agent.logs import about
from edge_agent.sims.recipes import load_recipes
from edge_agent.spool import Spool
from telecore.errors import InvalidRequest
from telecore.events import keep_time
from telecore.steady import SteadyClock

log = logging.getLogger(__name__)
_MB = 1 << 20


def identity_path(data_dir: Path) -> Path:
    """Where an edge keeps who it is."""
    return data_dir / "identity.json"


@contextmanager
def prepared(config: AgentConfig) -> Iterator[Prepared]:
    """Hold the data folder and read what the agent needs of it.

    Raises InvalidRequest, NotAllowed, Busy and StorageFailed, each with a sentence for the operator.
    """
    with locked(config.data_dir):
        path = identity_path(config.data_dir)
        try:
            identity = load_identity(path)
        except FileNotFoundError as error:
            raise InvalidRequest(f"this edge is not enrolled: there is no {path}; run edge-agent enrol") from error
        if without_tls(identity.url) and not config.cloud.insecure:
            raise InvalidRequest(
                f"the tunnel to {identity.url} has no TLS, and anybody on the way could read and change it: "
                "give the cloud a certificate and enrol again, or say cloud.insecure: true in a laboratory"
            )
        if without_tls(identity.url):
            log.warning(
                "the tunnel to %s has NO TLS (cloud.insecure): all on the way can read and change it", identity.url
            )
        profiles = load_profiles(*([config.profiles] if config.profiles else []))
        import_drivers(config.devices or (), profiles)
        yield Prepared(
            identity,
            load_states(states_path(config.data_dir)),
            profiles,
            load_recipes(Path(config.sims.recipes) if config.sims.recipes else None),
        )


async def run_agent(config: AgentConfig, site: Prepared, stop: asyncio.Event) -> None:
    """Run until ``stop`` is set. Raises StorageFailed when nothing can be kept in the data folder."""
    # A thread costs memory; what is handed to the loop's own is rare and short.
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(2, thread_name_prefix="spare"))
    clock = SteadyClock(time.time, time.monotonic)
    least = config.limits.disk_reserve_mb * _MB
    spool = await Spool.open(config.data_dir / "spool.db", clock.now, least)
    try:
        clock.last_known(await spool.alive_at())
        keep_time(clock.date)
        blobs = await EdgeBlobs.open(config.data_dir / "blobs", clips_bytes=config.limits.clips_mb * _MB)
        with about(edge=site.identity.edge):
            await Agent(config, site, spool, blobs, clock).run(stop)
        await bounded("the clips", blobs.close())
    finally:
        await bounded("the spool", spool.close())


def run(config: AgentConfig) -> None:
    """Run until SIGTERM or SIGINT, in a new event loop: uvloop's where it is installed. Raises as ``prepared`` does."""
    with prepared(config) as site, asyncio.Runner(loop_factory=_loop_factory()) as runner:
        # What is there now stays: a collection that walks all of it again holds up the sound by 10 ms and more.
        gc.collect()
        gc.freeze()
        runner.run(_until_signalled(config, site))


async def _until_signalled(config: AgentConfig, site: Prepared) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await run_agent(config, site, stop)


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        from uvloop import new_event_loop
    except ImportError:
        return asyncio.new_event_loop
    return new_event_loop
