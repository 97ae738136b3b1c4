"""`--smsc`: the lab says where its SMPP port is and what may bind there."""

from __future__ import annotations

import asyncio

from simulator.__main__ import announcement, build, build_smsc
from simulator.options import parse
from simulator.smpp import codec
from simulator.smpp.codec import Header


async def test_the_announced_link_can_be_bound(tmp_path):
    options = parse(["--device-dir", str(tmp_path), "--modems", "0", "--smsc"])
    lab = build(options, asyncio.get_running_loop())
    smsc = build_smsc(lab.network)
    await smsc.start()
    try:
        where = announcement(lab, "http://x", [], smsc)["smsc"]
        assert len(where["numbers"]) == 2
        reader, writer = await asyncio.open_connection(where["host"], where["port"])
        login = f"{where['system_id']}\0{where['password']}\0\0".encode() + b"\x34\0\0\0"
        writer.write(Header(codec.BIND_TRANSCEIVER, 0, 1, login).pack())
        (answer,) = codec.split_frames(bytearray(await reader.readexactly(16 + 9 + 5)))
        assert (answer.command, answer.status) == (codec.BIND_TRANSCEIVER | codec.RESPONSE, 0)
        writer.close()
    finally:
        await smsc.stop()


def test_without_it_there_is_none(tmp_path):
    assert not parse(["--device-dir", str(tmp_path)]).smsc
