"""What each family does in its own way: registering, early media, false answers, where the caller's number stands."""

from __future__ import annotations

import asyncio
import re

import pytest

from simulator.calls import CallState
from simulator.sip import digest
from simulator.sip.families import MANNERS
from simulator.sip.manner import Manner
from simulator.sip.message import Spelling
from tests.fakes.gateway_box import ANSWERS, FREE, LINE1, LINE2, Box, a_box, quick, until, waits
from tests.fakes.sip_party import level

CALLED_IN = {
    "goip": ("From", f"sip:{FREE}@"),
    "dinstar": ("From", f"sip:{FREE}@"),
    "plain": ("From", f"sip:{FREE}@"),
    "openvox": ("From", f"sip:{FREE}@"),
    "yeastar": ("P-Asserted-Identity", f"<sip:{FREE}@"),
    "synway": ("Remote-Party-ID", f"<sip:{FREE}@"),
    "portech": ("From", f'"{FREE}" <sip:gateway1-1@'),
}
BEFORE_200 = {
    "plain": [180],
    "goip": [183, 180],
    "dinstar": [183],
    "yeastar": [183, 180],
    "openvox": [180],
    "synway": [183],
    "portech": [],
}


async def provisional(box: Box) -> list[int]:
    seen: list[int] = []
    while True:
        response = await box.party.expect(180, 183, 200)
        if response.status == 200:
            return seen
        seen.append(response.status)


@pytest.mark.parametrize("family", MANNERS)
async def test_what_is_said_before_the_answer(family: str) -> None:
    async with a_box(family, registers=False) as box:
        box.party.invite(box.at, ANSWERS)
        assert await provisional(box) == BEFORE_200[family]


@pytest.mark.parametrize("family", MANNERS)
async def test_where_the_callers_number_stands(family: str) -> None:
    async with a_box(family, registers=False) as box:
        assert box.network.handsets[FREE].dial(LINE1)
        invite = await box.party.expect("INVITE")
        header, number = CALLED_IN[family]
        assert number in invite.get(header)
        if header != "From":
            assert "sip:gateway1-1@" in invite.get("From")
        assert invite.start.startswith("INVITE sip:gateway1-1@")


@pytest.mark.parametrize("family", MANNERS)
async def test_a_caller_that_hides(family: str) -> None:
    async with a_box(family, registers=False) as box:
        assert box.network.handsets[FREE].dial(LINE1, withheld=True)
        invite = await box.party.expect("INVITE")
        assert FREE not in invite.text
        assert "anonymous" in invite.text.lower()


async def test_183_has_the_description_and_ringing_is_heard_before_the_answer() -> None:
    async with a_box("goip", registers=False) as box:
        box.handset(answer_after_s=0.6)
        box.party.invite(box.at, ANSWERS)
        early = await box.party.expect(183)
        assert early.rtp_port
        ringing = await box.party.expect(180)
        assert ringing.body == ""
        answer = await box.party.expect(200)
        assert answer.body == early.body
        assert level(box.party.sound.heard(), 400) > -30  # of 425 Hz at -20, which lies between two of the meter's
        assert len(box.party.sound.packets) > 20
        sources = {source for _, _, _, source, _ in box.party.sound.packets}
        await until(lambda: len({packet[3] for packet in box.party.sound.packets}) > len(sources))


async def test_a_180_without_description_brings_no_sound() -> None:
    async with a_box("plain") as box:
        box.handset(answer_after_s=0.4)
        box.party.invite(box.at, ANSWERS)
        await box.party.expect(180)
        await box.party.expect(200)
        assert len(box.party.sound.packets) <= 1


async def test_a_false_answer_is_a_200_while_it_rings() -> None:
    async with a_box("portech", registers=False) as box:
        box.handset(answer_after_s=0.5)
        dialogue = await box.party.call(box.at, ANSWERS)
        assert box.call.state is CallState.RINGING
        await until(lambda: box.call.state is CallState.ANSWERED)
        await box.party.nothing(200, for_s=0.2)
        dialogue.send("BYE")
        await box.party.expect(200)


async def test_after_a_false_answer_a_failed_call_ends_with_a_bye() -> None:
    async with a_box("portech", registers=False) as box:
        box.handset(on_call="reject", answer_after_s=0.3)
        await box.party.call(box.at, ANSWERS)
        await box.party.expect("BYE")


@pytest.mark.parametrize(("family", "length"), [("synway", 40), ("plain", 20)])
async def test_how_much_sound_goes_into_a_packet(family: str, length: int) -> None:
    async with a_box(family, registers=False) as box:
        body = box.party.sdp().replace("a=sendrecv", f"a=ptime:{length}\r\na=sendrecv")
        await box.party.call(box.at, ANSWERS, body=body)
        await until(lambda: len(box.party.sound.packets) > 12)
        assert {len(packet[4]) for packet in box.party.sound.packets[8:]} == {length * 8}


