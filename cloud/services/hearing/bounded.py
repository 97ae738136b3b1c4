"""An utterance whose recogniser, whoever wrote it, keeps nobody waiting for ever."""

from __future__ import annotations

import asyncio
import logging

from cloud.services.hearing.recogniser import Heard, Hearing, RecognitionFailed

log = logging.getLogger(__name__)

_BYTES_PER_S = 2 * 8000


class BoundedHearing:
    """A ``Hearing``. ``within_s``: from the end of what was said to its words; long speech may take longer."""

    def __init__(self, hearing: Hearing, within_s: float) -> None:
        self._hearing = hearing
        self._within_s = within_s
        self._fed = 0

    def feed(self, samples: bytes) -> None:
        self._fed += len(samples)
        self._hearing.feed(samples)

    async def finish(self) -> Heard:
        """Raises RecognitionFailed."""
        try:
            async with asyncio.timeout(self._within_s + self._fed / _BYTES_PER_S):
                return await self._hearing.finish()
        except TimeoutError as error:
            text = f"the recogniser did not finish within {self._within_s:g} s and the time of the sound"
            raise RecognitionFailed(text) from error

    async def close(self) -> None:
        try:
            async with asyncio.timeout(self._within_s):
                await self._hearing.close()
        except TimeoutError:
            log.warning("a recogniser does not let go of what it heard")
