import pytest

from telecore.audio.tone import dtmf_tone, silence, tone
from telecore.notices import RouteWanted
from telecore.twiml.control import CollectSpec, DialSpec, DialTarget, RecordSpec, SmsSpec
from telecore.twiml.page import Ended, Goto
from telecore.twiml.verbs.dial import Dial
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.hangup import Hangup
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.record import Record
from telecore.twiml.verbs.redirect import Redirect
from telecore.twiml.verbs.reject import Reject
from telecore.twiml.verbs.say import Say
from telecore.twiml.verbs.sms import Sms
from tests.fakes.edge import FakeEdge
from tests.fakes.line import SILENCE, settle

NEXT = Redirect("http://app.example/next")
ACTION = "http://app.example/action"
SPEECH = tone((300, 700), 1000)
PROMPT = tone((440,), 400)
BEEP_TICKS = 25


@pytest.fixture
async def edge(tmp_path):
    async with FakeEdge(tmp_path) as edge:
        yield edge


@pytest.fixture
async def answered(edge):
    """A call in progress that awaits its next page."""
    call, voice = await edge.place()
    voice.pick_up()
    await settle()
    return call, voice


async def playing(edge, call):
    await edge.until(lambda: edge.calls._calls[call].leg._playing)


async def test_gathered_digits_go_to_the_action(edge, answered):
    call, voice = answered
    gather = Gather(ACTION, spec=CollectSpec(num_digits=4), prompts=(Say("menu", clip=edge.clip(PROMPT)), Pause(1)))
    await edge.run_page(call, gather)
    await playing(edge, call)
    await edge.tick(5)
    for key in "4711":
        voice.far.say(dtmf_tone(key))
    await edge.tick(40)
    assert edge.outcomes() == [Goto(ACTION, "POST", {"Digits": "4711"})]
    assert voice.far.sent[20:] == [SILENCE] * 25


async def test_a_key_during_a_fetch_counts_and_stops_it(edge, answered):
    call, _ = answered
    edge.remote.clear()
    gather = Gather(ACTION, spec=CollectSpec(num_digits=1), prompts=(Say("x", clip=edge.clip(PROMPT)), Pause(60)))
    await edge.run_page(call, gather)
    edge.calls._calls[call].leg.press("7")
    await settle()
    assert edge.outcomes() == [Goto(ACTION, "POST", {"Digits": "7"})]


async def test_without_input_the_page_goes_on(edge, answered):
    call, _ = answered
    await edge.run_page(call, Gather(ACTION, spec=CollectSpec(timeout_s=0.2)), NEXT)
    await edge.tick(10)
    assert edge.outcomes() == [Goto("http://app.example/next")]


async def test_a_key_pressed_before_the_gather_does_not_count(edge, answered):
    call, voice = answered
    await edge.run_page(call, Say("x", clip=edge.clip(PROMPT)), Gather(ACTION, spec=CollectSpec(timeout_s=0.2)), NEXT)
    await playing(edge, call)
    voice.far.say(dtmf_tone("3"))
    voice.press("3")
    await edge.tick(40)
    assert edge.outcomes() == [Goto("http://app.example/next")]


async def test_a_recording_begins_with_a_beep_and_is_told_of_before_its_page_ends(edge, answered):
    call, voice = answered
    await edge.run_page(call, Record(ACTION, spec=RecordSpec(trim_silence=False, status_callback="http://s")))
    await edge.tick(BEEP_TICKS)
    assert voice.far.heard != SILENCE * BEEP_TICKS
    voice.far.say(SPEECH + silence(100) + dtmf_tone("#"))
    await edge.tick(60)
    await edge.until(edge.outcomes)
    made = edge.events("recording.made")[0]
    assert (made.call, made.source, made.recording.channels) == (call, "RecordVerb", 1)
    assert made.status_callback == "http://s"
    assert SPEECH in edge.blobs.path(made.recording.sha256).read_bytes()
    params = {"RecordingSid": made.recording.sid, "RecordingDuration": "1", "Digits": "#"}
    assert edge.outcomes() == [Goto(ACTION, "POST", params)]
    kinds = [getattr(notice, "event", notice).kind for notice in edge.notices]
    assert kinds[-2:] == ["recording.made", "page.ended"]


async def test_an_empty_recording_is_none_and_the_page_goes_on(edge, answered, tmp_path):
    call, _ = answered
    await edge.run_page(call, Record(ACTION, spec=RecordSpec(timeout_s=0.5)), NEXT)
    await edge.tick(BEEP_TICKS + 30)
    await edge.until(edge.outcomes)
    assert edge.outcomes() == [Goto("http://app.example/next")]
    assert edge.events("recording.made") == []
    assert list(tmp_path.iterdir()) == []


