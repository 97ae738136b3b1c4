"""Running a page: which verb answers, what leads where, and what ends it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from telecore.ids import CallSid, MessageSid, RecordingSid, Sha256
from telecore.model import CallStatus, Clip
from telecore.twiml.control import (
    Collected,
    CollectSpec,
    DialOutcome,
    DialSpec,
    DialTarget,
    Prompt,
    Recorded,
    RecordSpec,
    SmsSpec,
)
from telecore.twiml.interpreter import run_page
from telecore.twiml.page import Ended, Goto, Verb
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

CLIP = Clip(Sha256("0" * 64), 160, 20)
SAY = Say("hello", clip=CLIP)


class Told:
    """A CallControl that writes down what it is asked and answers what it was given."""

    def __init__(
        self, *, digits: str = "", recorded: Recorded | None = None, dialled: DialOutcome | None = None
    ) -> None:
        self.log: list[str] = []
        self._digits = digits
        self._recorded = recorded
        self._dialled = dialled or DialOutcome(CallStatus.BUSY)

    async def ensure_answered(self) -> None:
        self.log.append("answer")

    async def play(self, prompt: Prompt) -> None:
        self.log.append(f"play x{prompt.loop}" if prompt.clip else f"pause {prompt.pause_s:g}")

    async def collect(self, want: CollectSpec, prompts: Sequence[Prompt]) -> Collected:
        self.log.append(f"collect {len(prompts)}")
        return Collected(self._digits, "key" if self._digits else "timeout")

    def send_message(self, spec: SmsSpec) -> MessageSid:
        self.log.append(f"sms {spec.to} {spec.body}")
        return MessageSid("SM" + "0" * 32)

    async def record(self, spec: RecordSpec) -> Recorded | None:
        self.log.append("record")
        return self._recorded

    async def dial(self, spec: DialSpec) -> DialOutcome:
        self.log.append("dial " + " ".join(target.number for target in spec.targets))
        return self._dialled

    async def send_digits(self, digits: str) -> None:
        self.log.append(f"press {digits}")

    async def reject(self, busy: bool) -> None:
        self.log.append(f"reject {busy}")

    async def hang_up(self) -> None:
        self.log.append("hang up")


RECORDED = Recorded(RecordingSid("RE1"), 4.6, "#")
TALKED = DialOutcome(CallStatus.COMPLETED, CallSid("CA2"), 12, True, RecordingSid("RE2"), 11.2)
DIAL = DialSpec((DialTarget("+1"),))


@pytest.mark.parametrize(
    ("page", "call", "outcome", "log"),
    [
        ((), Told(), Ended("finished"), ["answer"]),
        (
            (SAY, Play("u", clip=CLIP, loop=2)),
            Told(),
            Ended("finished"),
            ["answer", "play x1", "answer", "play x2", "answer"],
        ),
        ((Say("not rendered"),), Told(), Ended("finished"), ["answer", "answer"]),
        ((Play(digits="1#"),), Told(), Ended("finished"), ["answer", "press 1#", "answer"]),
        ((Pause(3), Reject(True)), Told(), Ended("reject"), ["pause 3", "reject True"]),
        ((Hangup(), SAY), Told(), Ended("hangup"), ["answer", "hang up"]),
        ((Redirect("u", "GET"), SAY), Told(), Goto("u", "GET"), []),
        (
            (Gather("u", prompts=(SAY, Pause(2), Say("lost"))), SAY),
            Told(digits="42"),
            Goto("u", "POST", {"Digits": "42"}),
            ["answer", "collect 2"],
        ),
        ((Gather("u"), Hangup()), Told(), Ended("hangup"), ["answer", "collect 0", "answer", "hang up"]),
        (
            (Gather("u", action_on_empty_result=True),),
            Told(),
            Goto("u", "POST", {"Digits": ""}),
            ["answer", "collect 0"],
        ),
        (
            (Record("u"),),
            Told(recorded=RECORDED),
            Goto("u", "POST", {"RecordingSid": "RE1", "RecordingDuration": "5", "Digits": "#"}),
            ["answer", "record"],
        ),
        ((Record("u"), Hangup()), Told(), Ended("hangup"), ["answer", "record", "answer", "hang up"]),
        ((Dial(DIAL), Hangup()), Told(), Ended("hangup"), ["dial +1", "answer", "hang up"]),
        (
            (Dial(DIAL, "u"),),
            Told(dialled=TALKED),
            Goto(
                "u",
                "POST",
                {
                    "DialCallStatus": "completed",
                    "DialBridged": "true",
                    "DialCallSid": "CA2",
                    "DialCallDuration": "12",
                    "RecordingSid": "RE2",
                    "RecordingDuration": "11",
                },
            ),
            ["dial +1"],
        ),
        (
            (Dial(DIAL, "u"),),
            Told(),
            Goto("u", "POST", {"DialCallStatus": "busy", "DialBridged": "false"}),
            ["dial +1"],
        ),
    ],
)
async def test_pages(page: tuple[Verb, ...], call: Told, outcome: Goto | Ended, log: list[str]) -> None:
    assert await run_page(page, call) == outcome
    assert call.log == log


async def test_a_message_does_not_answer_the_call_and_the_page_goes_on():
    told = Told()
    page = (Sms(SmsSpec("hi", "+85512000001")), SAY, Sms(SmsSpec("bye"), "http://app.example/a", "GET"), SAY)
    outcome = await run_page(page, told)
    assert told.log[0] == "sms +85512000001 hi"
    assert told.log[-1] == "sms  bye"
    sid = "SM" + "0" * 32
    said = {"SmsSid": sid, "MessageSid": sid, "SmsStatus": "queued", "MessageStatus": "queued"}
    assert outcome == Goto("http://app.example/a", "GET", said)
