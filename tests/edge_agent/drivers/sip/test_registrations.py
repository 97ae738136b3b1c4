"""Lines that register with us, trunks we register with, OPTIONS, and SMS by MESSAGE."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import replace

import pytest

from edge_agent.contracts import VoiceEvent, VoiceEventKind
from edge_agent.drivers.sip import watch
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.message import Headers, Response
from edge_agent.drivers.sip.settings import Credentials, LineSettings, Registers
from telecore.errors import NoNetwork, StorageFailed, TimedOut
from tests.fakes.sip_site import (
    CALM,
    LINE1,
    LINE2,
    Heard,
    RawFarEnd,
    Site,
    answer,
    far_end,
    gateway,
    header,
    request,
    site,
    visit,
)

LINES = (
    LineSettings(LINE1, "goip01", Credentials("goip01", "s1")),
    LineSettings(LINE2, "goip02", Credentials("goip02", "s2")),
)
WITH_US = {"registers": Registers.WITH_US, "lines": LINES}


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def register(far: RawFarEnd, user: str, cseq: int, *lines: str, port: int | None = None) -> str:
    aor = f"<sip:{user}@127.0.0.1>"
    text = request(
        "REGISTER", far.port, *lines, uri="sip:127.0.0.1", sender=f"{aor};tag=r{user}", to=aor, call_id=f"r-{user}",
        cseq=cseq, branch=f"z9hG4bK{user}{cseq}",
    )  # fmt: skip
    return text.replace("sip:goip01@127.0.0.1:", f"sip:{user}@127.0.0.1:")


def proof(challenge: str, user: str, password: str, nc: int = 1, uri: str = "sip:127.0.0.1") -> str:
    found = re.search(r'realm="(.*?)", nonce="(.*?)"', challenge)
    assert found is not None
    realm, nonce = found.groups()
    ha1, ha2 = md5(f"{user}:{realm}:{password}"), md5(f"REGISTER:{uri}")
    response = md5(f"{ha1}:{nonce}:{nc:08x}:c:auth:{ha2}")
    return (
        f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
        f'response="{response}", qop=auth, nc={nc:08x}, cnonce="c"'
    )


async def registered(ours: Site, far: RawFarEnd, user: str, password: str, *lines: str) -> tuple[str, str]:
    """Its challenge and the 200."""
    far.send(register(far, user, 1, *lines), ours.port)
    challenge = header(await far.next("SIP/2.0 401"), "WWW-Authenticate")
    far.send(register(far, user, 2, *lines, proof(challenge, user, password)), ours.port)
    return challenge, await far.next("SIP/2.0 200")


async def test_lines_at_one_address_are_told_by_their_user() -> None:
    async with visit(**WITH_US) as (ours, far):
        with pytest.raises(NoNetwork):
            await ours.peer.voice(LINE1).dial("+85512345678", Heard())
        for user, password in (("goip01", "s1"), ("goip02", "s2")):
            _, ok = await registered(ours, far, user, password, "Expires: 60", "User-Agent: GoIP4")
            assert f"<sip:{user}@127.0.0.1:{far.port}>;expires=60" in header(ok, "Contact")
        state = await ours.told.until(LINE2, up=True)
        assert (state.reason, state.contact, state.user_agent) == ("registered", f"127.0.0.1:{far.port}", "GoIP4")
        far.send(
            request("INVITE", far.port, sender="<sip:012@127.0.0.1>;tag=1", uri="sip:goip02@x", body=""), ours.port
        )
        assert (await asyncio.wait_for(ours.told.calls.get(), 2)).channel == LINE2


async def test_a_call_goes_to_where_the_register_came_from_with_the_contact_as_its_uri() -> None:
    async with far_end() as second, visit(**WITH_US) as (ours, far):
        text = register(far, "goip01", 1).replace(f"127.0.0.1:{far.port}>", "192.168.1.7:5062>")
        far.send(text, ours.port)
        challenge = header(await far.next("SIP/2.0 401"), "WWW-Authenticate")
        again = register(second, "goip01", 2, proof(challenge, "goip01", "s1"))
        second.send(again.replace(f"<sip:goip01@127.0.0.1:{second.port}>", "<sip:goip01@192.168.1.7:5062>"), ours.port)
        await second.next("SIP/2.0 200")
        call = await ours.peer.voice(LINE1).dial("+85512345678", Heard())
        invite = await second.next("INVITE")
        assert invite.startswith("INVITE sip:+85512345678@192.168.1.7:5062 SIP/2.0")
        second.send(answer(invite, "486 Busy Here"), ours.port)
        await second.next("ACK")
        await call.hang_up()


async def test_expiry_withdrawal_and_what_is_too_brief() -> None:
    async with visit(**WITH_US) as (ours, far):
        challenge, _ = await registered(ours, far, "goip01", "s1", "Expires: 60")
        far.send(register(far, "goip01", 3, "Expires: 0", proof(challenge, "goip01", "s1", 2)), ours.port)
        await far.next("SIP/2.0 200")
        assert (await ours.told.until(LINE1, up=False)).reason == "it withdrew its registration"
        far.send(register(far, "goip01", 4, "Expires: 5", proof(challenge, "goip01", "s1", 3)), ours.port)
        assert header(await far.next("SIP/2.0 423"), "Min-Expires") == "10"
        far.send(register(far, "goip01", 5, "Expires: 60", proof(challenge, "goip01", "s1", 4)), ours.port)
        await far.next("SIP/2.0 200")
        binding = ours.peer.registrar.get("goip01", ours.stack.now())
        assert binding is not None
        ours.peer.registrar._bindings["goip01"] = replace(binding, expires_at=ours.stack.now())
        ours.told.states.clear()
        assert (await ours.told.until(LINE1, up=False)).reason == "its registration expired"


async def test_a_proof_is_good_once() -> None:
    async with visit(**WITH_US) as (ours, far):
        challenge, _ = await registered(ours, far, "goip01", "s1")
        far.send(register(far, "goip01", 3, proof(challenge, "goip01", "s1", 1)), ours.port)
        assert "stale=true" in header(await far.next("SIP/2.0 401"), "WWW-Authenticate")


async def test_wrong_password_and_unknown_line() -> None:
    tried: list[tuple[str, str]] = []
    async with visit(**WITH_US) as (ours, far):
        ours.stack.on_stranger = lambda address, what: tried.append((address, what))
        far.send(register(far, "goip01", 1), ours.port)
        challenge = header(await far.next("SIP/2.0 401"), "WWW-Authenticate")
        far.send(register(far, "goip01", 2, proof(challenge, "goip01", "wrong")), ours.port)
        await far.next("SIP/2.0 403")
        far.send(register(far, "nobody", 1), ours.port)
        await far.next("SIP/2.0 404")
        assert tried == [("127.0.0.1", "REGISTER with a wrong password")]
        assert ours.peer.state(LINE1).reason == "it registers with a wrong password"
        assert ours.peer.state(LINE2).reason == "not yet seen"
        assert not ours.peer.state(LINE1).up


async def test_a_gateway_that_roams_registers_from_anywhere_and_only_then_may_call() -> None:
    async with visit(**{**WITH_US, "host": ""}) as (ours, far):
        far.send(request("INVITE", far.port, body=""), ours.port)
        await far.next("SIP/2.0 403")
        await registered(ours, far, "goip01", "s1")
        far.send(request("INVITE", far.port, body="", call_id="c9", branch="z9hG4bK9"), ours.port)
        await far.next("SIP/2.0 180")


async def test_options_tell_whether_a_far_end_is_there_whatever_it_answers() -> None:
    async with visit(quirks=replace(CALM, options_every_s=0.3)) as (ours, far):
        options = await far.next("OPTIONS")
        far.send(answer(options, "405 Method Not Allowed", "Server: box 1.2"), ours.port)
        state = await ours.told.until(LINE2, up=True)
        assert state.user_agent == "box 1.2"
        assert state.round_trip_s is not None
        assert (await ours.told.until(LINE1, up=False, within_s=6)).reason == "no answer to OPTIONS"


class SlowOptions:
    """In place of ``watch.ask``: each question waits for ``answers``; ``None`` there: nobody answers it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: asyncio.Queue[int] = asyncio.Queue()
        self.answers: asyncio.Queue[Response | None] = asyncio.Queue()
        monkeypatch.setattr(watch, "ask", self.ask)

    async def ask(self, stack: object, make: object, hop: Hop, authorizer: object, *, within_s: float) -> Response:
        self.asked.put_nowait(hop.port)
        answer = await self.answers.get()
        if answer is None:
            raise TimedOut("no answer")
        return answer

    async def next(self) -> int:
        """The port that is asked now."""
        return await asyncio.wait_for(self.asked.get(), 2)


