"""Goal 13: CPU from the answer of the customer's application to the first verb at the edge.

The document is read and checked, its speech found in the cache, the page put on the wire; at the edge it is read and
its first verb begun. The network between is left out, and so are the application and the sound card.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import cast

from cloud.services.addresses import AddressPolicy
from cloud.services.documents import read_voice_answer
from cloud.services.exchanges import FetchedDocument
from cloud.services.files import Files
from cloud.services.pages import Pages
from cloud.services.sounds import Sounds
from cloud.services.speech import ClipCache, Speech
from cloud.services.webhooks import WebhookClient
from cloud.store.records import AccountRecord
from telecore import codec
from telecore.audio.tone import tone
from telecore.audio.wav import Pcm
from telecore.commands import RunPage
from telecore.ids import AccountSid, CallSid, new_sid
from telecore.model import Clip
from telecore.notices import Do
from telecore.twiml.control import CallControl
from telecore.twiml.interpreter import run_page
from tests.fakes.speech import PlainEngine

BODY = b"""<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Gather action="/menu" numDigits="1" timeout="8"><Say>Press one to register, two for the river.</Say></Gather>
  <Say>We have not heard a key.</Say><Redirect>/voice</Redirect>
</Response>"""
URL = "http://app.example/voice"
GOAL_MS = 0.5
ROUNDS, TIMES = 7, 300


class Beeps(PlainEngine):
    name = "beeps"

    async def render(self, script: object) -> Pcm:
        return Pcm(8000, tone((440,), 100))


class Begun(Exception):
    """The first verb has come to the line."""


class FirstVerb:
    """A line on which nothing is done: that it is asked is the end of what is measured."""

    async def ensure_answered(self) -> None:
        raise Begun


async def cloud_half(pages: Pages, account: AccountRecord, call: CallSid) -> str:
    """From the answer's bytes to the text of the tunnel's frame."""
    answer = FetchedDocument(URL, 200, "text/xml", BODY)
    prepared = await pages.prepare(read_voice_answer(answer), account)
    return json.dumps(codec.encode(Do(RunPage(call=call, page=1, verbs=prepared.page))))


async def edge_half(frame: str) -> None:
    """From that text to the first verb on the line."""
    notice = codec.decode_notice(json.loads(frame))
    assert isinstance(notice, Do)
    assert isinstance(notice.command, RunPage)
    try:
        await run_page(notice.command.verbs, cast(CallControl, FirstVerb()))
    except Begun:
        return
    raise AssertionError("the page ended without its first verb")


async def both(pages: Pages, account: AccountRecord, call: CallSid) -> None:
    await edge_half(await cloud_half(pages, account, call))


async def cpu_ms(work: Callable[[], Awaitable[object]]) -> float:
    """Of one turn, the median of the rounds."""
    samples = []
    for _ in range(ROUNDS):
        began = time.process_time()
        for _ in range(TIMES):
            await work()
        samples.append((time.process_time() - began) / TIMES * 1000)
    return statistics.median(samples)


async def measure(folder: Path) -> dict[str, float]:
    files, rows = Files(folder), dict[str, Clip]()
    await files.open()

    async def load(key: str) -> Clip | None:
        return rows.get(key)

    async def save(key: str, clip: Clip) -> None:
        rows[key] = clip

    cache, client = ClipCache(files, load, save), WebhookClient(AddressPolicy())
    pages = Pages(Speech([Beeps()], cache), Sounds(client, cache))
    account = AccountRecord(AccountSid(new_sid("AC")), "Bench", "token", datetime.now(UTC), datetime.now(UTC))
    call = CallSid(new_sid("CA"))
    frame = await cloud_half(pages, account, call)  # renders the speech, which is not what is measured
    figures = {
        "both: from the answer to the first verb": await cpu_ms(lambda: both(pages, account, call)),
        "cloud: read, prepared, on the wire": await cpu_ms(lambda: cloud_half(pages, account, call)),
        "edge: off the wire, first verb begun": await cpu_ms(lambda: edge_half(frame)),
    }
    await cache.close()
    await client.close()
    await files.close()
    return figures


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        figures = asyncio.run(measure(Path(folder)))
    print(f"{'from the answer of an application':<48}{'CPU ms':>8}")
    for name, value in figures.items():
        print(f"{name:<48}{value:>8.3f}")
    print(f"goal {GOAL_MS:g} ms")


if __name__ == "__main__":
    main()
