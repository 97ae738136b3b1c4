"""Rooms that span edges, in the cloud: who hears whom, and what is left when an edge goes."""

from __future__ import annotations

import asyncio

from cloud.services.relays import Relays
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.mixing import mix, rms
from telecore.audio.tone import tone
from telecore.notices import TrunkClosed, TrunkOpened

VOICES = [l16_to_ulaw(tone((freq,), 20, -20)) for freq in (300, 500, 900)]
CALL = "CA" + "0" * 32


class Line:
    """The hub: frames are put in by hand, and what is sent is kept."""

    def __init__(self):
        self.handlers, self.sent = {}, []

    def notify(self, edge, notice):
        return True

    def send_media(self, edge, stream, payload):
        self.sent.append((edge, stream, payload))
        return True

    def on_media(self, edge, stream, handler):
        if handler is None:
            self.handlers.pop((edge, stream), None)
        else:
            self.handlers[edge, stream] = handler

    def say(self, edge, stream, frame):
        self.handlers[edge, stream](0, frame)


def room(*edges):
    line = Line()
    relays = Relays(line)
    for number, edge in enumerate(edges, 1):
        relays.opened(edge, TrunkOpened("CF1", CALL, number))
    return line, relays


async def test_between_two_a_frame_passes_at_once_as_it_is():
    line, _ = room("a", "b")
    line.say("a", 1, VOICES[0])
    line.say("b", 2, VOICES[1])
    assert line.sent == [("b", 2, VOICES[0]), ("a", 1, VOICES[1])]


async def test_of_three_each_hears_the_sum_of_the_others():
    line, relays = room("a", "b", "c")
    for number, edge in enumerate(("a", "b", "c"), 1):
        line.say(edge, number, VOICES[number - 1])
    await asyncio.sleep(0.06)
    sent = {edge: ulaw_to_l16(frame) for edge, _, frame in line.sent}
    plain = [ulaw_to_l16(frame) for frame in VOICES]
    for at, edge in enumerate(("a", "b", "c")):
        wanted = mix([frame for other, frame in enumerate(plain) if other != at])
        assert sent[edge] == ulaw_to_l16(l16_to_ulaw(wanted))
    assert len(line.sent) == 3
    relays.on_link("c", False)


async def test_of_three_one_who_is_alone_to_speak_does_not_hear_himself():
    line, relays = room("a", "b", "c")
    line.say("a", 1, VOICES[0])
    await asyncio.sleep(0.06)
    assert {edge for edge, _, _ in line.sent} == {"b", "c"}
    assert all(rms(ulaw_to_l16(frame)) > 500 for _, _, frame in line.sent)
    relays.closed("b", TrunkClosed("CF1", 2))


async def test_rooms_do_not_hear_each_other():
    line, relays = room("a", "b")
    relays.opened("a", TrunkOpened("CF2", CALL, 9))
    line.say("a", 9, VOICES[0])
    assert line.sent == []


async def test_an_edge_that_is_back_is_heard_by_its_new_stream():
    line, relays = room("a", "b")
    relays.on_link("b", False)
    line.say("a", 1, VOICES[0])
    assert line.sent == []
    relays.on_link("b", True)
    relays.opened("b", TrunkOpened("CF1", CALL, 7))
    relays.closed("b", TrunkClosed("CF1", 2))  # of the stream it had before
    line.say("a", 1, VOICES[0])
    assert line.sent == [("b", 7, VOICES[0])]


async def test_what_is_closed_leaves_nothing():
    line, relays = room("a", "b")
    for number, edge in enumerate(("a", "b"), 1):
        relays.closed(edge, TrunkClosed("CF1", number))
    assert line.handlers == {}
    assert relays._rooms == {}
