"""Hostile and broken input, from the wire to the disk: a value or an error of ours, within bounded memory."""

from __future__ import annotations

import asyncio
import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.contracts import OutboundSms
from edge_agent.drivers.at_modem.dialogue import Dialogue, Priority
from edge_agent.drivers.at_modem.grammar import Grammar
from edge_agent.drivers.at_modem.inbox import Inbox, part_of
from edge_agent.drivers.at_modem.pdu import Deliver, Report, decode
from edge_agent.drivers.at_modem.profile import AtProfile
from edge_agent.drivers.at_modem.sms import AtSms
from edge_agent.spool import parts
from edge_agent.spool.schema import migrate
from simulator.pdu import UserData, encode_deliver, encode_smsc, encode_status_report
from telecore.codec import encode
from telecore.errors import RemoteProtocolError
from telecore.sms import heal_surrogates
from telecore.udh import Udh

TO = "+85512345678"
CHANNEL = "site-1/modem1"
SMSC = encode_smsc("+85510999999")


def deliver(content, sender=TO):
    return SMSC + encode_deliver(sender, 1_780_000_000.0, content)


SEEDS = (
    deliver(UserData(0, "hello@ €")),
    deliver(UserData(0, "long", b"", bytes.fromhex("080412340201"))),
    deliver(UserData(8, "\u1797\U0001f600", b"", bytes.fromhex("00030c0202"))),
    deliver(UserData(0xF5, "", b"\x00\xff", bytes.fromhex("05040b8423f0"))),
    deliver(UserData(0x10, "flash"), sender="Bank 24"),
    SMSC + encode_status_report(5, TO, 1_780_000_000.0, 1_780_000_060.0, 0x30),
)


@st.composite
def damaged(draw):
    """A PDU as a modem tells it, with octets changed, lost, or too many."""
    octets = bytearray(draw(st.sampled_from(SEEDS)))
    for at, value in draw(st.lists(st.tuples(st.integers(0, len(octets) - 1), st.integers(0, 255)), max_size=4)):
        octets[at] = value
    return bytes(octets[: draw(st.integers(0, len(octets)))]) + draw(st.binary(max_size=4))


@pytest.fixture(scope="module")
def db():
    connection = sqlite3.connect(":memory:", isolation_level=None)
    migrate(connection)
    yield connection
    connection.close()


@settings(max_examples=400)
@given(damaged())
def test_a_damaged_pdu_is_a_value_that_can_be_kept_or_one_error(db, octets):
    try:
        decoded = decode(octets.hex())
    except RemoteProtocolError:
        return
    if isinstance(decoded, Report):
        assert 0 <= decoded.status <= 0xFF
        decoded.recipient.encode()
    if isinstance(decoded, Deliver):
        event = parts.store(db, part_of(CHANNEL, decoded, octets.hex()), None, 0.0)
        if event is not None:
            json.dumps(encode(event)).encode()
        heal_surrogates(decoded.body).encode()
        decoded.sender.encode()


@given(st.binary(max_size=160))
def test_any_header(octets):
    try:
        udh, length = Udh.parse(octets)
    except RemoteProtocolError:
        return
    assert 1 <= length <= len(octets)
    assert udh.concat is None or 1 <= udh.concat.number <= udh.concat.total <= 255
    assert udh.destination_port is None or 0 <= udh.destination_port <= 0xFFFF


@given(st.text(max_size=80))
def test_what_is_no_hex(text):
    try:
        decode(text)
    except RemoteProtocolError:
        return
    bytes.fromhex(text)


async def test_a_flood_of_notices_is_bounded_and_ends_in_a_list(port, core, until):
    dialogue = Dialogue(port, Grammar.of())
    inbox = Inbox(dialogue, AtProfile(), CHANNEL)
    dialogue.on_urc = inbox.on_urc
    for index in range(1500):
        port.modem.urc(f'+CMTI: "SM",{index}')
    await until(lambda: inbox._sweep)
    assert len(inbox._places) <= 1000
    port.modem.stores["SM"][1499] = deliver(UserData(0, "in the flood")).hex().upper()
    await inbox.prepare()
    running = asyncio.ensure_future(inbox.run(core))
    await until(lambda: [part.body for part in core.parts] == ["in the flood"], 20)
    running.cancel()


async def test_an_endless_line_holds_nothing_up(port):
    dialogue = Dialogue(port, Grammar.of())
    for _ in range(100):
        port.modem.send(b"\xa5" * 10_000)
    port.modem.answers["AT+CSQ"] = "+CSQ: 20,99\r\n\r\nOK"
    dialogue.resynchronise()
    assert await dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 20,99",)


@pytest.mark.parametrize("prompt", [b"\r\n> ", b"\r\n>", b"> ", b">", b"\r\n>\r\n", b"\r\n> \r\n", b"\r\n>  "])
@pytest.mark.parametrize("echo", [False, True])
async def test_prompts_and_echo(port, prompt, echo):
    modem = port.modem
    modem.prompt = prompt
    if echo:
        receive = modem.receive

        def with_echo(data):
            modem.send(data)
            receive(data)

        modem.receive = with_echo
    refs = []

    async def note(ref):
        refs.append(ref.ref)

    sms = AtSms(Dialogue(port, Grammar.of()), AtProfile(timeouts={"CMGS": 1.0, "CMGS_prompt": 0.5}))
    await sms.submit(OutboundSms(TO, "hello"), 0, note)
    await sms.submit(OutboundSms(TO, "x" * 200), 0, note)
    assert refs == [7, 7, 7]
    assert all(body.startswith("0021") or body.startswith("0061") for body in modem.bodies)
