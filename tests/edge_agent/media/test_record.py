import asyncio
import random
import struct

import pytest

from edge_agent.media.leg import Leg
from edge_agent.media.record import CallRecording, Trimmer, VoiceRecording, interleave
from edge_agent.media.recorder import Recorder
from edge_agent.media.source import Samples
from telecore.audio.frames import FRAME_BYTES
from telecore.audio.mixing import mix
from telecore.audio.tone import dtmf_tone, silence, tone
from telecore.audio.wav import read_wav
from telecore.errors import StorageFailed
from telecore.ids import CallSid
from telecore.twiml.control import RecordSpec
from tests.fakes.blob_store import FolderBlobs
from tests.fakes.line import SILENCE, FakeVoiceCall, settle, still_clock, tick

CALL = CallSid("CA" + "0" * 32)
SPEECH = tone((300, 700), 1000)


@pytest.fixture
def blobs(tmp_path):
    return FolderBlobs(tmp_path)


@pytest.fixture
def recorder(blobs):
    recorder = Recorder(blobs)
    yield recorder
    recorder.close()


@pytest.fixture
def clock():
    return still_clock()


@pytest.fixture
def voice():
    voice = FakeVoiceCall()
    voice.pcm = voice.far
    return voice


@pytest.fixture
def leg(clock, voice):
    leg = Leg(clock, voice)
    leg.start()
    yield leg
    leg.close()


async def kept(recorder, blobs, sound):
    recording = await recorder.keep(CALL, sound)
    if recording is None:
        return None, b""
    data = blobs.path(recording.sha256).read_bytes()
    assert len(data) == recording.size
    return recording, data


async def test_what_is_said_is_kept_and_silence_ends_it(clock, voice, leg, recorder, blobs):
    recording = VoiceRecording(RecordSpec(timeout_s=1.0, trim_silence=False), recorder.open())
    voice.far.say(SPEECH)
    with leg.attached(recording):
        await tick(clock, 50 + 49)
        assert not recording.done.done()
        await tick(clock, 4)
    assert await recording.done == ""
    made, data = await kept(recorder, blobs, recording.sound)
    assert data[44 : 44 + len(SPEECH)] == SPEECH
    assert made.duration_s == pytest.approx(2.0, abs=0.1)
    assert read_wav(data).samples == data[44:]


async def test_trimmed_it_is_the_speech_and_a_margin(clock, voice, leg, recorder, blobs):
    recording = VoiceRecording(RecordSpec(timeout_s=2.0), recorder.open())
    voice.far.say(silence(1000) + SPEECH + silence(500) + SPEECH)
    with leg.attached(recording):
        await tick(clock, 50 * 6)
    assert recording.done.done()
    made, data = await kept(recorder, blobs, recording.sound)
    assert made.duration_s == pytest.approx(2.5, abs=0.45)
    assert SPEECH + silence(500) + SPEECH in data


async def test_silence_alone_is_no_recording(clock, leg, recorder, blobs, tmp_path):
    recording = VoiceRecording(RecordSpec(timeout_s=1.0), recorder.open())
    with leg.attached(recording):
        await tick(clock, 60)
    assert await recording.done == ""
    assert await kept(recorder, blobs, recording.sound) == (None, b"")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("keys", "pressed", "by"), [("1234567890*#", "5", "5"), ("#", "5#", "#")])
async def test_a_finish_key_ends_it(clock, voice, leg, recorder, blobs, keys, pressed, by):
    recording = VoiceRecording(RecordSpec(finish_on_key=keys), recorder.open())
    voice.far.say(SPEECH)
    with leg.attached(recording):
        await tick(clock, 30)
        for key in pressed:
            voice.far.speech = dtmf_tone(key)
            await tick(clock, 12)
    assert await recording.done == by
    assert (await kept(recorder, blobs, recording.sound))[0].duration_s > 0.5


@pytest.mark.parametrize("trim", [True, False])
async def test_the_key_itself_is_not_part_of_it(clock, voice, leg, recorder, blobs, trim):
    recording = VoiceRecording(RecordSpec(trim_silence=trim), recorder.open())
    voice.far.say(SPEECH + silence(500) + dtmf_tone("#", on_ms=200))
    with leg.attached(recording):
        await tick(clock, 85)
    assert await recording.done == "#"
    _, data = await kept(recorder, blobs, recording.sound)
    assert data[44 : 44 + len(SPEECH)] == SPEECH
    rest = data[44 + len(SPEECH) :]
    assert rest == bytes(len(rest))
    assert len(rest) == pytest.approx(3200 if trim else 8000, abs=640)


async def test_a_key_alone_is_no_recording(clock, voice, leg, recorder, blobs):
    recording = VoiceRecording(RecordSpec(), recorder.open())
    voice.far.say(silence(300) + dtmf_tone("#", on_ms=200))
    with leg.attached(recording):
        await tick(clock, 30)
    assert await recording.done == "#"
    assert await kept(recorder, blobs, recording.sound) == (None, b"")


async def test_it_is_no_longer_than_allowed(clock, voice, leg, recorder, blobs):
    recording = VoiceRecording(RecordSpec(max_length_s=0.5), recorder.open())
    voice.far.say(SPEECH)
    with leg.attached(recording):
        await tick(clock, 60)
    assert await recording.done == ""
    assert (await kept(recorder, blobs, recording.sound))[0].duration_s == 0.5