ASKED = {
    "registers": Registers.WITH_US,
    "lines": (LineSettings(LINE1, "goip01"),),
    "quirks": replace(CALM, options_every_s=0.01),
}


async def test_an_answer_of_a_line_that_has_left_meanwhile_does_not_bring_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    options = SlowOptions(monkeypatch)
    async with visit(**ASKED) as (ours, far):
        far.send(register(far, "goip01", 1, "Expires: 60"), ours.port)
        await far.next("SIP/2.0 200")
        assert await options.next() == far.port
        far.send(register(far, "goip01", 2, "Expires: 0"), ours.port)
        await far.next("SIP/2.0 200")
        await ours.told.until(LINE1, up=False)
        options.answers.put_nowait(Response(200, "OK", Headers([])))
        far.send(request("OPTIONS", far.port), ours.port)
        await far.next("SIP/2.0 200")
        assert [state.up for _, state in ours.told.states] == [False, True, False]


async def test_silence_where_a_line_was_says_nothing_of_where_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    options = SlowOptions(monkeypatch)
    async with far_end() as second, visit(**ASKED) as (ours, far):
        far.send(register(far, "goip01", 1, "Expires: 60"), ours.port)
        assert await options.next() == far.port
        options.answers.put_nowait(None)
        assert await options.next() == far.port
        second.send(register(second, "goip01", 2, "Expires: 60"), ours.port)
        await second.next("SIP/2.0 200")
        options.answers.put_nowait(None)
        assert await options.next() == second.port
        options.answers.put_nowait(None)
        assert await options.next() == second.port
        assert all(state.up for _, state in ours.told.states[1:])
        options.answers.put_nowait(None)
        assert (await ours.told.until(LINE1, up=False)).reason == "no answer to OPTIONS"


