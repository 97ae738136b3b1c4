"""The SMPP device on a real connection to the simulated SMSC, in its moods."""

from __future__ import annotations

import asyncio
import itertools
import ssl
import subprocess
from contextlib import suppress
from dataclasses import replace
from random import Random

import pytest

from edge_agent.contracts import Heal
from edge_agent.drivers.gateway.smpp import SmppDevice
from simulator.smpp import codec as smsc_codec
from simulator.smpp.link import Manners
from telecore.errors import Busy, DeviceLost, DeviceRefused, OutcomeUnknown, StorageFailed
from telecore.model import ChannelState
from telecore.sms import count_segments
from tests.fakes.smpp_site import FAILING, HANDSET, NUMBERS, OTHER_HANDSET, running, settings, smsc, until

LONG = "The quick brown fox jumps over the lazy dog. " * 8


@pytest.mark.parametrize("bind", ["transceiver", "pair"])
async def test_both_ways_with_receipts(bind):
    async with smsc() as s, running(s.server.port, bind=bind) as r:
        assert r.device.channels[0].numbers == NUMBERS
        assert [status.state for status in r.core.radios] == [ChannelState.REGISTERED]
        assert r.device.identity.model == "SIMFERRY"
        (ref,) = await r.submit("hello")
        await until(lambda: r.core.reports)
        (report,) = r.core.reports
        assert (report.ref, report.status, report.recipient) == (ref.ref, 0, HANDSET)
        assert s.texts() == ["hello"]
        s.handset().send(NUMBERS[1], "back")
        await until(lambda: r.core.parts)
        (part,) = r.core.parts
        assert (part.sender, part.body, part.recipient) == (HANDSET, "back", NUMBERS[1])
        assert s.link.counters.delivered == 1


@pytest.mark.parametrize("long", ["udh", "payload", "sar"])
@pytest.mark.parametrize("text", [LONG, "សួស្តី 😀 " * 15])
async def test_long_messages_both_ways(long, text):
    async with smsc(Manners(deliver_by_sar=long == "sar")) as s, running(s.server.port, long=long) as r:
        refs = await r.submit(text)
        assert sum(ref.sms for ref in refs) == count_segments(text).segments
        await until(s.texts)
        assert s.texts() == [text]
        await until(lambda: len(r.core.reports) == len(refs))
        assert {report.ref for report in r.core.reports} == {ref.ref for ref in refs}
        s.handset().send(NUMBERS[0], text)
        await until(lambda: r.core.parts and len(r.core.parts) == r.core.parts[0].parts)
        assert "".join(part.body for part in sorted(r.core.parts, key=lambda part: part.part)) == text


async def test_flash_and_ports():
    async with smsc() as s, running(s.server.port) as r:
        carried, accept = [], s.network.smsc.accept

        def watched(parcel, delay=0.0):
            carried.append(parcel.content)
            accept(parcel, delay)

        s.network.smsc.accept = watched
        await r.submit("now", flash=True, report=False)
        await r.submit("app", port=2948, report=False)
        assert carried[0].coding == 0x10
        assert carried[1].header == bytes.fromhex("0504 0b84 0000")


@pytest.mark.parametrize(
    ("manners", "options"),
    [
        (Manners(tagged=False), {}),
        (Manners(tagged=False, marked=False), {}),
        (Manners(marked=False), {}),
        (Manners(response_id="{:X}", receipt_id="{:010d}", tagged=False), {}),
        (Manners(response_id="{:d}", receipt_id="{:08x}"), {}),
        (Manners(response_id="{:x}", receipt_id="{:d}"), {"receipt_ids": "response_hex"}),
        (Manners(response_id="{:d}", receipt_id="{:X}"), {"receipt_ids": "response_decimal"}),
        (Manners(response_id="{:08d}", receipt_id="{:d}"), {"receipt_ids": "same"}),
    ],
)
async def test_receipts_of_every_kind_name_their_submit(manners, options):
    async with smsc(manners) as s, running(s.server.port, **options) as r:
        s.link._ids = itertools.count(10_000_000)  # a small number may be hex and decimal of two messages
        refs = {}
        for number in range(20):
            (ref,) = await r.submit(str(number))
            refs[ref.ref] = number
        await until(lambda: len(r.core.reports) == 20)
        found = [next(refs[name] for name in (report.ref, *report.others) if name in refs) for report in r.core.reports]
        assert found == list(range(20))
        assert r.core.parts == []


