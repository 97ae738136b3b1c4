from edge_agent.media.digits import LINGER_FRAMES, SAME_KEY_FRAMES, KeyCount, KeyEar, Witness
from telecore.audio.tone import dtmf_tone

MODEM, SOUND = Witness.MODEM, Witness.SOUND


def count(*reports):
    counter = KeyCount()
    return "".join(key for witness, key, frame in reports if counter.is_new(witness, key, frame))


def test_one_witness_is_believed():
    assert count((SOUND, "1", 0), (SOUND, "1", 9), (SOUND, "2", 18)) == "112"


def test_two_witnesses_of_one_key():
    assert count((SOUND, "1", 0), (MODEM, "1", 5)) == "1"
    assert count((MODEM, "1", 0), (SOUND, "1", 5)) == "1"


def test_two_witnesses_of_a_double_key_in_any_order():
    assert count((SOUND, "1", 0), (MODEM, "1", 4), (SOUND, "1", 9), (MODEM, "1", 13)) == "11"
    assert count((SOUND, "1", 0), (SOUND, "1", 9), (MODEM, "1", 10), (MODEM, "1", 14)) == "11"


def test_a_late_report_is_another_key():
    assert count((SOUND, "1", 0), (MODEM, "1", SAME_KEY_FRAMES + 1)) == "11"


def test_different_keys_are_different():
    assert count((SOUND, "1", 0), (MODEM, "2", 3), (MODEM, "1", 4), (SOUND, "2", 6)) == "12"


def frames(samples):
    return [samples[at : at + 320] for at in range(0, len(samples), 320)]


def test_sound_is_searched_only_when_it_is_wanted():
    ear = KeyEar()
    heard = "".join(ear.feed(frame, now, wanted=False) for now, frame in enumerate(frames(dtmf_tone("5"))))
    assert heard == ""
    assert ear._detector is None


def test_and_for_a_while_after_that():
    ear = KeyEar()
    ear.feed(bytes(320), 0, wanted=True)
    ear.feed(bytes(320), LINGER_FRAMES, wanted=False)
    assert ear._detector is not None
    ear.feed(bytes(320), LINGER_FRAMES + 1, wanted=False)
    assert ear._detector is None