async def test_every_recording_is_told_of_from_its_beginning(edge, answered):
    call, voice = answered
    spec = RecordSpec(timeout_s=0.2, play_beep=False, status_callback="http://s")
    await edge.run_page(call, Record(ACTION, spec=spec), NEXT)
    await edge.tick(15)
    await edge.until(edge.outcomes)
    await edge.run_page(call, Record(ACTION, spec=spec), NEXT)
    voice.far.say(SPEECH)
    await edge.tick(60)
    await edge.until(lambda: edge.events("recording.made"))
    told = [event for event in edge.announced() if event.kind.startswith("recording.")]
    kinds = ["recording.began", "recording.dropped", "recording.began", "recording.made"]
    assert [event.kind for event in told] == kinds
    hooks = {(event.source, event.track, event.status_callback) for event in told}
    assert hooks == {("RecordVerb", "inbound", "http://s")}


async def test_a_hang_up_keeps_the_recording_and_its_page_tells_of_it(edge, answered):
    call, voice = answered
    await edge.run_page(call, Record(ACTION), NEXT)
    await edge.tick(BEEP_TICKS)
    voice.far.say(SPEECH)
    await edge.tick(45)
    voice.drop()
    await edge.until(lambda: edge.events("call.ended"))
    made = edge.events("recording.made")[0]
    assert [outcome.params["Digits"] for outcome in edge.outcomes()] == ["hangup"]
    assert edge.outcomes()[0].params["RecordingSid"] == made.recording.sid
    await edge.until(lambda: edge.written[-1].kind == "call.ended")
    assert [event.kind for event in edge.written[-2:]] == ["recording.made", "call.ended"]


async def test_after_a_hang_up_an_empty_recording_leads_nowhere(edge, answered):
    call, voice = answered
    await edge.run_page(call, Record(ACTION), Dial(DialSpec((DialTarget("+2"),))), NEXT)
    await edge.tick(BEEP_TICKS + 5)
    voice.drop()
    await edge.until(lambda: edge.events("call.ended"), within_s=1.0)
    assert edge.told(RouteWanted) == []
    assert edge.outcomes() == []


async def test_a_page_that_is_replaced_keeps_what_it_recorded(edge, answered):
    call, voice = answered
    await edge.run_page(call, Record(ACTION))
    await edge.tick(BEEP_TICKS)
    voice.far.say(SPEECH)
    await edge.tick(45)
    await edge.run_page(call, NEXT)
    await edge.until(lambda: edge.events("recording.made"))
    assert edge.outcomes() == [Goto("http://app.example/next")]


async def test_played_digits_are_pressed_on_the_line(edge, answered):
    call, voice = answered
    await edge.run_page(call, Play(digits="12W3"), NEXT)
    assert voice.digits == "12"
    await edge.tick(50)
    assert voice.digits == "123"
    assert len(edge.outcomes()) == 1


async def test_reject_of_an_answered_call_hangs_it_up(edge, answered):
    call, _ = answered
    await edge.run_page(call, Reject(True))
    await edge.until(lambda: edge.events("call.ended"))
    assert edge.events("call.ended")[0].cause == 16


@pytest.mark.parametrize(
    "verb",
    [
        lambda edge: Say("x", clip=edge.clip(PROMPT), loop=0),
        lambda edge: Pause(60),
        lambda edge: Gather(ACTION, prompts=(Say("x", clip=edge.clip(PROMPT), loop=0),)),
        lambda edge: Gather(ACTION, spec=CollectSpec(timeout_s=60)),
        lambda edge: Record(ACTION),
        lambda edge: Record(ACTION, spec=RecordSpec(play_beep=False)),
        lambda edge: Play(digits="WWWWW1"),
    ],
    ids=["say", "pause", "prompt", "gather", "beep", "record", "digits"],
)
@pytest.mark.parametrize("how", ["caller", "cloud", "page"])
async def test_in_the_middle_of_any_verb_it_may_end(edge, answered, verb, how):
    """The fixture checks that no task, no registration at the clock and no call is left over."""
    call, voice = answered
    page = await edge.run_page(call, verb(edge))
    await edge.tick(5)
    if how == "caller":
        voice.drop()
    elif how == "cloud":
        await edge.run_page(call, Hangup())
    else:
        await edge.run_page(call, Pause(0), Hangup())
    await edge.until(lambda: edge.events("call.ended"))
    assert voice.ended.is_set()
    # A recording that the caller ends leads on, here to the end of the page.
    assert set(edge.outcomes()) <= {Ended("hangup"), Ended("finished")}
    assert page < edge._pages or how == "caller"


async def test_a_message_is_told_of_and_the_page_goes_on(edge, answered):
    call, _ = answered
    await edge.run_page(call, Sms(SmsSpec("hi", "+85512000009", status_callback="http://app.example/s")), NEXT)
    await edge.until(edge.outcomes)
    (event,) = edge.events("message.wanted")
    assert (event.call, event.body, event.to, event.sender) == (call, "hi", "+85512000009", "")
    assert edge.outcomes() == [Goto("http://app.example/next")]
