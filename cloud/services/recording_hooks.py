"""Where recordings of a call are to be told, as its pages and its maker said; edges that know it say so themselves."""

from __future__ import annotations

from collections import OrderedDict

from cloud.store.records import Hook
from telecore.ids import CallSid
from telecore.twiml.page import Page
from telecore.twiml.verbs.dial import Dial
from telecore.twiml.verbs.record import Record

RECORD_VERB, DIAL_VERB, OUTBOUND_API = "RecordVerb", "DialVerb", "OutboundAPI"
_REMEMBERED = 10_000

Wish = tuple[Hook, tuple[str, ...]]


class RecordingHooks:
    """In memory: a restart of the cloud forgets them."""

    def __init__(self) -> None:
        self._wishes: OrderedDict[tuple[CallSid, str], Wish] = OrderedDict()

    def put(self, call: CallSid, source: str, hook: Hook, events: tuple[str, ...]) -> None:
        """From now on recordings of this call from this source are told here; without a URL to nobody."""
        self._wishes[call, source] = hook, events
        self._wishes.move_to_end((call, source))
        while len(self._wishes) > _REMEMBERED:
            self._wishes.popitem(last=False)

    def of(self, call: CallSid, source: str) -> Wish | None:
        return self._wishes.get((call, source))

    def read(self, call: CallSid, page: Page) -> None:
        """What the verbs of a page say."""
        for verb in page:
            if isinstance(verb, Record):
                record = verb.spec
                hook = Hook(record.status_callback, record.status_callback_method)
                self.put(call, RECORD_VERB, hook, record.status_callback_events)
            elif isinstance(verb, Dial) and verb.spec.record != "do-not-record":
                dial = verb.spec
                hook = Hook(dial.recording_status_callback or "", dial.recording_status_callback_method)
                self.put(call, DIAL_VERB, hook, dial.recording_status_callback_events)
