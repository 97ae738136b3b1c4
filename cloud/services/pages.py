"""A document made ready for an edge: speech rendered, sounds fetched, what could not be had left out and told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from cloud.services.sounds import Sounds
from cloud.services.speaking.engine import SpeechFailed
from cloud.services.speech import Speech, more_time_s
from cloud.services.webhooks import WebhookFailure
from cloud.store.records import AccountRecord
from telecore.twiml.control import CollectSpec
from telecore.twiml.document import Document
from telecore.twiml.page import Page, Verb
from telecore.twiml.verbs.gather import NO_RECOGNISER, Gather
from telecore.twiml.verbs.leave import Leave
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.say import Say

PREPARE_S = 20.0
"""How long one verb may take; a caller does not wait longer for a prompt than he would for an answer. A long text has
more time in proportion."""
NOT_SPOKEN = 13520
NOT_FETCHED = 13420
NO_QUEUE = 12200


@dataclass(frozen=True, slots=True)
class Problem:
    """Something of a document that was not done as its author wrote it. ``url`` is the sound's, if one is at fault."""

    code: int
    text: str
    level: str = "error"
    url: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    page: Page
    problems: tuple[Problem, ...] = ()


class Pages:
    """Prepares pages; never fails: at worst a page is empty."""

    def __init__(
        self,
        speech: Speech,
        sounds: Sounds,
        hears: Callable[[str], bool] = lambda language: False,
        within_s: float = PREPARE_S,
    ) -> None:
        self._speech = speech
        self._sounds = sounds
        self._hears = hears
        self._within_s = within_s

    async def prepare(self, document: Document, account: AccountRecord, *, waits: bool = False) -> Prepared:
        """All verbs at the same time: they wait for other programs and servers. ``waits``: it is run in a queue."""
        problems = [Problem(w.code, f"{w.text} (line {w.line})", "warning") for w in document.warnings]
        verbs = document.verbs if waits else tuple(verb for verb in document.verbs if not isinstance(verb, Leave))
        if len(verbs) < len(document.verbs):
            problems.append(Problem(NO_QUEUE, "<Leave> means something only in a queue and was left out", "warning"))
        page = await self._all(verbs, account, problems)
        return Prepared(page, tuple(problems))

    async def _all(self, verbs: Page, account: AccountRecord, problems: list[Problem]) -> Page:
        ready = await asyncio.gather(*(self._bounded(verb, account, problems) for verb in verbs))
        return tuple(verb for verb in ready if verb is not None)

    async def _bounded(self, verb: Verb, account: AccountRecord, problems: list[Problem]) -> Verb | None:
        if isinstance(verb, Gather):
            spec = self._heard(verb, problems)
            return replace(verb, spec=spec, prompts=await self._all(verb.prompts, account, problems))
        within_s = self._within_s + (more_time_s(verb.text) if isinstance(verb, Say) else 0.0)
        try:
            async with asyncio.timeout(within_s):
                return await self._one(verb, account, problems)
        except TimeoutError:
            url = verb.url if isinstance(verb, Play) else ""
            problems.append(Problem(NOT_FETCHED, f"<{verb.kind}> was not ready within {within_s:g} s", url=url))
            return _keys_alone(verb)

    def _heard(self, verb: Gather, problems: list[Problem]) -> CollectSpec:
        """What can be listened for: words only if somebody here understands them."""
        speech = verb.spec.speech
        if speech is None or self._hears(speech.language):
            return verb.spec
        instead = "keys are waited for" if verb.spec.keys else "it ends as if nothing had been said"
        text = f"<Gather> hears no words: there is no recogniser of {speech.language[:40]!r}; {instead}"
        problems.append(Problem(NO_RECOGNISER, text))
        return replace(verb.spec, speech=None)

    async def _one(self, verb: Verb, account: AccountRecord, problems: list[Problem]) -> Verb | None:
        if isinstance(verb, Say):
            return await self._say(verb, problems)
        if isinstance(verb, Play) and verb.url:
            return await self._play(verb, account, problems)
        return verb

    async def _say(self, verb: Say, problems: list[Problem]) -> Verb | None:
        try:
            spoken = await self._speech.clip(verb.text, verb.voice, verb.language, verb.speech)
        except SpeechFailed as error:
            problems.append(Problem(NOT_SPOKEN, f"<Say> was left out: {error}"))
            return None
        problems += [Problem(code, text, "warning") for code, text in spoken.warnings]
        return replace(verb, text="", speech=(), clip=spoken.clip)  # the words are in the clip and need not travel

    async def _play(self, verb: Play, account: AccountRecord, problems: list[Problem]) -> Verb | None:
        found = await self._sounds.clip(verb.url, account.sid, account.auth_token)
        if isinstance(found, WebhookFailure):
            problems.append(Problem(found.code, f"<Play> was left out: {found.text}", url=verb.url))
            return _keys_alone(verb)
        return replace(verb, clip=found)


def _keys_alone(verb: Verb) -> Verb | None:
    """Without its sound: what a <Play> presses is pressed still."""
    return replace(verb, url="") if isinstance(verb, Play) and verb.digits else None