async def test_how_messages_are_spelt() -> None:
    async with a_box("goip", registers=False) as box:
        box.party.options(box.at)
        got = await box.party.expect(200)
        assert "Content-Length:    0\r\n" in got.text
    async with a_box(quick("portech", spelling=Spelling(bare_lf=True)), registers=False) as box:
        await box.party.call(box.at, ANSWERS)
        assert b"\r\n" not in box.party.raw[0].partition(b"\n\n")[0]
        assert ";transport=UDP>" in box.party.seen[-1].get("Contact")


def test_a_family_is_known_by_its_name() -> None:
    assert all(manner.name == name for name, manner in MANNERS.items())
    assert {"goip", "dinstar", "yeastar", "openvox", "synway", "portech", "plain"} == set(MANNERS)


# ----------------------------------------------------------------------------------------- registering


async def test_each_line_of_a_goip_registers_from_a_port_of_its_own() -> None:
    async with a_box("goip", lines=2, registers=True) as box:
        first, second = await box.register(2)
        assert {first.get("From").split("@")[0], second.get("From").split("@")[0]} == {
            "<sip:gateway1-1",
            "<sip:gateway1-2",
        }
        assert first.source != second.source
        assert box.gateway.switch.registered(box.gateway.lines[1])
        await box.party.call(("127.0.0.1", box.gateway.switch.ports["gateway1-2"]), ANSWERS)
        assert box.call.caller.number == LINE2


async def test_lines_of_a_dinstar_share_a_port() -> None:
    async with a_box("dinstar", lines=2, registers=True) as box:
        first, second = await box.register(2)
        assert first.source == second.source
        assert first.get("Contact") != second.get("Contact")