async def test_a_call_that_rings_at_a_box_which_is_away_is_given_up() -> None:
    async with visit(quirks=replace(CALM, options_every_s=0.3)) as (ours, far):
        far.send(answer(await far.next("OPTIONS"), "200 OK"), ours.port)
        await ours.told.until(LINE1, up=True)
        heard = Heard()
        await ours.peer.voice(LINE1).dial("+85512345678", heard)
        far.send(answer(await far.next("INVITE"), "180 Ringing", f"Contact: <sip:gw@127.0.0.1:{far.port}>"), ours.port)
        await heard.until("ringing")
        cancel = await far.next("CANCEL", within_s=6)
        far.send(answer(cancel, "481 Call Does Not Exist"), ours.port)
        assert await heard.until("ended", 6) == VoiceEvent(VoiceEventKind.ENDED, 27)
        assert not ours.peer.state(LINE1).up


async def test_we_register_with_a_trunk_and_withdraw_at_the_end() -> None:
    async with far_end() as far:
        trunk = gateway(
            far.port, registers=Registers.WITH_THEM, credentials=Credentials("acct", "pw"), domain="trunk.example",
            lines=(LineSettings(LINE1, "acct"),),
        )  # fmt: skip
        async with site(trunk) as ours:
            first = await far.next("REGISTER")
            assert first.startswith("REGISTER sip:trunk.example SIP/2.0")
            asks = 'WWW-Authenticate: Digest realm="trunk", nonce="n", qop="auth"'
            far.send(answer(first, "401 Unauthorized", asks), ours.port)
            second = await far.next("REGISTER")
            assert 'username="acct", realm="trunk"' in header(second, "Authorization")
            assert header(second, "Call-ID") == header(first, "Call-ID")
            kept = "Contact: " + header(second, "Contact").replace("expires=600", "expires=2")
            far.send(answer(second, "200 OK", kept, "Expires: 2"), ours.port)
            await ours.told.until(LINE1, up=True)
            third = await far.next("REGISTER")
            assert "nc=00000002" in header(third, "Authorization")
            far.end_calls()
            far.send(answer(third, "200 OK"), ours.port)
            await asyncio.sleep(0.02)
        assert header(far.all[-1], "Expires") == "0"


