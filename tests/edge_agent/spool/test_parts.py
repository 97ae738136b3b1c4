"""Received PDUs become messages, each once."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.contracts import SmsPart
from edge_agent.spool import Spool
from telecore.events import DataReceived, MessageReceived
from telecore.ids import E164, Address, ChannelId

CHANNEL = ChannelId("site-1/modem1")
NUMBER = E164("+85510000001")
SENT = datetime(2026, 11, 26, 8, 0, tzinfo=UTC)
DAY_S = 24 * 3600.0


def part(n=1, parts=1, body="hello", *, ref=None, key=None, sender="+85512000001", sent_at=SENT, channel=CHANNEL):
    ref = 7 if ref is None and parts > 1 else ref
    return SmsPart(
        channel=channel,
        key=key or f"{sender}/{ref}/{n}/{body}/{sent_at}",
        sender=Address(sender),
        body=body,
        sent_at=sent_at,
        ref=ref,
        part=n,
        parts=parts,
    )


async def test_a_single_part_is_a_message_at_once(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    event = await spool.store_part(part(), NUMBER)
    assert event is not None
    assert (event.body, event.parts, event.recipient, event.complete) == ("hello", 1, NUMBER, True)
    assert event.message.startswith("SM")
    rows = await spool.read(0, 10)
    assert [row["message"] for _, row in rows] == [event.message]
    await spool.close()


async def test_a_part_read_again_after_a_power_cut_is_recognised(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    assert await spool.store_part(part(), NUMBER)
    await spool.close()
    spool = await Spool.open(tmp_path / "spool.db")
    assert await spool.store_part(part(), NUMBER) is None
    assert spool.highest == 1
    other_sim = part(channel=ChannelId("site-1/modem2"))
    assert await spool.store_part(other_sim, None), "the same text to another SIM is another message"
    await spool.close()


async def test_parts_wait_for_each_other_across_a_restart(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    assert await spool.store_part(part(2, 3, "b"), NUMBER) is None
    assert await spool.store_part(part(2, 3, "b"), NUMBER) is None
    await spool.close()
    spool = await Spool.open(tmp_path / "spool.db")
    assert await spool.store_part(part(3, 3, "c"), NUMBER) is None
    event = await spool.store_part(part(1, 3, "a"), NUMBER)
    assert event is not None
    assert (event.body, event.parts, event.sent_at) == ("abc", 3, SENT)
    assert await spool.store_part(part(1, 3, "a"), NUMBER) is None
    assert len(await spool.read(0, 10)) == 1
    await spool.close()


async def test_a_character_cut_in_two_between_parts_is_whole_again(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    high, low = "🙂".encode("utf-16-be")[:2], "🙂".encode("utf-16-be")[2:]
    halves = [half.decode("utf-16-be", "surrogatepass") for half in (high, low)]
    assert await spool.store_part(part(1, 2, "so " + halves[0], key="1"), NUMBER) is None
    event = await spool.store_part(part(2, 2, halves[1] + " it is", key="2"), NUMBER)
    assert event is not None
    assert event.body == "so 🙂 it is"
    await spool.close()


async def test_after_a_day_what_there_is_is_told(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    await spool.store_part(part(1, 3, "a"), NUMBER)
    await spool.store_part(part(3, 3, "c"), NUMBER)
    assert await spool.expire_parts(DAY_S - 1) == []
    await spool.close()
    spool = await Spool.open(tmp_path / "spool.db")
    (event,) = await spool.expire_parts(2)
    assert (event.body, event.parts, event.complete) == ("a[…]c", 3, False)
    assert await spool.expire_parts(DAY_S) == []
    assert await spool.store_part(part(3, 3, "c"), NUMBER) is None, "still known"
    await spool.close()


async def test_a_reference_used_again_begins_another_message(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    later = SENT + timedelta(hours=2)
    await spool.store_part(part(1, 2, "first "), NUMBER)
    await spool.store_part(part(1, 2, "second ", sent_at=later), NUMBER)
    second = await spool.store_part(part(2, 2, "two", sent_at=later + timedelta(seconds=3)), NUMBER)
    first = await spool.store_part(part(2, 2, "one", sent_at=SENT + timedelta(seconds=3)), NUMBER)
    assert second is not None
    assert first is not None
    assert (first.body, second.body) == ("first one", "second two")
    assert first.message != second.message
    await spool.close()


@settings(max_examples=25, deadline=None)
@given(data=st.data())
async def test_any_order_any_repetition_any_interleaving_gives_each_message_once(tmp_path_factory, data):
    count = data.draw(st.integers(1, 4))
    messages = {}
    arrivals = []
    for m in range(count):
        texts = data.draw(st.lists(st.text(max_size=5), min_size=1, max_size=4))
        sender = f"+8551200000{m}"
        messages[sender] = "".join(texts)
        arrivals += [part(n, len(texts), text, sender=sender, key=f"{m}/{n}") for n, text in enumerate(texts, 1)]
    repeated = arrivals + data.draw(st.lists(st.sampled_from(arrivals), max_size=6))
    order = data.draw(st.permutations(repeated))
    spool = await Spool.open(tmp_path_factory.mktemp("spool") / "spool.db")
    for item in order:
        await spool.store_part(item, NUMBER)
    rows = [row for _, row in await spool.read(0, 100)]
    await spool.close()
    assert sorted((row["sender"], row["body"]) for row in rows) == sorted(messages.items())


async def test_a_flash_message(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    event = await spool.store_part(replace(part(), flash=True), NUMBER)
    assert isinstance(event, MessageReceived)
    assert event.flash
    assert await spool.store_part(replace(part(1, 2, "a"), flash=True), NUMBER) is None
    long = await spool.store_part(replace(part(2, 2, "b"), flash=True), NUMBER)
    assert isinstance(long, MessageReceived)
    assert (long.body, long.flash) == ("ab", True)
    await spool.close()


async def test_data_is_put_together_and_is_no_text(tmp_path):
    spool = await Spool.open(tmp_path / "spool.db")
    alone = await spool.store_part(replace(part(body=""), data=b"\x00\xff"), NUMBER)
    assert alone == DataReceived(
        channel=CHANNEL, sender=part().sender, port=None, data="00ff", id=alone.id, at=alone.at
    )
    assert await spool.store_part(replace(part(2, 2, "", key="2"), port=2948, data=b"\x03"), NUMBER) is None
    assert await spool.store_part(replace(part(1, 2, "", key="x"), port=5000, data=b"\x09"), NUMBER) is None
    whole = await spool.store_part(replace(part(1, 2, "", key="1"), port=2948, data=b"\x01\x02"), NUMBER)
    assert isinstance(whole, DataReceived)
    assert (whole.port, whole.data, whole.complete) == (2948, "010203", True)
    [partial] = await spool.expire_parts(DAY_S)
    assert isinstance(partial, DataReceived)
    assert (partial.port, partial.data, partial.complete) == (5000, "09", False)
    await spool.close()


async def test_a_text_for_an_application(tmp_path):
    """Its halves of a surrogate pair are made whole before it becomes octets."""
    spool = await Spool.open(tmp_path / "spool.db")
    high, low = "\ud83d", "\ude00"
    assert await spool.store_part(replace(part(1, 2, high, key="1"), port=16000), NUMBER) is None
    event = await spool.store_part(replace(part(2, 2, low, key="2"), port=16000), NUMBER)
    assert isinstance(event, DataReceived)
    assert bytes.fromhex(event.data).decode() == "\U0001f600"
    await spool.close()
