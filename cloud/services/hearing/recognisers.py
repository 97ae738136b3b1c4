"""Which recogniser hears which language, as cloud.yaml says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import cast

from cloud.config import RecognitionConfig
from cloud.services import plugins
from cloud.services.hearing.bounded import BoundedHearing
from cloud.services.hearing.recogniser import Listen, Recogniser, RecognitionFailed
from cloud.services.hearing.sphinx import AT_ONCE, Sphinx

log = logging.getLogger(__name__)

GROUP = "simferry.recognition"
ANY = "*"
WITHIN_S = 10.0


class Recognisers:
    """``by_language``: tag in lower case, its first part alone, or ``*`` → recogniser.

    ``within_s``: how long one may take from the end of what was said to its words, and for anything else.
    """

    def __init__(self, by_language: Mapping[str, Recogniser], within_s: float = WITHIN_S) -> None:
        self._by_language = dict(by_language)
        self._within_s = within_s

    async def open(self) -> None:
        """Make them ready; one that cannot be is told in the log and not asked."""
        failed: set[int] = set()
        for engine in {id(engine): engine for engine in self._by_language.values()}.values():
            try:
                await engine.open()
            except RecognitionFailed as error:
                log.error("%s", error)  # noqa: TRY400  (one sentence for the operator; keys are heard all the same)
                failed.add(id(engine))
        self._by_language = {tag: engine for tag, engine in self._by_language.items() if id(engine) not in failed}

    def hears(self, language: str) -> bool:
        return self._of(language) is not None

    async def listen(self, want: Listen) -> BoundedHearing:
        """Raises RecognitionFailed."""
        engine = self._of(want.language)
        if engine is None:
            raise RecognitionFailed(f"no recogniser hears {want.language}")
        try:
            async with asyncio.timeout(self._within_s):
                return BoundedHearing(await engine.listen(want), self._within_s)
        except TimeoutError as error:
            raise RecognitionFailed(f"the recogniser did not begin within {self._within_s:g} s") from error

    def _of(self, language: str) -> Recogniser | None:
        tag = language.lower().replace("_", "-")
        for key in (tag, tag.partition("-")[0], ANY):
            if key in self._by_language:
                return self._by_language[key]
        return None


def recognisers(config: RecognitionConfig) -> Recognisers:
    """One of each name, however many languages it hears. Raises InvalidRequest."""
    made = {name: _recogniser(name, config) for name in sorted(set(config.engines.values()))}
    by_language = {tag.lower().replace("_", "-"): made[name] for tag, name in config.engines.items()}
    return Recognisers(by_language, config.within_s)


def _recogniser(name: str, config: RecognitionConfig) -> Recogniser:
    options = config.plugins.get(name, {})
    if name == "pocketsphinx":
        return Sphinx(at_once=config.at_once or AT_ONCE)
    made = plugins.make(GROUP, name, options, key="recognition.engines")
    return cast(Recogniser, made)