@pytest.mark.parametrize("family", [name for name, manner in MANNERS.items() if manner.registers])
@pytest.mark.parametrize(
    ("status", "challenge", "credentials"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
async def test_a_challenge_is_answered_in_the_familys_dialect(
    family: str, status: int, challenge: str, credentials: str
) -> None:
    async with a_box(family, registers=True) as box:
        first = await box.party.expect("REGISTER")
        box.party.answer(first, status, f'{challenge}: Digest realm="sim", nonce="n1", qop="auth", algorithm=MD5')
        second = await box.party.expect("REGISTER")
        value = second.get(credentials)
        dialect = MANNERS[family].digest
        assert ('username="gateway1-1"' in value) is dialect.quoted
        assert ("uri=" in value) is dialect.uri
        assert ("algorithm=" in value) is dialect.algorithm
        assert ("qop=" in value) is dialect.qop
        account, uri = box.gateway.accounts[0], second.start.split()[1]
        assert proven(value, account, uri)
        assert not proven(value, digest.Account(account.user, "wrong"), uri)
        kept = MANNERS[family].cseq_kept
        assert (second.get("CSeq") == first.get("CSeq")) is kept
        assert second.get("Call-ID") == first.get("Call-ID")
        box.party.answer(second, 200, f"Contact: {second.get('Contact')};expires=60")
        await until(lambda: box.gateway.switch.registered(box.gateway.lines[0]))


def proven(value: str, account: digest.Account, uri: str) -> bool:
    """By the digest's definition, written out."""
    from hashlib import md5

    def h(text: str) -> str:
        return md5(text.encode(), usedforsecurity=False).hexdigest()

    said = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^",\s]+))', value)}
    secret, what = h(f"{account.user}:{said['realm']}:{account.password}"), h(f"REGISTER:{uri}")
    counted = f"{said['nc']}:{said['cnonce']}:auth:" if "qop" in said else ""
    return said["response"] == h(f"{secret}:{said['nonce']}:{counted}{what}")


async def test_a_wrong_password_is_not_tried_at_once_again_but_later() -> None:
    async with a_box(waits("dinstar", register_again=0.2), registers=True) as box:
        for number in range(2):
            first = await box.party.expect("REGISTER")
            box.party.answer(first, 401, f'WWW-Authenticate: Digest realm="sim", nonce="n{number}"')
            second = await box.party.expect("REGISTER")
            box.party.answer(second, 401, f'WWW-Authenticate: Digest realm="sim", nonce="n{number}"')
            await box.party.nothing("REGISTER", for_s=0.1)
        assert box.gateway.switch.registered(box.gateway.lines[0]) is False


async def test_it_renews_in_time_and_goes_with_a_word() -> None:
    async with a_box("dinstar", registers=True) as box:
        await box.register(expires=1)
        again = await box.party.expect("REGISTER", limit=2)
        box.party.answer(again, 200, f"Contact: {again.get('Contact')};expires=60")
        await asyncio.sleep(0.05)
        await box.gateway.switch.leave()
        last = await box.party.expect("REGISTER")
        assert last.get("Expires") == "0"


async def test_a_registrar_that_is_silent_is_asked_again() -> None:
    async with a_box(waits("goip", register_again=0.1, request=0.25, t1=0.05), registers=True) as box:
        calls = {(await box.party.expect("REGISTER")).get("CSeq") for _ in range(6)}
        assert len(calls) >= 2


async def test_a_line_that_is_not_registered_takes_no_calls() -> None:
    async with a_box("goip", registers=True) as box:
        assert box.network.handsets[FREE].dial(LINE1)
        await until(lambda: box.network.exchange.calls and box.call.state is CallState.ENDED)
        assert box.call.cause == 27


async def test_an_invite_of_ours_is_challenged_and_comes_again() -> None:
    async with a_box("goip", registers=False) as box:
        assert box.network.handsets[FREE].dial(LINE1)
        first = await box.party.expect("INVITE")
        box.party.answer(first, 401, 'WWW-Authenticate: Digest realm="sim", nonce="n1"')
        await box.party.expect("ACK")
        second, ack = await box.party.take_call()
        assert second.get("Authorization")
        assert ack.get("CSeq").split()[0] == second.get("CSeq").split()[0]
        await until(lambda: box.call.state is CallState.ANSWERED)


async def test_four_octets_keep_the_way_open() -> None:
    async with a_box("goip", registers=True) as box:
        await until(lambda: bytes(4) in box.party.raw)


# ----------------------------------------------------------------------------------------- power


@pytest.mark.parametrize("family", ["goip", "dinstar", "yeastar"])
async def test_a_box_that_vanishes_says_nothing_and_comes_back_where_it_was(family: str) -> None:
    async with a_box(family, lines=2, registers=False) as box:
        port, where = box.at, box.gateway.tongue.where if box.gateway.tongue else None
        await box.party.call(port, ANSWERS)
        fault = box.fault("gateway_down", LINE2)
        assert box.call.cause == 27
        await box.party.nothing("BYE", for_s=0.1)
        sound = len(box.party.sound.packets)
        box.party.options(port)
        await box.party.nothing(200, for_s=0.1)
        assert len(box.party.sound.packets) == sound
        assert not box.gateway.up
        assert not any(line.in_service for line in box.gateway.lines)
        box.network.faults.end(fault)
        await until(lambda: box.gateway.up)
        await box.in_service()
        assert box.at == port
        assert (box.gateway.tongue.where if box.gateway.tongue else None) == where
        await box.party.call(port, ANSWERS)


async def test_power_that_flickers() -> None:
    async with a_box("goip", registers=True) as box:
        await box.register()
        for _ in range(20):
            box.network.faults.end(box.fault("gateway_down"))
            await asyncio.sleep(0)
        fault = box.fault("gateway_down")
        await asyncio.sleep(0.2)
        assert not box.gateway.up
        assert not any(line.in_service for line in box.gateway.lines)
        box.network.faults.end(fault)
        await until(lambda: box.gateway.up)
        await box.in_service()
        await box.register()


async def test_two_faults_at_once_are_over_when_both_are() -> None:
    async with a_box("plain") as box:
        first, second = box.fault("gateway_down"), box.fault("gateway_down", LINE1)
        box.network.faults.end(first)
        await asyncio.sleep(0.2)
        assert not box.gateway.up
        box.network.faults.end(second)
        await until(lambda: box.gateway.up)


def test_a_manner_of_ones_own() -> None:
    manner: Manner = quick("goip", status=603)
    assert (manner.status, MANNERS["goip"].status) == (603, 480)


# ----------------------------------------------------------------------------------------- MESSAGE


async def test_sms_come_as_message_until_they_are_acknowledged() -> None:
    async with a_box(waits("plain", register_again=0.1, t1=0.05)) as box:
        box.network.handsets[FREE].send(LINE1, "ភាសាខ្មែរ " * 20)
        box.network.handsets[FREE].send(LINE1, "second")
        first = await box.party.expect("MESSAGE")
        assert (await box.party.expect("MESSAGE")).text == first.text
        assert first.start.startswith("MESSAGE sip:gateway1-1@")
        assert f"<sip:{FREE}@" in first.get("From")
        assert first.body == "ភាសាខ្មែរ " * 20
        box.party.answer(first, 503)
        await asyncio.sleep(0.02)
        again = await box.party.expect("MESSAGE")
        while again.get("Via") == first.get("Via"):
            again = await box.party.expect("MESSAGE")
        assert again.get("Call-ID") == first.get("Call-ID")
        box.party.answer(again, 200)
        second = await box.party.expect("MESSAGE")
        while second.get("Call-ID") == first.get("Call-ID"):
            second = await box.party.expect("MESSAGE")
        assert second.body == "second"
        box.party.answer(second, 200)


async def test_sms_that_no_agent_took_are_kept_while_the_box_is_off() -> None:
    async with a_box(waits("plain", register_again=0.1, t1=0.05)) as box:
        box.network.handsets[FREE].send(LINE1, "kept")
        await box.party.expect("MESSAGE")
        box.network.faults.end(box.fault("gateway_down"))
        await until(lambda: box.gateway.up)
        while not box.party.inbox.empty():
            box.party.inbox.get_nowait()
        assert (await box.party.expect("MESSAGE")).body == "kept"
