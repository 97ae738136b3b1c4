"""What <Connect>, <Start> and <Stop> do with the streams of one call."""

from __future__ import annotations

import asyncio

from edge_agent.call.feeds import Feeds
from edge_agent.call.live import LiveCall
from telecore.errors import Busy
from telecore.ids import FeedId, new_sid
from telecore.notices import StreamWanted
from telecore.twiml.control import StreamSpec

TIMED_OUT, UNKNOWN = 31901, 31900
PAGE_LEFT = "the page was left"


class Streaming:
    """The edge names a stream and asks the cloud to reach its application; see ``Feeds``."""

    def __init__(self, call: LiveCall, feeds: Feeds) -> None:
        self._call = call
        self._feeds = feeds

    async def connect(self, spec: StreamSpec) -> FeedId:
        """Until the stream is over, or never came about. Cancelled, it ends the stream."""
        self._call.check_alive()
        stream = FeedId(new_sid("MZ"))
        try:
            wish = self._feeds.want(StreamWanted(self._call.sid, stream, spec), self._call.leg)
            async with asyncio.timeout(self._call.equipment.waits.stream):
                feed = await wish.answer
            if feed is not None:
                await self._call.leg.play(feed)
        except Busy as error:
            self._call.pages.fault(UNKNOWN, f"<Connect> was left out: {error}")
        except TimeoutError:
            self._call.pages.fault(TIMED_OUT, "<Connect> was left: the stream was not begun in time")
        finally:
            self._feeds.close(stream, PAGE_LEFT)
        return stream

    def start(self, spec: StreamSpec) -> None:
        self._call.check_alive()
        try:
            self._feeds.want(StreamWanted(self._call.sid, FeedId(new_sid("MZ")), spec), self._call.leg)
        except Busy as error:
            self._call.pages.fault(UNKNOWN, f"<Start> was left out: {error}")

    def stop(self, name: str) -> None:
        if not self._feeds.stop(self._call.sid, name):
            self._call.pages.fault(UNKNOWN, f"<Stop>: no stream of this call is named {name!r}")
