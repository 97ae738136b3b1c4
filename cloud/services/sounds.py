"""The files that <Play> names: fetched, converted, and kept by content, with HTTP's own rules about freshness."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cloud.services.sound_process import decode
from cloud.services.speech import ClipCache
from cloud.services.webhooks import FetchedDocument, WebhookClient, WebhookFailure, WebhookRequest
from telecore.audio.g711 import ulaw_to_l16
from telecore.audio.wav import AudioFormatError, Pcm, read_wav
from telecore.errors import Transient
from telecore.ids import AccountSid
from telecore.model import Clip

SIZE_LIMIT = 10 * 1024 * 1024
WRONG_TYPE = 13420
_KEPT = 5_000
_AT_ONCE = 2
"""Files read at the same time; each may be large."""
_RATE = 8000
NOT_MADE = 12400
_ULAW = frozenset({"audio/basic", "audio/ulaw", "audio/x-ulaw", "audio/mulaw", "audio/x-mulaw", "audio/pcmu"})
_PLAYED = _ULAW | {
    "audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave", "audio/l16", "audio/mpeg", "audio/mp3", "audio/x-mpeg",
    "audio/aiff", "audio/x-aiff", "audio/x-aifc", "audio/gsm", "audio/x-gsm", "audio/ogg", "audio/flac",
}  # fmt: skip
_KNOWN = (b"RIFF", b".snd", b"FORM", b"ID3", b"OggS", b"fLaC")
"""How files begin that say themselves what they are, whatever a server calls them."""


@dataclass(frozen=True, slots=True)
class _Kept:
    """A file fetched before: how to ask whether it changed, and until when (seconds of the clock) not to ask."""

    clip: Clip
    etag: str
    last_modified: str
    fresh_until: float


class Sounds:
    """URLs → clips. Each account has its own memory of URLs, for its servers may tell accounts apart."""

    def __init__(self, client: WebhookClient, cache: ClipCache, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._cache = cache
        self._now = now
        self._kept: OrderedDict[tuple[AccountSid, str], _Kept] = OrderedDict()
        self._turn = asyncio.Semaphore(_AT_ONCE)

    async def clip(self, url: str, account: AccountSid, secret: str) -> Clip | WebhookFailure:
        """The file at ``url`` as a clip, asked for anew unless it is fresh."""
        kept = self._kept.get((account, url))
        if kept is not None and self._now() < kept.fresh_until:
            return kept.clip
        ask = WebhookRequest(
            url, account, method="GET", secret=secret, limit=SIZE_LIMIT, headers=_conditions(kept) if kept else {}
        )
        answer = await self._client.fetch(ask)
        if isinstance(answer, WebhookFailure):
            return answer
        if answer.status == 304 and kept is not None:
            return self._keep(account, url, kept.clip, answer, kept)
        try:
            clip = await self._cache.get_or_make(sound_key(answer), lambda: self._sound(answer))
        except AudioFormatError as error:
            return WebhookFailure(WRONG_TYPE, str(error), url, answer.status)
        except Transient as error:
            return WebhookFailure(NOT_MADE, str(error), url, answer.status)
        return self._keep(account, url, clip, answer, None)

    async def _sound(self, answer: FetchedDocument) -> Pcm:
        """By its content, else its type. Raises AudioFormatError; Transient when it could not be looked into."""
        kind = answer.content_type
        if not answer.body.startswith(_KNOWN) and kind not in _PLAYED:
            raise AudioFormatError(f"a file of {kind or 'no type'} cannot be played; use audio/wav or audio/mpeg")
        async with self._turn:
            try:
                return await asyncio.to_thread(read_plain, answer)
            except AudioFormatError:
                return await decode(answer.body, kind)

    def _keep(self, account: AccountSid, url: str, clip: Clip, answer: FetchedDocument, before: _Kept | None) -> Clip:
        etag = answer.etag or (before.etag if before else "")
        modified = answer.last_modified or (before.last_modified if before else "")
        self._kept[account, url] = _Kept(clip, etag, modified, self._now() + answer.max_age_s)
        self._kept.move_to_end((account, url))
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        return clip


def _conditions(kept: _Kept) -> dict[str, str]:
    headers = {"If-None-Match": kept.etag, "If-Modified-Since": kept.last_modified}
    return {name: value for name, value in headers.items() if value}


def sound_key(answer: FetchedDocument) -> str:
    """What a fetched file is remembered by: its type and content, wherever it lay."""
    return hashlib.sha256(b"play\0" + answer.content_type.encode() + b"\0" + answer.body).hexdigest()


def read_plain(answer: FetchedDocument) -> Pcm:
    """WAV of PCM, µ-law or A-law; bare µ-law. Raises AudioFormatError."""
    if answer.body[:4] == b"RIFF":
        return read_wav(answer.body)
    if answer.content_type in _ULAW and not answer.body.startswith(_KNOWN):
        return Pcm(_RATE, ulaw_to_l16(answer.body))
    if answer.body[:4] == b".snd":
        return Pcm(_RATE, ulaw_to_l16(_without_header(answer.body)))
    raise AudioFormatError("neither WAV nor µ-law")


def _without_header(body: bytes) -> bytes:
    """A .au file begins with its header's length; of µ-law at 8 kHz the rest is what audio/basic is."""
    start, encoding, rate = (int.from_bytes(body[at : at + 4], "big") for at in (4, 12, 16))
    if encoding != 1 or rate != _RATE:
        raise AudioFormatError(f"an .au file of encoding {encoding} at {rate} Hz")
    return body[start:]