async def test_a_message_that_cannot_be_delivered():
    async with smsc() as s, running(s.server.port) as r:
        await r.submit("x", to=FAILING)
        await until(lambda: r.core.reports)
        assert r.core.reports[0].status >= 0x40


async def test_a_receipt_that_overtakes_the_answer():
    async with smsc() as s, running(s.server.port) as r:
        s.fault("early_delivery_report", by_s=0.1)
        sending = asyncio.create_task(r.submit("x"))
        await until(lambda: r.core.reports)
        assert not sending.done()
        assert (await sending)[0].ref == r.core.reports[0].ref


async def test_refusals_carry_the_smscs_code():
    async with smsc() as s, running(s.server.port, numbers=("+85599999999",)) as r:
        with pytest.raises(DeviceRefused) as refused:
            await r.submit("x")
        assert (refused.value.kind, refused.value.code) == ("smpp", 0x0A)
        with pytest.raises(DeviceRefused):
            await r.submit("x", to="+123456789012345678901234567890")


async def test_a_throttling_smsc_is_left_alone_for_a_while():
    async with smsc() as s, running(s.server.port) as r:
        fault = s.fault("smsc_throttles")
        with pytest.raises(DeviceRefused) as refused:
            await r.submit("x")
        assert refused.value.code == 0x58
        service = r.device.channels[0].sms
        assert 0.5 < service.wait_s() <= 1.0
        s.network.faults.end(fault)
        began = asyncio.get_running_loop().time()
        await r.submit("y")
        assert asyncio.get_running_loop().time() - began > 0.5
        assert service.wait_s() == 0.0


async def test_a_validity_the_smsc_does_not_take_is_left_out():
    async with smsc() as s, running(s.server.port) as r:
        taken, refused = s.link.submit, []

        def submit(sm):
            if sm.validity:
                refused.append(sm.validity)
                return 0x62, ""
            return taken(sm)

        s.link.submit = submit
        await r.submit("x", validity_s=3600)
        await r.submit("y", validity_s=3600)
        assert refused == ["000000010000000R"]


async def test_an_answer_that_never_comes_leaves_the_outcome_unknown():
    async with smsc() as s, running(s.server.port, answer_s=0.2) as r:
        s.fault("smsc_answers_lost")
        with pytest.raises(OutcomeUnknown):
            await r.submit("x")
        await until(lambda: r.core.reports)
        assert s.texts() == ["x"]


async def test_when_the_line_is_cut_what_was_under_way_is_unknown_and_what_waited_is_not():
    async with smsc() as s, running(s.server.port, window=2) as r:
        s.fault("smsc_answers_lost")
        sending = [asyncio.create_task(r.submit(str(number), to=f"+8551200001{number}")) for number in range(4)]
        await until(lambda: s.link.counters.submits == 2)
        s.server.hang_up()
        errors = await asyncio.gather(*sending, return_exceptions=True)
        assert [type(error) for error in errors] == [OutcomeUnknown, OutcomeUnknown, Busy, Busy]
        with pytest.raises(DeviceLost):
            await r.task


async def test_a_full_disk_leaves_the_message_with_the_smsc():
    async with smsc() as s, running(s.server.port) as r:
        r.core.fails = StorageFailed("full")
        s.handset().send(NUMBERS[0], "keep me")
        await until(lambda: len(s.network.smsc.parcels) == 1)
        await asyncio.sleep(0.05)
        assert r.core.parts == []
        r.core.fails = None
        s.network.smsc.recipient_ready(NUMBERS[0])
        await until(lambda: r.core.parts)
        assert [part.body for part in r.core.parts] == ["keep me"]
        await until(lambda: not s.network.smsc.parcels)


