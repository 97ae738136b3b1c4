"""What a call takes of the uplink (goal 4): bytes and segments as the kernel counts them, against RTP.

``python -m benchmarks.tunnel_bandwidth [seconds]``. Sound flows both ways over TLS; segments are held to 1448 bytes, as
on an Ethernet. Each segment is charged 52 bytes for IP and TCP; RTP is 160 + 12 + 8 + 20 bytes fifty times a second.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import sys
from pathlib import Path

from benchmarks.tunnel_ends import EDGE, connected
from benchmarks.tunnel_load import certificate
from benchmarks.tunnel_servers import NoBlobs

RTP_KBIT = (160 + 12 + 8 + 20) * 50 * 8 / 1000
HEADERS = 52
_SEGMENTS_OUT = 136  # struct tcp_info in linux/tcp.h
_BYTES_SENT = 200


def sent(sock: socket.socket) -> tuple[int, int]:
    """Bytes and segments sent so far, retransmissions and acknowledgements included."""
    info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return struct.unpack_from("=Q", info, _BYTES_SENT)[0], struct.unpack_from("=I", info, _SEGMENTS_OUT)[0]


async def measure(directory: Path, calls: int, frame_ms: int, seconds: float, payload: int | None = None) -> float:
    """kbit/s of one call, upwards, at IP level. ``payload`` is bytes of a frame; 8 per ms (G.711) unless told."""
    loop = asyncio.get_running_loop()
    frame = bytes(payload or 8 * frame_ms)
    async with connected((NoBlobs(), NoBlobs()), directory=directory) as ends:
        sock = ends.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1448)
        bytes_before, segments_before = sent(sock)
        began = loop.time()
        ticks = int(seconds * 1000 / frame_ms)
        for tick in range(ticks):
            for stream in range(calls):
                ends.uplink.send_media(stream, frame)
                ends.hub.send_media(EDGE, stream, frame)
            await asyncio.sleep(max(0.0, began + (tick + 1) * frame_ms / 1000 - loop.time()))
        bytes_after, segments_after = sent(sock)
    total = bytes_after - bytes_before + HEADERS * (segments_after - segments_before)
    return total * 8 / 1000 / (ticks * frame_ms / 1000) / calls


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    print(f"kbit/s per call upwards, IP level, TLS (RTP PCMU 20 ms: {RTP_KBIT:.1f})")
    with certificate() as directory:
        for calls in (1, 2, 4, 8, 16):
            figure = asyncio.run(measure(directory, calls, 20, seconds))
            print(f"  PCMU 20 ms, {calls:2} calls   {figure:6.1f}   x{figure / RTP_KBIT:.2f} of RTP", flush=True)
        figure = asyncio.run(measure(directory, 1, 60, seconds))
        rtp60 = (480 + 40) * 1000 / 60 * 8 / 1000
        print(f"  PCMU 60 ms,  1 call    {figure:6.1f}   x{figure / rtp60:.2f} of RTP at 60 ms ({rtp60:.1f})")
        opus = asyncio.run(measure(directory, 8, 20, seconds, payload=40))
        print(f"  16 kbit/s codec 20 ms, 8 calls {opus:6.1f}   x{opus / 32.0:.2f} of RTP (32.0)")


if __name__ == "__main__":
    main()