async def test_a_hang_up_keeps_what_was_said(clock, voice, leg, recorder, blobs):
    recording = VoiceRecording(RecordSpec(), recorder.open())
    voice.far.say(SPEECH)
    with leg.attached(recording):
        await tick(clock, 50)
    recording.hung_up()
    assert await recording.done == "hangup"
    assert (await kept(recorder, blobs, recording.sound))[1][44:] == SPEECH


async def test_a_silent_line_that_sends_no_frames_ends_by_silence(clock, voice, leg, recorder):
    voice.far.always_on = False
    recording = VoiceRecording(RecordSpec(timeout_s=0.5), recorder.open())
    with leg.attached(recording):
        await tick(clock, 30)
    assert await recording.done == ""
    await recording.sound.file.discard()


def noise(frames, seed):
    chance = random.Random(seed)
    count = frames * FRAME_BYTES // 2
    return struct.pack(f"<{count}h", *(chance.randrange(-9000, 9000) for _ in range(count)))


async def record_call(clock, voice, leg, recorder, said, played, channels, **options):
    recording = CallRecording(recorder.open(channels), **options)
    voice.far.say(said)
    leg.attach(recording)
    playing = asyncio.create_task(leg.play(Samples(played)))
    await settle()
    await tick(clock, 11)
    leg.detach(recording)
    await playing
    return recording


async def test_both_sides_of_a_call_in_two_channels(clock, voice, leg, recorder, blobs):
    said, played = noise(10, 1), noise(10, 2)
    recording = await record_call(clock, voice, leg, recorder, said, played, 2)
    made, data = await kept(recorder, blobs, recording.sound)
    assert made.channels == 2
    assert made.duration_s == pytest.approx(0.22)
    samples = struct.unpack(f"<{len(data[44:]) // 2}h", data[44:])
    left, right = struct.pack(f"<{len(samples) // 2}h", *samples[::2]), struct.pack("<1760h", *samples[1::2])
    # What is said in the first frame is there by the next tick only: one frame of delay.
    assert said in left
    assert right == played + SILENCE


async def test_both_sides_of_a_call_mixed(clock, voice, leg, recorder, blobs):
    said, played = noise(10, 1), noise(10, 2)
    recording = await record_call(clock, voice, leg, recorder, said, played, 1)
    _, data = await kept(recorder, blobs, recording.sound)
    mixed = data[44:]
    expected = mix((said[:FRAME_BYTES], played[FRAME_BYTES : 2 * FRAME_BYTES]))
    assert expected in mixed or mix((said[:FRAME_BYTES], played[:FRAME_BYTES])) in mixed


@pytest.mark.parametrize(("track", "which"), [("inbound", 0), ("outbound", 1)])
async def test_one_side_of_a_call(clock, voice, leg, recorder, blobs, track, which):
    sounds = noise(10, 1), noise(10, 2)
    recording = await record_call(clock, voice, leg, recorder, *sounds, 1, track=track)
    _, data = await kept(recorder, blobs, recording.sound)
    assert sounds[which] in data


async def test_a_long_recording_does_not_stay_in_memory(clock, recorder, blobs):
    file = recorder.open()
    trimmer = Trimmer(file, trim=False)
    for _ in range(3000):
        trimmer.write(SPEECH[:FRAME_BYTES], loud=True)
        assert len(file._pending) < 16000
    made, data = await kept(recorder, blobs, trimmer)
    assert made.duration_s == 60
    assert data[44:] == SPEECH[:FRAME_BYTES] * 3000


async def test_a_disk_that_refuses_is_logged_and_costs_the_recording_only(tmp_path, caplog):
    recorder = Recorder(FolderBlobs(tmp_path / "gone"))
    trimmer = Trimmer(recorder.open(), trim=False)
    for _ in range(60):
        trimmer.write(SPEECH[:FRAME_BYTES], loud=True)
    assert await recorder.keep(CALL, trimmer) is None
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    recorder.close()


@pytest.mark.parametrize("worth", [True, False])
@pytest.mark.parametrize("frames", [5, 60])
async def test_a_full_disk_costs_the_recording_and_keeps_nothing_of_it(recorder, blobs, frames, worth):
    trimmer = Trimmer(recorder.open(), trim=False)
    trimmer.file.path.symlink_to("/dev/full")
    for _ in range(frames):
        trimmer.write(SPEECH[:FRAME_BYTES], loud=True)
    assert await recorder.keep(CALL, trimmer if worth else trimmer.forget()) is None
    assert not trimmer.file.path.is_symlink()


async def test_what_cannot_be_added_is_not_kept_either(recorder, blobs, monkeypatch):
    async def refuse(source):
        raise StorageFailed("the disk is full")

    monkeypatch.setattr(blobs, "add", refuse)
    trimmer = Trimmer(recorder.open(), trim=False)
    trimmer.write(SPEECH[:FRAME_BYTES], loud=True)
    assert await recorder.keep(CALL, trimmer) is None
    assert not trimmer.file.path.exists()


def test_interleaving():
    left, right = struct.pack("<160h", *range(160)), struct.pack("<160h", *range(1000, 1160))
    both = struct.unpack("<320h", interleave(left, right))
    assert both[:4] == (0, 1000, 1, 1001)
    assert both[-2:] == (159, 1159)