async def test_a_delivery_is_not_answered_before_it_is_kept():
    async with smsc() as s, running(s.server.port) as r:
        r.core.hold = asyncio.Event()
        s.handset().send(NUMBERS[0], "slow disk")
        await asyncio.sleep(0.05)
        assert s.link.counters.delivered == 0
        r.core.hold.set()
        await until(lambda: s.link.counters.delivered == 1)


async def test_a_message_delivered_again_to_the_next_session_has_the_same_key():
    async with smsc() as s:
        async with running(s.server.port) as r:
            r.core.hold = asyncio.Event()
            s.handset().send(NUMBERS[0], "twice")
            await until(lambda: r.device._keeping)
            s.server.hang_up()
            r.core.hold.set()
            await until(lambda: r.core.parts)
        async with running(s.server.port) as again:
            await until(lambda: again.core.parts)
            assert again.core.parts[0].key == r.core.parts[0].key
            s.handset().send(NUMBERS[0], "twice")
            await until(lambda: len(again.core.parts) == 2)
            assert again.core.parts[1].key != r.core.parts[0].key


async def test_messages_that_waited_for_the_bind_come_in():
    async with smsc() as s:
        for number in range(5):
            s.handset().send(NUMBERS[0], f"early {number}")
        await asyncio.sleep(0.05)
        async with running(s.server.port) as r:
            await until(lambda: len(r.core.parts) == 5)


@pytest.mark.parametrize(("options", "code"), [({"password": "wrong"}, 0x0E), ({"system_id": "nobody"}, 0x0F)])
async def test_a_bind_that_is_refused(options, code):
    async with smsc() as s:
        device = SmppDevice(settings(s.server.port, **options))
        with pytest.raises(DeviceRefused) as refused:
            await device.open()
        assert refused.value.code == code
        assert "ferry123" not in repr(settings(s.server.port))
        await device.close()


async def test_nobody_there():
    async with smsc() as s:
        port = s.server.port
    device = SmppDevice(settings(port))
    with pytest.raises(DeviceLost, match="cannot be reached"):
        await device.open()
    await device.close()
    with pytest.raises(DeviceRefused):
        await device.heal(Heal.SOFT_RESET)


async def test_an_smsc_that_is_down_and_comes_back():
    async with smsc() as s:
        fault = s.fault("smsc_down")
        device = SmppDevice(settings(s.server.port))
        with pytest.raises(DeviceLost):
            await device.open()
        await device.close()
        s.network.faults.end(fault)
        async with running(s.server.port) as r:
            await r.submit("x")
            s.fault("smsc_down")
            with pytest.raises(DeviceLost):
                await r.task


async def test_an_smsc_that_says_nothing_any_more():
    async def mute(reader, writer):
        await reader.readexactly(16)
        writer.write(bytes.fromhex("00000015 80000009 00000000 00000001") + b"MUTE\0")
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    async with server, running(server.sockets[0].getsockname()[1], enquire_s=0.1, answer_s=0.1) as r:
        with pytest.raises(DeviceLost, match="enquire_link"):
            await r.task


async def test_the_smsc_takes_leave():
    async with smsc() as s, running(s.server.port) as r:
        for session in s.server.sessions:
            session.unbind()
        with pytest.raises(DeviceLost, match="unbind"):
            await r.task


async def test_we_take_leave():
    async with smsc() as s:
        async with running(s.server.port, bind="pair"):
            assert sorted(session.bound for session in s.server.sessions) == ["rx", "tx"]
        await until(lambda: not s.server.sessions)


async def test_as_many_as_the_window_and_one_commit_for_many():
    async with smsc() as s, running(s.server.port, window=3) as r:
        most = 0
        submit = s.link.submit

        def watched(sm):
            nonlocal most
            (connection,) = r.device._connections
            most = max(most, connection._link.submits)
            return submit(sm)

        s.link.submit = watched
        await asyncio.gather(*(r.submit(str(number), to=OTHER_HANDSET) for number in range(60)))
        assert most == 3
        service = r.device.channels[0].sms
        assert service.window == 36, "it answers at once, so more are begun than fly"
        r.device._connections[0].rtt_s = 0.2
        assert service.window == 3


