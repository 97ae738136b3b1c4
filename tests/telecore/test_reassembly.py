import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.reassembly import ConcatKey, Partial, Reassembler, heal_surrogates, join_parts
from telecore.udh import Concat

KEY = ConcatKey("+85512345678", 7, 3)


def test_parts_in_any_order_and_more_than_once():
    parts = Reassembler()
    assert parts.add(KEY, 3, "c", 0.0) is None
    assert parts.add(KEY, 1, "a", 1.0) is None
    assert parts.add(KEY, 3, "c", 2.0) is None
    assert len(parts) == 1
    assert parts.add(KEY, 2, "b", 3.0) == "abc"
    assert len(parts) == 0
    assert parts.expire(1e9) == []


@given(st.lists(st.lists(st.text(max_size=5), min_size=1, max_size=5), min_size=1, max_size=5), st.integers())
def test_interleaved_messages_stay_apart(messages: list[list[str]], seed: int):
    pieces = [
        (ConcatKey("+1", reference, len(texts)), number, text)
        for reference, texts in enumerate(messages)
        for number, text in enumerate(texts, 1)
        for _ in range(2)
    ]
    random.Random(seed).shuffle(pieces)
    parts, whole = Reassembler(), {}
    for key, number, text in pieces:
        if key in whole:
            continue  # a part of a finished message, come again: whoever stores parts knows it by its PDU
        made = parts.add(key, number, text, 0.0)
        if made is not None:
            whole[key] = made
    assert whole == {ConcatKey("+1", r, len(texts)): "".join(texts) for r, texts in enumerate(messages)}


def test_sender_reference_total_and_kind_tell_messages_apart():
    parts = Reassembler()
    keys = [
        KEY,
        KEY._replace(sender="+85512345679"),
        KEY._replace(reference=8),
        KEY._replace(total=4),
        KEY._replace(wide=True),
    ]
    for key in keys:
        assert parts.add(key, 1, "x", 0.0) is None
    assert len(parts) == len(keys)


def test_the_key_of_a_part():
    assert ConcatKey.of("+1", Concat(0x1234, 2, 1, wide=True)) == ConcatKey("+1", 0x1234, 2, True)


def test_what_waits_too_long_comes_out_flagged():
    parts = Reassembler(lifetime_s=100)
    parts.add(KEY, 2, "b", 10.0)
    parts.add(KEY, 3, "c", 20.0)
    assert parts.expire(109.9) == []
    (partial,) = parts.expire(110.0)
    assert partial == Partial(KEY, {2: "b", 3: "c"})
    assert (partial.missing, partial.text) == ((1,), "[…]bc")
    assert (len(parts), parts.expire(999.0)) == (0, [])


def test_runs_of_missing_parts_are_one_gap():
    assert Partial(ConcatKey("+1", 1, 5), {1: "a", 4: "d"}).text == "a[…]d[…]"


def test_a_part_after_the_lifetime_begins_a_new_message():
    parts = Reassembler(lifetime_s=100)
    parts.add(KEY, 1, "a", 0.0)
    parts.add(KEY, 2, "b", 100.0)
    assert [partial.parts for partial in parts.expire(150.0)] == [{1: "a"}]
    assert len(parts) == 1


def test_a_reference_used_again_gives_the_older_message_up():
    parts = Reassembler()
    parts.add(KEY, 1, "old 1", 0.0)
    parts.add(KEY, 2, "old 2", 0.0)
    assert parts.add(KEY, 1, "new 1", 5.0) is None
    assert parts.add(KEY, 3, "new 3", 5.0) is None
    assert parts.add(KEY, 2, "new 2", 5.0) == "new 1new 2new 3"
    assert parts.expire(6.0) == [Partial(KEY, {1: "old 1", 2: "old 2"})]


@pytest.mark.parametrize("number", [0, 4, -1])
def test_a_number_outside_is_refused(number: int):
    with pytest.raises(ValueError, match="of 3"):
        Reassembler().add(KEY, number, "x", 0.0)


def test_surrogates_cut_in_two_are_joined_and_halves_replaced():
    assert join_parts(["a\ud83d", "\ude00b"]) == "a😀b"
    assert heal_surrogates("\ude00a\ud83d") == "\ufffda\ufffd"
    assert heal_surrogates("plain 😀") == "plain 😀"


@given(st.text(st.characters()))
def test_healed_text_can_be_stored(text: str):
    assert heal_surrogates(text).encode().decode() == heal_surrogates(text)
