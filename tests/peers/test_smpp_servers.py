"""SMPP servers of others, bound as a transceiver, which Kannel's own test server does not do.

smpp34 (Rust) and smpp.twisted3 (the engine inside Jasmin) are no dependencies: ``scripts/peers smpp`` brings them into
an environment of their own; SIMFERRY_SMPP_PEERS may name another Python that has them.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from telecore.errors import DeviceRefused
from tests.fakes.smpp_site import HANDSET, NUMBERS, running, until
from tests.peers.test_kannel import free_ports, listens

FETCHED = Path(__file__).parents[2] / ".peers" / "smpp" / "bin" / "python"
PYTHON = os.environ.get("SIMFERRY_SMPP_PEERS") or (str(FETCHED) if FETCHED.exists() else "")
pytestmark = pytest.mark.skipif(not PYTHON, reason="no SMPP servers of others: run `scripts/peers smpp`")

RUST = """
import asyncio, sys, smpp34

async def main():
    server, esme, count = smpp34.Server("127.0.0.1", int(sys.argv[1])), None, 0
    await server.start()
    while True:
        event = await server.next()
        if isinstance(event, smpp34.Esme):
            esme = event
        elif isinstance(event, smpp34.SubmitSmEvent):
            count += 1
            payload = [tlv.value for tlv in event.tlvs if tlv.tag == smpp34.TLV_MESSAGE_PAYLOAD]
            body = event.short_message or b"".join(payload)
            print(event.destination_addr, event.esm_class, event.data_coding, body.hex(), flush=True)
            event.accept("%04X" % count)
            receipt = f"id:{count:010d} sub:001 dlvrd:001 done date:2611261705 stat:DELIVRD err:000"
            ends = dict(source_addr=event.destination_addr, source_addr_ton=1, source_addr_npi=1, dest_addr_ton=1,
                dest_addr_npi=1)
            try:
                await esme.deliver_sm(event.source_addr, receipt.encode(), esm_class=4, **ends)
                await esme.deliver_sm(event.source_addr, b"back", **ends)
            except smpp34.SmppError:
                pass  # he has left

asyncio.run(main())
"""

TWISTED = """
import sys
from smpp.pdu.operations import DeliverSM
from smpp.pdu.pdu_types import *
from smpp.twisted.config import SMPPServerConfig
from smpp.twisted.protocol import DataHandlerResponse
from smpp.twisted.server import SMPPServerFactory
from twisted.cred.checkers import InMemoryUsernamePasswordDatabaseDontUse
from twisted.cred.portal import Portal
from twisted.internet import reactor
from smpp.twisted.server import IAuthenticatedSMPP

class Realm:
    def requestAvatar(self, name, mind, *interfaces):
        return IAuthenticatedSMPP, name, lambda: None

class Checker(InMemoryUsernamePasswordDatabaseDontUse):
    def requestAvatarId(self, given):
        from twisted.cred.error import UnauthorizedLogin
        if (given.username, given.password) != ("simferry", "ferry123"):
            raise UnauthorizedLogin()
        return given.username

count = 0
def handle(system_id, session, pdu):
    global count
    count += 1
    number, params = count, pdu.params
    body = params["short_message"] or params.get("message_payload") or b""
    flags = 0x40 if params["esm_class"].gsmFeatures else 0
    print(params["destination_addr"].decode(), flags, 0, body.hex(), flush=True)
    ends = dict(source_addr_ton=AddrTon.INTERNATIONAL, source_addr_npi=AddrNpi.ISDN,
        source_addr=params["destination_addr"], dest_addr_ton=AddrTon.INTERNATIONAL, dest_addr_npi=AddrNpi.ISDN,
        destination_addr=params["source_addr"])
    text = f"id:{number:010d} sub:001 dlvrd:001 done date:2611261705 stat:DELIVRD err:000"
    receipt = DeliverSM(short_message=text.encode(), receipted_message_id=f"{number:04X}",
        message_state=MessageState.DELIVERED,
        esm_class=EsmClass(EsmClassMode.DEFAULT, EsmClassType.SMSC_DELIVERY_RECEIPT), **ends)
    def later():
        session.sendDataRequest(receipt)
        session.sendDataRequest(DeliverSM(short_message=b"back", **ends))
    reactor.callLater(0.05, later)
    return DataHandlerResponse(status=CommandStatus.ESME_ROK, message_id=f"{number:04X}")

checker = Checker()
portal = Portal(Realm())
from twisted.cred.credentials import IUsernamePassword
portal.registerChecker(checker, IUsernamePassword)
config = SMPPServerConfig(systems={"simferry": {"max_bindings": 2}}, msgHandler=handle)
reactor.listenTCP(int(sys.argv[1]), SMPPServerFactory(config, portal), interface="127.0.0.1")
reactor.run()
"""


@contextmanager
def server(script, folder):
    """One of them on a free port; what it says of submits is in the file."""
    (port,), log = free_ports(1), folder / "server.log"
    with log.open("wb") as out, subprocess.Popen([PYTHON, "-c", script, str(port)], stdout=out, stderr=out) as process:
        try:
            yield port, log
        finally:
            process.kill()
            sys.stdout.write(log.read_text(errors="replace")[-4000:])


@pytest.mark.parametrize("script", [RUST, TWISTED], ids=["smpp34", "smpp.twisted3"])
async def test_a_transceiver_bind_both_ways(tmp_path, script):
    with server(script, tmp_path) as (port, log):
        await listens(port)
        async with running(port, enquire_s=0.2) as r:
            (ref,) = await r.submit("hello")
            await until(lambda: r.core.reports and r.core.parts)
            (report,) = r.core.reports
            assert ref.ref in (report.ref, *report.others)
            assert (report.status, report.recipient) == (0, HANDSET)
            assert (r.core.parts[0].body, r.core.parts[0].sender, r.core.parts[0].recipient) == (
                "back",
                HANDSET,
                NUMBERS[0],
            )
            refs = await r.submit("The quick brown fox. " * 15)
            assert len(refs) == 3
            await until(lambda: len(r.core.reports) == 4)
            lines = [line.split() for line in log.read_text().splitlines() if line.startswith("855")]
            assert lines[0] == [HANDSET[1:], "0", "0", b"hello".hex()]
            assert [line[1] for line in lines[1:]] == ["64"] * 3
        async with running(port, long="payload", numbers=NUMBERS) as r:
            assert len(await r.submit("The quick brown fox. " * 15)) == 1
            await until(lambda: r.core.reports)


async def test_a_wrong_password_at_jasmins_engine(tmp_path):
    with server(TWISTED, tmp_path) as (port, _):
        await listens(port)
        with pytest.raises(DeviceRefused) as refused:
            async with running(port, password="wrong"):
                pass
        assert refused.value.code == 0x0E
