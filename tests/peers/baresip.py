"""A handset without a sound card: baresip answers every call, says a file and keeps what it hears."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from telecore.audio.wav import read_wav, write_wav
from tests.fakes.ports import free_port
from tests.peers.program import path_of, running

MODULES = Path("/usr/lib/baresip/modules")
_CONFIG = """\
poll_method epoll
sip_listen 127.0.0.1:{port}
call_max_calls 8
audio_player aufile,{folder}/unused.wav
audio_source aufile,{folder}/says.wav
audio_alert aufile,{folder}/says.wav
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {rtp}-{rtp_end}
rtcp_mux no
jitter_buffer_delay 2-10
module_path {modules}
module aufile.so
module sndfile.so
module g711.so
module_app account.so
module_app menu.so
snd_path {folder}
"""


@dataclass(frozen=True, slots=True)
class Handset:
    """``log`` is what the program says, for instance of keys."""

    port: int
    folder: Path
    log: Path

    def heard(self) -> bytes:
        """All that came in its only call, s16le at 8 kHz; complete when the call is over."""
        (file,) = self.folder.glob("dump-*-dec.wav")
        return read_wav(file.read_bytes()).samples


@contextmanager
def handset(
    folder: Path, says: bytes, *, user: str = "handset", codec: str = "PCMA", rtp: int = 15_100
) -> Iterator[Handset]:
    """Registered with nobody, at a free port of 127.0.0.1. ``says``: s16le at 8 kHz."""
    port = free_port()
    (folder / "says.wav").write_bytes(write_wav(says))
    (folder / "config").write_text(
        _CONFIG.format(port=port, folder=folder, modules=MODULES, rtp=rtp, rtp_end=rtp + 100)
    )
    account = f"<sip:{user}@127.0.0.1:{port}>;regint=0;answermode=auto;audio_codecs={codec}/8000/1\n"
    (folder / "accounts").write_text(account)
    (folder / "contacts").write_text("\n")
    log = folder / "baresip.log"
    with running([path_of("baresip"), "-4", "-f", str(folder), "-n", "127.0.0.1"], log):
        yield Handset(port, folder, log)
