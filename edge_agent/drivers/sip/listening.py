"""An ear at the sound of a call that the core does not listen to yet."""

from __future__ import annotations

from collections.abc import Callable

from edge_agent.drivers.sip.media import MediaSession


class Listening:
    """One ear at a time. It stops when it has heard what it waits for; whoever listens after it is left alone."""

    def __init__(self, media: MediaSession) -> None:
        self._media = media
        self._ear: Callable[[bytes], None] | None = None

    @property
    def on(self) -> bool:
        return self._ear is not None

    def start(self, feed: Callable[[bytes], bool], heard: Callable[[], None]) -> None:
        """Give each frame to ``feed`` until that says True; then call ``heard``."""

        def hear(frame: bytes) -> None:
            if feed(frame):
                self.stop()
                heard()

        self._ear = self._media.on_frame = hear

    def stop(self) -> None:
        if self._ear is not None and self._media.on_frame is self._ear:
            self._media.on_frame = _unheard
        self._ear = None


def _unheard(frame: bytes) -> None:
    del frame
