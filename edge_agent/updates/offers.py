"""The agent's part: what the cloud offers is fetched and handed over, and a version on trial proves itself."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from edge_agent.updates import trial
from edge_agent.updates.launch import FOLDER
from edge_agent.updates.layout import Layout
from edge_agent.updates.states import State
from edge_agent.updates.status import Status, load
from telecore.errors import StorageFailed, TelecoreError
from telecore.ids import Sha256
from telecore.notices import Notice, OfferedRelease, UpdateEnded, UpdatesOffered, UpdatesStand

log = logging.getLogger(__name__)

Fetch = Callable[[Sha256, int, float], Awaitable[None]]


class Data(Protocol):
    """``spending.Spending``: a release counts as what it is, and may have to wait."""

    def release_waits(self, needs: int) -> str: ...
    def released(self, count: int) -> None: ...


class Partials(Protocol):
    """``blobs.EdgeBlobs``: what has come of one so far."""

    async def partial(self, sha256: Sha256) -> int: ...
    async def keep_partial(self, sha256: Sha256) -> None: ...


@dataclass(frozen=True, slots=True)
class Way:
    """How a release comes here: ``fetch`` brings it, ``stop`` leaves it where it is, ``path`` says where it lies."""

    fetch: Fetch
    stop: Callable[[Sha256], None]
    path: Callable[[Sha256], Path | None]
    data: Data
    partials: Partials


@dataclass(frozen=True, slots=True)
class OfferTimes:
    """Seconds. ``calls``: how long an update waits at most for live calls to end; ``look``: how often one that is
    being fetched is counted, and asked whether it may go on."""

    poll: float = 2.0
    look: float = 10.0
    fetch: float = 24 * 3600.0
    again: float = 60.0
    calls: float = 3600.0


@dataclass(frozen=True, slots=True)
class _Seen:
    """What lies on the disk. ``ours``: this very process is on trial; ``doubt``: what is still wrong with it then."""

    status: Status
    wanted: bool
    ours: bool
    doubt: str


def _look(layout: Layout, connected: bool, registered: Collection[str]) -> _Seen:
    wanted = layout.wanted.exists()  # first: when it is gone, the status says what became of it
    status = load(layout)
    ours = status.state is State.TRIAL and trial.is_ours(layout, status)
    doubt = trial.doubt(layout, connected, registered) if ours else ""
    return _Seen(status, wanted, ours, doubt)


def layout_of(environ: Mapping[str, str]) -> Layout | None:
    """Where the launcher says that updates are kept; None: it was not the launcher that started us."""
    folder = environ.get(FOLDER)
    return Layout(Path(folder)) if folder else None


class Offers:
    """``way``: how a release comes; ``tell`` is for the cloud; ``busy``: calls live."""

    def __init__(
        self,
        layout: Layout | None,
        way: Way,
        *,
        tell: Callable[[Notice], object],
        busy: Callable[[], bool],
        registered: Callable[[], Collection[str]],
        connected: Callable[[], bool],
        times: OfferTimes | None = None,
    ) -> None:
        self._layout = layout
        self._way = way
        self._tell = tell
        self._busy = busy
        self._registered = registered
        self._connected = connected
        self._times = times or OfferTimes()
        self._offered: tuple[OfferedRelease, ...] = ()
        self._news = asyncio.Event()
        self._bringing: asyncio.Task[None] | None = None
        self._brings: OfferedRelease | None = None
        self._doing = ""
        self._reason = ""
        self._status = Status()
        self._sound = 0
        self._told: UpdatesStand | None = None

    def offered(self, notice: UpdatesOffered) -> None:
        """The cloud says what this edge is to have."""
        self._offered = notice.releases
        self._news.set()

    def stand(self) -> UpdatesStand:
        """How it stands."""
        if self._layout is None:
            return UpdatesStand("unable")
        status = self._status
        state = status.state.value if status.state is not State.IDLE else self._doing or State.IDLE.value
        release = status.release or (self._brings.sha256 if self._brings else "")
        ended = tuple(UpdateEnded(r.release, r.outcome, r.reason, r.attempt, r.version) for r in status.results)
        return UpdatesStand(state, release, self._reason if state != "idle" else "", ended)

    async def run(self) -> None:
        """Serve until cancelled."""
        layout = self._layout
        if layout is None:
            await asyncio.Event().wait()
            return
        try:
            while True:
                seen = await asyncio.to_thread(_look, layout, self._connected(), self._registered())
                self._status = seen.status
                await self._prove(layout, seen)
                self._choose(seen)
                self._tell_changes()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._news.wait(), self._times.poll)
                self._news.clear()
        finally:
            self._stop_bringing()

    async def _prove(self, layout: Layout, seen: _Seen) -> None:
        """Only what is so twice in a row counts."""
        self._sound = self._sound + 1 if seen.ours and not seen.doubt else 0
        with suppress(OSError):
            if self._sound >= 2:
                await asyncio.to_thread(trial.confirm, layout, seen.status)
            elif seen.doubt:
                await asyncio.to_thread(trial.tell_doubt, layout, seen.doubt)

    def _choose(self, seen: _Seen) -> None:
        """Begin to bring what is offered and was not tried; stop what is offered no more."""
        if self._bringing is not None and self._bringing.done():
            self._stop_bringing()
            self._news.set()  # look again: what was seen may be of before it was handed over
            return
        if self._bringing is not None and self._brings not in self._offered:
            self._stop_bringing()
        if self._bringing is not None or seen.status.state is not State.IDLE or seen.wanted:
            return
        tried = {(result.release, result.attempt) for result in self._status.results}
        wanted = next((offer for offer in self._offered if (offer.sha256, offer.attempt) not in tried), None)
        if wanted is not None:
            self._brings = wanted
            self._bringing = asyncio.create_task(self._bring(wanted), name=f"release {wanted.version}")

    def _stop_bringing(self) -> None:
        if self._bringing is not None:
            self._bringing.cancel()
        self._bringing, self._brings, self._doing, self._reason = None, None, "", ""

    async def _bring(self, offer: OfferedRelease) -> None:
        layout = self._layout
        assert layout is not None
        try:
            await self._fetched(offer)
            file = self._way.path(offer.sha256)
            if file is None:
                raise StorageFailed("it is here no more")
            self._state("waiting", "for calls to end")
            with suppress(TimeoutError):
                async with asyncio.timeout(self._times.calls):
                    while self._busy():  # noqa: ASYNC110  (calls tell nobody that they are over)
                        await asyncio.sleep(self._times.poll / 2)
            await asyncio.to_thread(trial.remember_channels, layout, self._registered())
            await asyncio.to_thread(trial.hand_over, layout, file, offer.sha256, offer.attempt)
            log.info("release %s %s is handed to the updater", offer.what, offer.version)
        except (TelecoreError, OSError) as error:
            log.warning("release %s %s is not here yet: %s", offer.what, offer.version, error)
            self._state("fetching", str(error))
            await asyncio.sleep(self._times.again)

    async def _fetched(self, offer: OfferedRelease) -> None:
        """Bring it, in as many goes as the data that it takes allows; nothing of one that is here already."""
        while self._way.path(offer.sha256) is None:
            waits = self._waits(offer, await self._came(offer))
            if not waits and await self._some(offer):
                return
            if waits:
                self._state("waiting", waits)
                await self._way.partials.keep_partial(offer.sha256)
                await asyncio.sleep(self._times.look)

    async def _some(self, offer: OfferedRelease) -> bool:
        """Fetch until it is here, or has to wait; whether it is here. What comes is counted."""
        came = await self._came(offer)
        fetching = asyncio.ensure_future(self._way.fetch(offer.sha256, offer.size, self._times.fetch))
        try:
            while not fetching.done():
                self._progress(offer, came)
                await asyncio.wait({fetching}, timeout=self._times.look)
                before, came = came, offer.size if fetching.done() else await self._came(offer)
                if fetching.done():
                    fetching.result()
                self._way.data.released(max(0, came - before))
                if not fetching.done() and self._waits(offer, came):
                    return False
            return True
        finally:
            fetching.cancel()
            self._way.stop(offer.sha256)
            await asyncio.wait({fetching})

    async def _came(self, offer: OfferedRelease) -> int:
        return min(offer.size, await self._way.partials.partial(offer.sha256))

    def _waits(self, offer: OfferedRelease, came: int) -> str:
        return "" if offer.urgent else self._way.data.release_waits(offer.size - came)

    def _progress(self, offer: OfferedRelease, came: int) -> None:
        """In steps of a tenth, for each is told."""
        tenths = 10 * came // max(1, offer.size)
        self._state("fetching", f"{offer.what} {offer.version}: {10 * tenths} %")

    def _state(self, doing: str, reason: str) -> None:
        self._doing, self._reason = doing, reason[:200]
        self._tell_changes()

    def _tell_changes(self) -> None:
        now = self.stand()
        if now != self._told and self._tell(now):
            self._told = now
