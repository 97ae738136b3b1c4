"""Each record says what it is about, hides numbers and secrets, and repeats itself rarely."""

import asyncio
import io
import logging

import pytest

from edge_agent.logs import Repetitions, about, set_up, visible


@pytest.fixture
def out():
    root = logging.getLogger()
    kept, level = list(root.handlers), root.level
    stream = io.StringIO()
    set_up("debug", "console", stream=stream)
    yield stream
    root.handlers[:] = kept
    root.setLevel(level)


log = logging.getLogger("test.logs")


async def test_what_a_task_is_about_follows_it_and_no_other(out):
    async def work(device):
        with about(device=device):
            await asyncio.sleep(0)
            log.info("working")

    with about(edge="site-1"):
        await asyncio.gather(work("modem1"), work("modem2"))
        log.info("done")
    lines = out.getvalue().splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [
        "INFO test.logs [site-1] [modem1]: working",
        "INFO test.logs [site-1] [modem2]: working",
        "INFO test.logs [site-1]: done",
    ]
    assert lines[0].split(" ")[0].endswith("Z")


def test_numbers_and_secrets_are_hidden_also_in_tracebacks(out):
    log.warning("call from %s with token=%s", "+85512345678", "abcdef0123456789")
    try:
        int("+85512345678 refused")
    except ValueError:
        log.exception("fell")
    text = out.getvalue()
    assert "+85512345678" not in text
    assert "abcdef0123456789" not in text
    assert "ValueError" in text


def test_nobody_can_forge_a_line(out):
    log.info("name %s", "x\r\x1b[2Jy")
    assert out.getvalue().count("\n") == 1
    assert "\\x0d\\x1b[2Jy" in out.getvalue()
    assert visible("a\x00b\x9bc") == "a\\x00b\\x9bc"


def test_a_warning_that_repeats_itself_is_counted():
    now = [0.0]
    held = Repetitions(lambda: now[0], every_s=60.0)

    def say(text="port %s is gone", level=logging.WARNING, args=("ttyUSB2",)):
        record = logging.LogRecord("x", level, "f", 1, text, args, None)
        return record.getMessage() if held.filter(record) else None

    assert say() == "port ttyUSB2 is gone"
    assert [say() for _ in range(5)] == [None] * 5
    assert say(args=("ttyUSB3",)) == "port ttyUSB3 is gone"
    assert [say(level=logging.INFO) for _ in range(2)] == ["port ttyUSB2 is gone"] * 2
    now[0] = 61.0
    assert say() == "port ttyUSB2 is gone (5 more times since)"
    assert say("100 %% of %s", args=("x",)) == "100 % of x"
    assert say("100 %% of %s", args=("x",)) is None
    now[0] = 130.0
    assert say("100 %% of %s", args=("x",)) == "100 % of x (1 more times since)"
