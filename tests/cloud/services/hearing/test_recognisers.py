"""Which recogniser hears which language."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from cloud import config
from cloud.services import plugins
from cloud.services.hearing.recogniser import Listen, RecognitionFailed
from cloud.services.hearing.recognisers import Recognisers, recognisers
from telecore.errors import InvalidRequest
from tests.fakes.recogniser import Scripted


@pytest.fixture(autouse=True)
def installed(monkeypatch):
    point = EntryPoint("scripted", "tests.fakes.recogniser:Scripted", "simferry.recognition")
    monkeypatch.setattr(plugins, "entry_points", lambda **wanted: EntryPoints([point]).select(**wanted))


def made(text):
    return recognisers(config.parse(text.encode(), Path("/etc/simferry/cloud.yaml")).recognition)


async def test_by_language_its_first_part_and_the_rest():
    one, two, rest = Scripted(), Scripted(), Scripted()
    found = Recognisers({"en-gb": one, "en": two, "*": rest})
    for language, engine in (("en-GB", one), ("en_US", two), ("km-KH", rest)):
        await found.listen(Listen(language))
        assert len(engine.heard) == 1


async def test_none_is_none():
    found = made("")
    assert not found.hears("en-US")
    with pytest.raises(RecognitionFailed, match="no recogniser hears en-US"):
        await found.listen(Listen("en-US"))


def test_a_plug_in_has_its_options():
    found = made("recognition: {engines: {km: scripted}, plugins: {scripted: {key: x}}}")
    assert found.hears("km-KH")
    assert found._of("km").options == {"key": "x"}
    assert not found.hears("en-US")


def test_a_name_that_is_nobody():
    with pytest.raises(InvalidRequest, match=r"recognition\.engines: no plug-in .* 'whisper'"):
        made("recognition: {engines: {en: whisper}}")


async def test_one_that_cannot_be_opened_is_not_asked(caplog):
    class Broken(Scripted):
        async def open(self):
            raise RecognitionFailed("pocketsphinx is not installed")

    found = Recognisers({"en": Broken(), "km": Scripted()})
    await found.open()
    assert (found.hears("en"), found.hears("km")) == (False, True)
    assert "not installed" in caplog.text


def test_bounds():
    with pytest.raises(config.ConfigError, match="within_s"):
        made("recognition: {within_s: 0}")


async def test_one_that_never_begins_is_a_failure():
    class Slow(Scripted):
        async def listen(self, want):
            await asyncio.Event().wait()

    with pytest.raises(RecognitionFailed, match="begin within 0.01 s"):
        await Recognisers({"en": Slow()}, within_s=0.01).listen(Listen("en"))


async def test_each_has_the_time_that_is_set():
    found = made("recognition: {engines: {km: scripted}, within_s: 3}")
    assert (await found.listen(Listen("km")))._within_s == 3
