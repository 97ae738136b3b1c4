"""SIP URIs called through a trunk: what its far end gets to see."""

from __future__ import annotations

import pytest

from edge_agent.contracts import UriVoice
from edge_agent.drivers.sip.settings import Credentials, LineSettings, Transport
from telecore.errors import Busy, DeviceRefused
from telecore.sip_target import SipTarget
from tests.fakes.sip_site import LINE1, Heard, answer, gateway, header, site, visit

URI = SipTarget("sip:bob@pbx.example;transport=tcp", "pbx.example", (("X-Ticket", "7"),), "alice", "u", "secret")
LINE = (LineSettings(LINE1, "acme", Credentials("acme", "theirs")),)


async def test_the_far_end_is_the_proxy_of_the_uri() -> None:
    async with visit(lines=LINE) as (ours, far):
        line, heard = ours.peer.voice(LINE1), Heard()
        assert isinstance(line, UriVoice)
        await line.dial_uri(URI, heard)
        invite = await far.next("INVITE")
        assert invite.startswith("INVITE sip:bob@pbx.example;transport=tcp SIP/2.0")
        assert header(invite, "To") == "<sip:bob@pbx.example;transport=tcp>"
        assert header(invite, "From").startswith("<sip:alice@127.0.0.1>")
        assert header(invite, "X-Ticket") == "7"
        far.send(answer(invite, "486 Busy Here"), ours.port)
        assert (await heard.until("ended")).cause == 17


async def test_a_challenge_is_answered_with_the_uris_own_credentials() -> None:
    async with visit(lines=LINE) as (ours, far):
        await ours.peer.voice(LINE1).dial_uri(URI, Heard())
        invite = await far.next("INVITE")
        asks = 'WWW-Authenticate: Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"'
        far.send(answer(invite, "401 Unauthorized", asks), ours.port)
        again = await far.next("INVITE")
        proof = header(again, "Authorization")
        assert 'username="u"' in proof
        assert 'uri="sip:bob@pbx.example;transport=tcp"' in proof
        assert "secret" not in again


async def test_a_line_that_has_all_its_calls_takes_no_uri() -> None:
    async with visit(lines=LINE) as (ours, _):
        await ours.peer.voice(LINE1).dial_uri(URI, Heard())
        with pytest.raises(Busy):
            await ours.peer.voice(LINE1).dial_uri(URI, Heard())


async def test_sips_wants_tls() -> None:
    secure = SipTarget("sips:bob@pbx.example", "pbx.example")
    settings = gateway(9, lines=LINE)
    assert settings.transport is Transport.UDP
    async with site(settings) as ours:
        with pytest.raises(DeviceRefused):
            await ours.peer.voice(LINE1).dial_uri(secure, Heard())
