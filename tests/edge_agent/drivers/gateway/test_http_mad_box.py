"""Boxes that answer anything to anything: their tongues say what is wrong, and nothing else happens."""

import asyncio
import json
import random
from contextlib import suppress

import pytest

from edge_agent.contracts import OutboundSms
from edge_agent.devices.gateways import TONGUES
from edge_agent.drivers.gateway.management import ManagementSettings
from telecore.errors import DeviceLost, TelecoreError
from telecore.ids import DeviceId
from tests.fakes.tongues import ANSWERS, KeepingCore, managed

OPTIONS = {
    "auth": "none", "timeout_s": "0.2", "sms_poll_s": "0.01", "job_poll_s": "0.01", "task_poll_s": "0.01",
    "ussd_poll_s": "0.01", "sms_limit_s": "0.1", "sms_search_s": "0.05", "ussd_s": "0.1", "off_s": "0.01",
}  # fmt: skip
ROW = {"port": 0, "number": "1", "text": "\ud83d;|E", "status": "SENT_OK", "user_id": "x", "ref_id": -5, "reg": 7}
BODIES = [
    b"", b"{}", b"[]", b"null", b"{", b"[" * 5000, b"<html>login</html>", b"\xff\xfe\x00{", b"1e999", b'"' * 999,
    *(json.dumps({"error_code": code, "sn": 5, "result": [ROW], "info": [ROW], "sms": [ROW], "reply": [ROW]}).encode()
      for code in (200, 202, 413, 500, 550, "200", None)),
    *(json.dumps({"result": "ok", "content": content}).encode()
      for content in ("total:9;portstate:0,1;", "taskid:5", "total:1;2026-05-04 10:00:00:1(C)(-1):1:x|E;", 5)),
    b"<status><l1_gsm_sim>Y</l1_gsm_sim></status>", b"<smskey1>x</smskey1><status1>DONE</status1>",
    b'sms= ["05-04 10:00:00,1,x", 5, null];',
]  # fmt: skip


class MadBox:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.kind = None

    async def serve(self, reader, writer):
        try:
            async with asyncio.timeout(1):
                await reader.readuntil(b"\r\n\r\n")
                writer.write(self.answer())
                await writer.drain()
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def answer(self):
        body = self.random.choice(BODIES)
        status = self.random.choice([200] * 8 + [202, 204, 301, 401, 403, 404, 413, 500, 999])
        length = max(0, len(body) + self.random.choice([0] * 9 + [-1, 3]))
        whole = b"HTTP/1.1 %d x\r\nContent-Length: %d\r\n\r\n" % (status, length) + body
        return self.random.choice([whole] * 9 + [whole[:20], self.random.randbytes(50)])


@pytest.mark.parametrize("tongue", ["dinstar", "goip_http", "synway"])
@pytest.mark.parametrize("seed", range(2))
async def test_anything_is_answered_by_an_error_of_ours(tongue, seed):
    box = MadBox(seed)
    server = await asyncio.start_server(box.serve, "127.0.0.1", 0)
    settings = ManagementSettings(
        DeviceId("gw"),
        "127.0.0.1",
        port=server.sockets[0].getsockname()[1],
        lines=managed(("1", "2")),
        poll_s=0.001,
        options=OPTIONS,
    )
    opened = served = asked = 0
    async with asyncio.timeout(20):
        while served < 2:
            management = TONGUES[tongue](settings)
            try:
                await management.open()
            except TelecoreError:
                await management.close()
                continue
            opened += 1
            run = asyncio.create_task(management.run(KeepingCore()))
            line = management.lines[0]
            for ask in (management.sms(line).submit(OutboundSms(ANSWERS, "x"), 0, taken), *ussd(management, line)):
                asked += 1
                with suppress(TelecoreError):
                    await ask
            with pytest.raises(DeviceLost):
                await run
            served += 1
            await management.close()
    server.close()
    assert opened >= 2
    assert asked >= 2


def ussd(management, line):
    service = management.ussd(line)
    return [] if service is None else [service.request("*100#"), service.cancel()]


async def taken(ref):
    """Some answers make it look like a success."""