async def test_a_trunk_that_refuses_us_is_told_with_its_words() -> None:
    async with visit(registers=Registers.WITH_THEM, lines=(LineSettings(LINE1, "acct"),)) as (ours, far):
        far.send(answer(await far.next("REGISTER"), "403 Forbidden"), ours.port)
        async with asyncio.timeout(2):
            while ours.peer.state(LINE1).reason != "refused: 403 Forbidden":
                ours.told.changed.clear()
                await ours.told.changed.wait()
        with pytest.raises(NoNetwork, match="403"):
            await ours.peer.voice(LINE1).dial("+85512345678", Heard())


@pytest.mark.parametrize("number", [1, 2])
async def test_an_sms_is_acknowledged_only_when_it_is_stored(number: int) -> None:
    async with visit() as (ours, far):
        stored = asyncio.Event()
        ours.told.on_message = stored.wait
        text = request(
            "MESSAGE", far.port, "Content-Type: text/plain", sender="<sip:+85512345678@x>;tag=1", uri="sip:goip02@x",
            body="ជំរាបសួរ",
        )  # fmt: skip
        for _ in range(number):
            far.send(text, ours.port)
        await far.silence(0.1)
        stored.set()
        await far.next("SIP/2.0 200")
        far.send(text, ours.port)  # a repetition: the same 200, and no second SMS
        await far.next("SIP/2.0 200")
        assert [(channel, sender, body) for channel, _, sender, body in ours.told.messages] == [
            (LINE2, "+85512345678", "ជំរាបសួរ")
        ]


async def test_an_sms_that_was_not_stored_is_503_and_known_when_it_comes_again() -> None:
    async with visit() as (ours, far):

        async def full() -> None:
            raise StorageFailed("the disk is full")

        ours.told.on_message = full
        plain = "Content-Type: text/plain"
        far.send(request("MESSAGE", far.port, plain, body="hi"), ours.port)
        await far.next("SIP/2.0 503")
        ours.told.on_message = None
        for cseq in (2, 3):
            again = request("MESSAGE", far.port, plain, body="hi", cseq=cseq, branch=f"z9hG4bK{cseq}")
            far.send(again, ours.port)
            await far.next("SIP/2.0 200")
        other = request("MESSAGE", far.port, plain, body="hi", call_id="c2", branch="z9hG4bKo")
        far.send(other, ours.port)
        await far.next("SIP/2.0 200")
        keys = [key for _, key, _, _ in ours.told.messages]
        assert keys[0] == keys[1] != keys[2]
        far.send(request("MESSAGE", far.port, "Content-Type: application/x", body="b", call_id="c3", branch="z9hG4bKp"), ours.port)  # fmt: skip  # noqa: E501
        await far.next("SIP/2.0 415")
