"""An SMSC that answers every bind and submit at once, for ``smpp_submits``: the port on the first line, then serves.

It counts what it took, and tells the count on a line when its input says something.
"""

from __future__ import annotations

import asyncio
import itertools
import struct
import sys

_RESPONSE = 0x80000000
_SUBMIT, _ENQUIRE, _UNBIND = 4, 0x15, 6
_header = struct.Struct(">LLLL")


class Sink(asyncio.Protocol):
    """One customer."""

    taken = itertools.count(1)
    count = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._rest = b""

    def data_received(self, data: bytes) -> None:
        data, answers, at = self._rest + data, [], 0
        while len(data) - at >= 16:
            length, command, _, sequence = _header.unpack_from(data, at)
            if len(data) - at < length:
                break
            at += length
            body = b""
            if command == _SUBMIT:
                Sink.count += 1
                body = b"%d\0" % next(Sink.taken)
            elif command not in (_ENQUIRE, _UNBIND):
                body = b"SINK\0"
            answers.append(_header.pack(16 + len(body), command | _RESPONSE, 0, sequence) + body)
        self._rest = data[at:]
        self._transport.write(b"".join(answers))


async def main() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Sink, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while await reader.readline():
        print(Sink.count, flush=True)
    server.close()


if __name__ == "__main__" and sys.argv[1:] == ["serve"]:
    asyncio.run(main())
