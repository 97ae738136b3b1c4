"""One verb each: its value, how it is read, how it is executed. The one list of them is here."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Verb
from telecore.twiml.verbs import (
    connect,
    dial,
    enqueue,
    gather,
    hangup,
    leave,
    pause,
    play,
    record,
    redirect,
    refer,
    reject,
    say,
    sms,
    start,
    stop,
)

Reader = Callable[[Node, Reading], Verb | None]
"""None: there is nothing to execute, and a warning says why."""

READERS: Mapping[str, Reader] = {
    "Connect": connect.read,
    "Dial": dial.read,
    "Enqueue": enqueue.read,
    "Gather": gather.read,
    "Hangup": hangup.read,
    "Leave": leave.read,
    "Pause": pause.read,
    "Play": play.read,
    "Record": record.read,
    "Redirect": redirect.read,
    "Refer": refer.read,
    "Reject": reject.read,
    "Say": say.read,
    "Sms": sms.read,
    "Start": start.read,
    "Stop": stop.read,
}