async def test_the_contract_s_rate_is_kept():
    async with smsc() as s, running(s.server.port, submits_per_s=20.0) as r:
        began = asyncio.get_running_loop().time()
        await asyncio.gather(*(r.submit(str(number)) for number in range(16)))
        assert asyncio.get_running_loop().time() - began > 0.45
        assert r.device.channels[0].sms.window == 5


async def test_over_tls(tmp_path):
    key, certificate = tmp_path / "key.pem", tmp_path / "cert.pem"
    await asyncio.to_thread(
        subprocess.run,
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", str(key), "-out", str(certificate),
         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    async with smsc(tls=context) as s:
        async with running(s.server.port, tls=True, tls_ca=str(certificate)) as r:
            await r.submit("x")
        async with running(s.server.port, tls=True, tls_verify=False) as r:
            await r.submit("y")
        stranger = SmppDevice(settings(s.server.port, tls=True))
        with pytest.raises(DeviceLost, match=r"(?i)certificate"):
            await stranger.open()
        await stranger.close()
        assert s.texts() == ["x", "y"] or len(s.network.smsc.parcels)


async def test_a_certificate_file_that_is_not_there(tmp_path):
    device = SmppDevice(settings(1, tls=True, tls_ca=str(tmp_path / "no.pem")))
    with pytest.raises(DeviceRefused, match="cannot be read"):
        await device.open()
    await device.close()


async def test_an_smsc_that_writes_anything_harms_nobody():
    """Mutated deliveries, responses and lengths, in sessions that begin properly."""
    chance = Random(7)
    sample = smsc_codec.Sm(
        smsc_codec.Party("85512000010"), smsc_codec.Party(NUMBERS[0][1:]), b"hi", tags={1: b"x"}
    ).pack()

    def noise():
        body = bytearray(sample)
        for _ in range(chance.randrange(6)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        command = chance.choice(
            [4, 5, 5, 5, 0x103, 0x102, 0x15, 0x80000004, 0x80000000, 0x80000015, chance.getrandbits(32)]
        )
        frame = smsc_codec.Header(command, chance.choice([0, 0x58]), chance.randrange(9), bytes(body)).pack()
        return frame if chance.random() < 0.98 else chance.randbytes(40)

    async def strange(reader, writer):
        await reader.readexactly(16)
        writer.write(bytes.fromhex("00000015 80000009 00000000 00000001") + b"ODD!\0")
        writer.write(b"".join(noise() for _ in range(60)))
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(strange, "127.0.0.1", 0)
    ended = kept = 0
    async with server:
        for _ in range(7):
            async with running(server.sockets[0].getsockname()[1], answer_s=0.05) as r:
                submit = asyncio.create_task(r.submit("x"))
                await asyncio.sleep(0.005)
                kept += len(r.core.parts)
                if r.task.done():
                    assert isinstance(r.task.exception(), DeviceLost)
                    ended += 1
                submit.cancel()
                await asyncio.wait([submit])
    assert kept > 20, "what was good got through"
    assert 0 < ended <= 7


async def test_a_flood_that_the_disk_cannot_follow_waits_in_the_network():
    sm = smsc_codec.Sm(smsc_codec.Party("85512000010"), smsc_codec.Party(NUMBERS[0][1:]), b"")
    answered = 0

    async def flood(reader, writer):
        nonlocal answered
        await reader.readexactly(16)
        writer.write(bytes.fromhex("00000015 80000009 00000000 00000001") + b"FULL\0")
        for number in range(10_000):
            text = replace(sm, content=b"%d" % number).pack()
            writer.write(smsc_codec.Header(smsc_codec.DELIVER_SM, 0, number + 1, text).pack())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readexactly(17)
                answered += 1
        writer.close()

    server = await asyncio.start_server(flood, "127.0.0.1", 0)
    async with server, running(server.sockets[0].getsockname()[1]) as r:
        r.core.hold = asyncio.Event()
        await asyncio.sleep(0.3)
        assert len(r.device._keeping) < 6000, "what one read brings, and no more"
        assert answered <= 21
        r.core.hold.set()
        await until(lambda: len(r.core.parts) == 10_000, 20)
        assert [part.body for part in r.core.parts] == [str(number) for number in range(10_000)]
