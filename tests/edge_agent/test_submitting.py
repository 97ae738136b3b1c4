"""submitting.py: how each submit ends."""

from __future__ import annotations

import pytest

from edge_agent.contracts import SubmitRef
from edge_agent.spool import QueuedSms
from edge_agent.submit_rules import EXPIRED, Again, GiveUp, Refuse, Waiting
from edge_agent.submitting import Progress, expired, interrupted, outbound, refused
from telecore.commands import SendMessage
from telecore.errors import DeviceLost, OutcomeUnknown, StorageFailed
from telecore.events import CommandRejected, MessageFailed

COMMAND = SendMessage(
    message="SM" + "0" * 32, channel="site-1/modem1", to="+85512345678", body="x", flash=True, port=16000
)


class Disk:
    """A spool that keeps segments, or cannot."""

    def __init__(self, error=None):
        self.error, self.sent = error, []

    async def segment_sent(self, message, ref):
        if self.error:
            raise self.error
        self.sent.append((message, ref))


def test_all_of_the_command_reaches_the_modem():
    sms = outbound(COMMAND, 60)
    assert (sms.to, sms.body, sms.validity_s, sms.flash, sms.port) == (COMMAND.to, "x", 60, True, 16000)


@pytest.mark.parametrize(("segment", "kind"), [(0, CommandRejected), (2, MessageFailed)])
def test_what_was_begun_has_failed_and_what_was_not_is_refused(segment, kind):
    sms = QueuedSms(COMMAND, segment)
    for event in (refused(sms, Refuse(30022, "the quota")), expired(sms)):
        assert isinstance(event, kind)
        assert (event.command, event.code) == (COMMAND.id, event.code)
        assert ("2 segments went" in event.reason) == bool(segment)
    assert expired(sms).code == EXPIRED
    assert interrupted(COMMAND).uncertain


async def test_segments_that_went_are_not_tried_again():
    disk, told = Disk(), []
    progress = Progress(disk, COMMAND, 0, told.append)
    await progress.note(SubmitRef(7, 0, 2))
    assert (disk.sent, told) == ([(COMMAND.message, SubmitRef(7, 0, 2))], [COMMAND])
    again = progress.judge(DeviceLost("unplugged"), Waiting(QueuedSms(COMMAND, attempts=3)), 0.0)
    assert isinstance(again, Again)
    assert (again.waiting.sms.segment, again.waiting.sms.attempts) == (1, 0)
    assert isinstance(progress.judge(OutcomeUnknown("silence"), Waiting(QueuedSms(COMMAND)), 0.0), GiveUp)


async def test_a_segment_that_cannot_be_written_down_is_never_sent_again():
    progress = Progress(Disk(StorageFailed("full")), COMMAND, 0, lambda command: None)
    with pytest.raises(StorageFailed):
        await progress.note(SubmitRef(7, 0, 1))
    verdict = progress.judge(DeviceLost("unplugged"), Waiting(QueuedSms(COMMAND)), 0.0)
    assert isinstance(verdict, GiveUp)
    assert verdict.uncertain
