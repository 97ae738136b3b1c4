import asyncio

import pytest

from edge_agent.media.clips import Clips, clips_of
from telecore.audio.g711 import l16_to_ulaw, ulaw_to_l16
from telecore.audio.tone import tone
from telecore.audio.wav import AudioFormatError, write_wav
from telecore.errors import NotFound, TunnelDown
from telecore.model import Clip
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.say import Say
from tests.fakes.blob_store import FolderBlobs, clip_of


class Cloud:
    def __init__(self, blobs):
        self.blobs = blobs
        self.files = {}
        self.asked = []

    async def fetch(self, clip):
        self.asked.append(clip.sha256)
        await asyncio.sleep(0)
        if clip.sha256 not in self.files:
            raise NotFound("no such clip")
        self.blobs.put(self.files[clip.sha256])

    def offer(self, samples):
        clip, data = clip_of(samples)
        self.files[clip.sha256] = data
        return clip


@pytest.fixture
def cloud(tmp_path):
    return Cloud(FolderBlobs(tmp_path))


def sound(freq):
    return ulaw_to_l16(l16_to_ulaw(tone((freq,), 100)))


async def test_a_clip_is_fetched_once_and_then_at_hand(cloud):
    clips = Clips(cloud.blobs, cloud.fetch)
    clip = cloud.offer(sound(400))
    assert await clips.get(clip) == sound(400)
    assert await clips.get(clip) is await clips.get(clip)
    assert cloud.asked == [clip.sha256]


async def test_one_in_memory_is_had_without_waiting(cloud):
    clips = Clips(cloud.blobs, cloud.fetch)
    clip = cloud.offer(sound(400))
    await clips.get(clip)
    with pytest.raises(StopIteration):
        clips.get(clip).send(None)


async def test_one_on_disk_is_not_fetched(cloud):
    clip = cloud.offer(sound(400))
    cloud.blobs.put(cloud.files[clip.sha256])
    assert await Clips(cloud.blobs, cloud.fetch).get(clip) == sound(400)
    assert cloud.asked == []


async def test_memory_is_bounded_and_the_longest_unused_goes(cloud):
    clips = Clips(cloud.blobs, cloud.fetch, keep_bytes=3 * len(sound(400)))
    offered = [cloud.offer(sound(freq)) for freq in (400, 500, 600, 700)]
    for clip in offered[:3]:
        await clips.get(clip)
    await clips.get(offered[0])
    await clips.get(offered[3])
    assert set(clips._kept) == {offered[0].sha256, offered[2].sha256, offered[3].sha256}
    assert clips._size == 3 * len(sound(400))


async def test_one_longer_than_all_memory_is_played_all_the_same(cloud):
    clips = Clips(cloud.blobs, cloud.fetch, keep_bytes=10)
    assert await clips.get(cloud.offer(sound(400))) == sound(400)
    assert clips._size == 0


async def test_what_cannot_be_had(cloud):
    clips = Clips(cloud.blobs, cloud.fetch)
    with pytest.raises(NotFound):
        await clips.get(Clip("0" * 64, 1, 1))


async def test_what_is_no_sound(cloud):
    sha256 = cloud.blobs.put(b"<html>")
    with pytest.raises(AudioFormatError):
        await Clips(cloud.blobs, cloud.fetch).get(Clip(sha256, 6, 1))


async def test_another_rate_is_brought_to_8000(cloud):
    sha256 = cloud.blobs.put(write_wav(bytes(3200), 16000))
    assert len(await Clips(cloud.blobs, cloud.fetch).get(Clip(sha256, 1, 1))) == 1600


async def test_prefetching_goes_on_after_one_that_cannot_be_had(cloud):
    clips = Clips(cloud.blobs, cloud.fetch)
    offered = [cloud.offer(sound(400)), Clip("0" * 64, 1, 1), cloud.offer(sound(500))]
    await clips.prefetch(offered)
    assert list(clips._kept) == [offered[0].sha256, offered[2].sha256]


async def test_a_tunnel_that_is_down_is_the_callers_business(cloud):
    async def fetch(clip):
        raise TunnelDown("no link")

    with pytest.raises(TunnelDown):
        await Clips(cloud.blobs, fetch).get(Clip("0" * 64, 1, 1))


def test_the_clips_of_a_page_in_the_order_in_which_they_are_heard():
    one, two, three = (Clip(str(n) * 64, 1, 1) for n in range(3))
    page = (Say("a", clip=one), Gather("http://x", prompts=(Say("b", clip=two), Pause(1))), Say("c", clip=three))
    assert list(clips_of(page)) == [one, two, three]
