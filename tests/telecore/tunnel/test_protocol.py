"""Two ends of the protocol over links that deliver whole, one by one, late, and not at all."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import dataclass, field
from typing import Any

import pytest

from telecore.errors import LocalProtocolError
from telecore.tunnel import frames
from telecore.tunnel.events import (
    Acknowledged,
    BulkArrived,
    FrameIgnored,
    Greeted,
    HelloArrived,
    ItemArrived,
    MediaArrived,
    NoticeArrived,
    PeerFault,
    PeerLeft,
    Resumed,
)
from telecore.tunnel.frames import Bulk, ByeCode, Side, encode_bulk
from telecore.tunnel.media import MediaQueue
from telecore.tunnel.protocol import MOST_EARLY, MOST_UNCONFIRMED, TunnelProtocol


@dataclass
class Station:
    """One end with its stores; a new protocol for each connection."""

    side: Side
    rng: random.Random
    rows: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    highest: int = 0
    applied: int = 0
    committed: list[int] = field(default_factory=list)
    history: list[bool] = field(default_factory=list)
    notices: list[int] = field(default_factory=list)
    uncommitted: list[ItemArrived] = field(default_factory=list)
    protocol: TunnelProtocol = field(init=False)

    @property
    def stream(self) -> str:
        return f"stream-of-{self.side}"

    def add(self) -> None:
        self.highest += self.rng.choice((1, 1, 1, 2, 7))
        self.rows.append((self.highest, {"n": self.highest}))

    def connect(self) -> None:
        self.uncommitted.clear()
        self.protocol = TunnelProtocol(self.side, edge="site-1", stream=self.stream, highest=self.highest)
        if self.side is Side.EDGE:
            self.protocol.start()

    def outgoing(self) -> list[str]:
        after, limit = self.protocol.wants()
        if limit:
            self.protocol.offer([row for row in self.rows if row[0] > after][:limit])
        out = self.protocol.data_to_send()
        while (item := self.protocol.next_item()) is not None:
            out.append(item)
        return out

    def take(self, message: str) -> None:
        self.protocol.receive(message)
        for event in self.protocol.events():
            match event:
                case HelloArrived():
                    if self.side is Side.CLOUD:
                        self.protocol.start()
                    self.protocol.resume(self.applied)
                case ItemArrived():
                    self.uncommitted.append(event)
                case Acknowledged(upto):
                    self.rows = [row for row in self.rows if row[0] > upto]
                case PeerFault(_, reason):
                    raise AssertionError(reason)

    def commit(self, most: int) -> None:
        for event in self.uncommitted[:most]:
            assert event.seq > self.applied
            self.applied = event.seq
            self.committed.append(event.seq)
            self.history.append(event.history)
            self.protocol.confirm(event.seq)
        del self.uncommitted[:most]


def run_pair(seed: int, total: int, cut_one_in: int, order: str) -> tuple[Station, Station, int]:
    """Drive both ends until all is applied. Returns them and the number of cuts."""
    rng = random.Random(seed)
    edge, cloud = Station(Side.EDGE, rng), Station(Side.CLOUD, rng)
    given: dict[Side, list[int]] = {Side.EDGE: [], Side.CLOUD: []}
    ways: dict[Side, list[str]] = {Side.EDGE: [], Side.CLOUD: []}
    cuts = 0
    for station in (edge, cloud):
        station.connect()
    while True:
        for station in (edge, cloud):
            for _ in range(rng.randrange(4)):
                if len(given[station.side]) < total:
                    station.add()
                    given[station.side].append(station.highest)
            ways[station.side] += station.outgoing()
        for station, other in ((edge, cloud), (cloud, edge)):
            way = ways[station.side]
            count = {"whole": len(way), "single": min(1, len(way)), "late": rng.randrange(len(way) + 1)}[order]
            for _ in range(count):
                other.take(way.pop(0))
            other.commit(rng.randrange(4) if order == "late" else 1000)
        if cut_one_in and rng.randrange(cut_one_in) == 0:
            cuts += 1
            for station in (edge, cloud):
                ways[station.side].clear()
                if rng.randrange(2):
                    station.commit(rng.randrange(5))  # the commit that was under way as the line fell
                station.connect()
        if all(len(rows) == total for rows in given.values()) and not edge.rows and not cloud.rows:
            break
    assert cloud.committed == given[Side.EDGE]
    assert edge.committed == given[Side.CLOUD]
    return edge, cloud, cuts


@pytest.mark.parametrize("order", ["whole", "single", "late"])
def test_every_item_is_applied_once_in_order(order: str) -> None:
    for seed in range(10):
        run_pair(seed, 200, 0, order)


def test_every_item_is_applied_once_in_order_over_thousands_of_cuts() -> None:
    cuts = 0
    for seed in range(60):
        for order in ("whole", "single", "late"):
            cuts += run_pair(seed, 120, (3, 6, 12)[seed % 3], order)[2]
    assert cuts > 3000


def greeted_pair(up: int = 0, *, applied: int = 0, version: int = 1) -> tuple[TunnelProtocol, TunnelProtocol]:
    edge = TunnelProtocol(Side.EDGE, edge="site-1", stream="up", highest=up, instance="i", version=version)
    cloud = TunnelProtocol(Side.CLOUD, edge="site-1", stream="down", highest=0)
    edge.start()
    pass_on(edge, cloud)
    cloud.start()
    cloud.resume(applied)
    pass_on(cloud, edge)
    edge.resume(0)
    pass_on(edge, cloud)
    assert edge.greeted
    assert cloud.greeted
    edge.events(), cloud.events()
    return edge, cloud


def pass_on(sender: TunnelProtocol, receiver: TunnelProtocol) -> None:
    for text in sender.data_to_send():
        receiver.receive(text)


def test_the_greeting_tells_both_who_speaks_and_what_is_applied() -> None:
    edge = TunnelProtocol(Side.EDGE, edge="site-1", stream="up", highest=9, instance="i1")
    cloud = TunnelProtocol(Side.CLOUD, edge="site-1", stream="down", highest=4)
    edge.start()
    pass_on(edge, cloud)
    assert cloud.events() == [HelloArrived(edge.hello)]
    cloud.start()
    cloud.resume(7)
    assert not cloud.greeted
    pass_on(cloud, edge)
    hello, acknowledged = edge.events()
    assert (hello, acknowledged) == (HelloArrived(cloud.hello), Acknowledged(7))
    edge.resume(4)
    assert edge.events() == [Greeted(cloud.hello, 1)]
    assert edge.wants().after == 7
    pass_on(edge, cloud)
    assert cloud.events() == [Acknowledged(4), Greeted(edge.hello, 1)]


def test_items_from_before_the_greeting_are_history() -> None:
    edge, cloud = greeted_pair(up=5, applied=3)
    edge.offer([(4, {}), (5, {}), (6, {}), (9, {})])
    while (text := edge.next_item()) is not None:
        cloud.receive(text)
    assert [(event.seq, event.history) for event in cloud.events() if isinstance(event, ItemArrived)] == [
        (4, True),
        (5, True),
        (6, False),
        (9, False),
    ]


def test_one_ack_stands_for_many() -> None:
    edge, cloud = greeted_pair()
    edge.offer((n, {}) for n in range(1, 20))
    while (text := edge.next_item()) is not None:
        cloud.receive(text)
    for n in range(1, 20):
        cloud.confirm(n)
    out = cloud.data_to_send()
    assert [json.loads(text) for text in out] == [{"type": "ack", "applied": 19}]
    edge.receive(out[0])
    assert edge.events() == [Acknowledged(19)]


def test_the_window_bounds_what_is_under_way() -> None:
    edge, cloud = greeted_pair()
    assert edge.wants() == (0, 64)
    edge.offer((n, {}) for n in range(1, 65))
    assert edge.wants() == (64, 0)
    while (text := edge.next_item()) is not None:
        cloud.receive(text)
    cloud.confirm(40)
    pass_on(cloud, edge)
    assert edge.wants() == (64, 40)


def test_an_ack_of_what_was_not_sent_is_a_fault() -> None:
    edge, _ = greeted_pair()
    edge.offer([(1, {}), (2, {})])
    edge.next_item()
    edge.receive('{"type":"ack","applied":2}')
    assert edge.events() == [PeerFault(ByeCode.FAULT, "Ack of 2, but 0 was acknowledged and 1 is sent")]


def test_a_repeated_item_is_acknowledged_again_and_a_swapped_one_is_a_fault() -> None:
    edge, cloud = greeted_pair(up=5, applied=3)
    cloud.receive('{"type":"item","seq":3,"payload":{}}')
    assert cloud.events() == []
    assert [json.loads(text)["applied"] for text in cloud.data_to_send()] == [3]
    cloud.receive('{"type":"item","seq":5,"payload":{}}')
    cloud.receive('{"type":"item","seq":4,"payload":{}}')
    assert isinstance(cloud.events()[-1], PeerFault)


def test_a_peer_that_ignores_the_window_is_stopped() -> None:
    _, cloud = greeted_pair()
    for n in range(1, MOST_UNCONFIRMED + 2):
        cloud.receive(json.dumps({"type": "item", "seq": n, "payload": {}}))
    events = cloud.events()
    assert len(events) == MOST_UNCONFIRMED + 1
    assert isinstance(events[-1], PeerFault)


def test_a_store_from_an_old_backup_is_told() -> None:
    edge = TunnelProtocol(Side.EDGE, edge="site-1", stream="up", highest=40)
    cloud = TunnelProtocol(Side.CLOUD, edge="site-1", stream="down", highest=0)
    edge.start()
    pass_on(edge, cloud)
    cloud.start()
    cloud.resume(50)
    pass_on(cloud, edge)
    fault = edge.events()[-1]
    assert isinstance(fault, PeerFault)
    assert fault.code is ByeCode.STREAM
    pass_on(edge, cloud)
    left = cloud.events()[-1]
    assert isinstance(left, PeerLeft)
    assert "restored from an older copy" in left.reason


def test_a_wiped_disk_begins_a_new_street() -> None:
    """The other end never met this stream, so it answers 0 and gets everything from the first row."""
    edge, cloud = greeted_pair(up=0, applied=0)
    edge.offer([(1, {"a": 1})])
    cloud.receive(edge.next_item() or "")
    assert cloud.events() == [ItemArrived(1, {"a": 1}, False)]


def test_media_and_bulk_arrive_after_the_greeting() -> None:
    edge, cloud = greeted_pair()
    queue = MediaQueue(lambda: 0.0)
    queue.add(7, b"\xff" * 160)
    cloud.receive(queue.take()[0])
    cloud.receive(encode_bulk(Bulk(3, 1400, True, b"abc")))
    assert cloud.events() == [MediaArrived([(7, 0, b"\xff" * 160)]), BulkArrived(Bulk(3, 1400, True, b"abc"))]


def test_notices_are_refused_before_the_greeting_and_pass_after_it() -> None:
    early = TunnelProtocol(Side.EDGE, edge="site-1", stream="up", highest=0)
    assert early.notice({"kind": "x"}) is False
    edge, cloud = greeted_pair()
    assert edge.notice({"kind": "x"}) is True
    pass_on(edge, cloud)
    assert cloud.events() == [NoticeArrived({"kind": "x"})]
    with pytest.raises(LocalProtocolError, match="above the limit"):
        edge.notice({"kind": "x", "text": "y" * frames.TEXT_LIMIT})


def test_a_row_too_large_does_not_stop_the_street() -> None:
    edge, cloud = greeted_pair()
    edge.offer([(1, {"kind": "big", "text": "y" * frames.TEXT_LIMIT}), (2, {"kind": "small"})])
    while (text := edge.next_item()) is not None:
        cloud.receive(text)
    first, second = cloud.events()
    assert isinstance(first, ItemArrived)
    assert first.payload["kind"] == "oversized"
    assert second == ItemArrived(2, {"kind": "small"}, False)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("hello there", "not JSON"),
        ("[]", "must be a JSON object"),
        ('{"type":"resume","stream":"up","applied":0}', "Resume is out of turn"),
        ('{"type":"item","seq":1,"payload":{}}', "Item is out of turn"),
        ('{"type":"dance"}', "unknown frame type 'dance'"),
        ('{"type":["a"]}', "unknown frame type"),
        ('{"type":"hello","side":"edge"}', "edge must be a string"),
        ("[" * 60_000, "not JSON"),
        ('{"type":"hello","x":"' + "y" * 70_000 + '"}', "above the limit"),
        (b"\x01abc", "before the greeting"),
        (b"", "before the greeting"),
    ],
)
def test_garbage_before_the_greeting(message: str | bytes, reason: str) -> None:
    cloud = TunnelProtocol(Side.CLOUD, edge="site-1", stream="down", highest=0)
    cloud.receive(message)
    (fault,) = cloud.events()
    assert isinstance(fault, PeerFault)
    assert reason in fault.reason
    (bye,) = (json.loads(text) for text in cloud.data_to_send())
    assert bye == {"type": "bye", "code": "fault", "reason": fault.reason, "after": 0.0}
    cloud.receive(message)
    assert cloud.events() == []


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"\x09abc", "unknown binary type 9"),
        (b"", "unknown binary type 0"),
        (b"\x01\x00\x01\x00\xa0short", "does not fit"),
        (b"\x01\x00", "cut short"),
        (b"\x01\x00\x01\x00\xff", "does not fit"),
        (b"\x02abc", "shorter than its header"),
        (b"\x01" * 70_000, "above the limit"),
        ('{"type":"item","seq":-1,"payload":{}}', "seq must be a number"),
        ('{"type":"item","seq":true,"payload":{}}', "seq must be a number"),
        ('{"type":"item","seq":1e3,"payload":{}}', "seq must be a number"),
        ('{"type":"item","seq":NaN,"payload":{}}', "not JSON"),
        ('{"type":"item","seq":1,"payload":[]}', "payload must be an object"),
        ('{"type":"hello","side":"edge","edge":"site-1","instance":"","stream":"x","highest":0,"version":1,"minimum":1}',
         "Hello is out of turn"),
        ("x" * (frames.TEXT_LIMIT + 1), "above the limit"),
        ("é" * (frames.TEXT_LIMIT // 2 + 1), "above the limit"),
        ('{"type":"ack","applied":7}', "Ack of 7"),
    ],
)  # fmt: skip
def test_garbage_after_the_greeting(message: str | bytes, reason: str) -> None:
    _, cloud = greeted_pair()
    cloud.receive(message)
    (fault,) = cloud.events()
    assert isinstance(fault, PeerFault)
    assert reason in fault.reason


def test_what_a_newer_peer_invents_is_ignored() -> None:
    _, cloud = greeted_pair(version=2)
    assert cloud.version == 1
    cloud.receive('{"type":"dance"}')
    cloud.receive(b"\x09abc")
    assert cloud.events() == [
        FrameIgnored("unknown frame type 'dance'"),
        FrameIgnored("unknown binary type 9"),
    ]
    assert not cloud.over


def test_without_a_version_in_common_both_know_why() -> None:
    edge = TunnelProtocol(Side.EDGE, edge="site-1", stream="up", highest=0, version=3, minimum=2)
    cloud = TunnelProtocol(Side.CLOUD, edge="site-1", stream="down", highest=0)
    edge.start()
    pass_on(edge, cloud)
    assert cloud.events() == [PeerFault(ByeCode.VERSION, "no version in common: 2-3 there, 1-1 here")]
    pass_on(cloud, edge)
    assert edge.events() == [PeerLeft("version", "no version in common: 2-3 there, 1-1 here")]


def test_an_edge_may_not_speak_for_another() -> None:
    edge = TunnelProtocol(Side.EDGE, edge="site-2", stream="up", highest=0)
    cloud = TunnelProtocol(Side.CLOUD, edge="site-1", stream="down", highest=0)
    edge.start()
    pass_on(edge, cloud)
    assert isinstance(cloud.events()[0], PeerFault)


def test_half_a_surrogate_pair_passes_as_a_question_mark() -> None:
    edge, cloud = greeted_pair()
    edge.offer([(1, {"body": "a\ud83d"})])
    cloud.receive(edge.next_item() or "")
    cloud.receive('{"type":"item","seq":2,"payload":{"body":"b\\ud83d"}}')
    cloud.receive('{"type":"item","seq":3,"payload":{"body":"\\ud83d\\ude00 \U0001f600"}}')
    bodies = [event.payload["body"] for event in cloud.events() if isinstance(event, ItemArrived)]
    assert bodies == ["a?", "b?", "\U0001f600 \U0001f600"]


def test_random_bytes_never_raise() -> None:
    rng = random.Random(5)
    seeds = [
        b'{"type":"item","seq":5,"payload":{"kind":"a","x":[1,2,{"y":"\\u1780"}]}}',
        b'{"type":"ack","applied":0}',
        b'{"type":"notice","payload":{"kind":"heartbeat"}}',
        b'{"type":"bye","code":"x","reason":"y"}',
        b"\x01\x00\x01\x00\x04abcd\x00\x02\x01\x03xyz",
        encode_bulk(Bulk(3, 1400, True, b"abc")),
    ]
    faults = 0
    _, fresh = greeted_pair()
    for _ in range(20_000):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randrange(1, 4)):
            position = rng.randrange(len(data))
            if rng.randrange(3):
                data[position] = rng.randrange(256)
            else:
                del data[position:]
                data += b"\x00"
        end = copy.deepcopy(fresh)
        end.receive(bytes(data) if data[0] < 3 else data.decode("utf-8", "replace"))
        faults += any(isinstance(event, PeerFault) for event in end.events())
    assert 10_000 < faults < 20_000


def test_misuse_is_told_to_us() -> None:
    edge, _ = greeted_pair()
    with pytest.raises(LocalProtocolError):
        edge.start()
    with pytest.raises(LocalProtocolError):
        edge.resume(0)
    edge.offer([(2, {})])
    with pytest.raises(LocalProtocolError):
        edge.offer([(2, {})])
    with pytest.raises(LocalProtocolError):
        edge.confirm(1)


def test_bye_is_the_last_word() -> None:
    edge, cloud = greeted_pair()
    edge.offer([(1, {})])
    edge.leave(ByeCode.SHUTDOWN, "stopping")
    assert edge.next_item() is None
    pass_on(edge, cloud)
    assert cloud.events() == [PeerLeft("shutdown", "stopping")]
    cloud.receive('{"type":"ack","applied":0}')
    assert cloud.events() == []
    assert cloud.over


def weighing() -> TunnelProtocol:
    """A cloud that has said Resume and weighs the edge's."""
    one = TunnelProtocol(Side.CLOUD, edge="site-1", stream="down", highest=3, weigh=True)
    one.receive(frames.encode(frames.Hello(Side.EDGE, "site-1", "i", "up", 0)))
    one.start()
    one.resume(0)
    one.receive(frames.encode(frames.Resume("down", 2, "m")))
    return one


def test_a_notice_waits_until_the_peers_resume_is_weighed() -> None:
    """What its owner answers could not be sent before: the edge says what it carries as soon as it has said Resume."""
    one = weighing()
    one.receive(frames.encode(frames.Notice({"n": 1})))
    one.receive(frames.encode(frames.Notice({"n": 2})))
    assert [type(event) for event in one.events()] == [HelloArrived, Resumed]
    assert not one.greeted
    one.settled(2)
    told = one.events()
    assert [type(event) for event in told] == [Acknowledged, Greeted, NoticeArrived, NoticeArrived]
    assert told[2:] == [NoticeArrived({"n": 1}), NoticeArrived({"n": 2})]
    one.receive(frames.encode(frames.Notice({"n": 3})))
    assert one.events() == [NoticeArrived({"n": 3})]


def test_so_many_notices_wait_and_no_more() -> None:
    one = weighing()
    for n in range(MOST_EARLY + 1):
        one.receive(frames.encode(frames.Notice({"n": n})))
    assert one.over
    assert isinstance(one.events()[-1], PeerFault)
