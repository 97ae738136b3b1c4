"""Who answered, on a whole edge: fake lines, real calls."""

import pytest

from telecore.model import MachineSpec
from telecore.twiml.control import DialTarget
from telecore.twiml.page import Goto
from telecore.twiml.verbs.redirect import Redirect
from tests.edge_agent.call.test_dialing import Story
from tests.fakes.edge import TWO, FakeEdge
from tests.telecore.audio.test_answering import MACHINE, PERSON

NEXT = Redirect("http://app.example/next")
TICKS_5_S = 250


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path) as edge:
        yield edge


def verdicts(edge):
    return [(event.answered_by, event.ms) for event in edge.events("call.answerer")]


async def placed(edge, said=b"", **options):
    call, voice = await edge.place(machine=MachineSpec(), **options)
    voice.ring()
    voice.far.say(said)
    voice.pick_up()
    await edge.tick(1)
    return call, voice


@pytest.mark.parametrize(("said", "word"), [(PERSON, "human"), (MACHINE, "machine_start"), (b"", "unknown")])
async def test_it_is_told_once_and_written(edge, said, word):
    await placed(edge, said, machine_first=True)
    await edge.tick(TICKS_5_S)
    ((told, ms),) = verdicts(edge)
    assert told == word
    assert 1000 < ms <= 5000
    assert [event.answered_by for event in edge.written if event.kind == "call.answerer"] == [word]


async def test_a_page_is_expected_only_when_it_is_known_who_answered(edge):
    call, _ = await placed(edge, PERSON, machine_first=True)
    live = edge.calls._calls[call]
    await edge.tick(40)
    assert "page" not in live._timers._handles
    await edge.tick(TICKS_5_S)
    assert "page" in live._timers._handles


async def test_beside_a_page_nobody_waits(edge):
    call, _ = await placed(edge, MACHINE)
    await edge.run_page(call, NEXT)
    assert edge.outcomes() == [Goto("http://app.example/next")]
    assert not verdicts(edge)
    await edge.tick(TICKS_5_S)
    assert [told for told, _ in verdicts(edge)] == ["machine_start"]


async def test_a_page_that_comes_before_the_verdict_runs_at_once(edge):
    call, _ = await placed(edge, MACHINE, machine_first=True)
    await edge.tick(20)
    await edge.run_page(call, NEXT)
    assert edge.outcomes() == [Goto("http://app.example/next")]
    await edge.tick(TICKS_5_S)
    assert [told for told, _ in verdicts(edge)] == ["machine_start"]


@pytest.mark.parametrize("first", [True, False])
async def test_who_hangs_up_before_it_is_known_is_unknown_and_that_is_told_before_the_end(edge, first):
    _, voice = await placed(edge, PERSON, machine_first=first)
    await edge.tick(20)
    voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    assert [told for told, _ in verdicts(edge)] == ["unknown"]
    assert [event.kind for event in edge.announced()][-2:] == ["call.answerer", "call.ended"]


async def test_nothing_is_told_of_a_call_that_nobody_answered(edge):
    _, voice = await edge.place(machine=MachineSpec(), machine_first=True)
    voice.ring()
    voice.drop(17)
    await edge.until(lambda: edge.events("call.ended"))
    assert not verdicts(edge)


async def test_a_line_without_sound_is_silent(edge):
    _, voice = await placed(edge, machine_first=True)
    voice.far.always_on = False
    await edge.tick(TICKS_5_S)
    assert verdicts(edge) == [("unknown", 5000)]


async def test_the_callee_of_a_dial_is_joined_at_once_and_told_of(edge):
    story = await Story(edge).begin(DialTarget("+85512000002", machine=MachineSpec()))
    await story.route()
    story.line().far.say(MACHINE)
    await story.pick_up()
    await edge.tick(5)
    assert edge.calls._calls[story.children[TWO]].joined
    await edge.tick(TICKS_5_S)
    (event,) = edge.events("call.answerer")
    assert (event.call, event.answered_by) == (story.children[TWO], "machine_start")
