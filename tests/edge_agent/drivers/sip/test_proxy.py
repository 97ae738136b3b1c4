"""Through a proxy that records its route twice, both ways; and the rules of routes (RFC 3261 §12, §16.12)."""

from __future__ import annotations

import asyncio

from edge_agent.drivers.sip.dialog import Dialog
from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.message import parse
from tests.fakes.sip_proxy import proxy
from tests.fakes.sip_site import LINE1, SDP, Heard, answer, far_end, gateway, header, request, site


async def test_a_call_from_outside_and_its_end_from_here() -> None:
    async with far_end() as carrier, site(gateway(1)) as ours, proxy(ours.port, carrier.port) as way:
        carrier.send(request("INVITE", carrier.port, body=SDP), way.outer.port)
        call = await asyncio.wait_for(ours.told.calls.get(), 2)
        await call.voice.answer()
        ok = await carrier.next("SIP/2.0 200")
        recorded = [line.split(": ", 1)[1] for line in ok.split("\r\n") if line.startswith("Record-Route")]
        assert [f":{way.inner.port};" in recorded[0], f":{way.outer.port};" in recorded[1]] == [True, True]
        routes = [f"Route: {route}" for route in reversed(recorded)]
        ack = request(
            "ACK", carrier.port, *routes, to=header(ok, "To"), branch="z9hG4bKa", uri=f"sip:1@127.0.0.1:{ours.port}"
        )  # noqa: E501
        carrier.send(ack, way.outer.port)
        await asyncio.sleep(0.05)
        ending = asyncio.create_task(call.voice.hang_up())
        bye = await carrier.next("BYE")
        assert bye.startswith(f"BYE sip:goip01@127.0.0.1:{carrier.port} SIP/2.0")
        assert "Route:" not in bye
        carrier.send(answer(bye, "200 OK"), way.outer.port)
        await ending
        assert [text for text in way.passed if text.startswith("BYE")]
        assert ours.told.heard.kinds == ["ended"]


async def test_a_call_to_outside_by_an_outbound_proxy_and_its_end_from_there() -> None:
    async with far_end() as carrier, far_end() as unused, proxy(unused.port, carrier.port) as way:
        trunk = gateway(carrier.port, outbound_proxy=f"127.0.0.1:{way.inner.port}", domain="carrier.example")
        async with site(trunk) as ours:
            way._ours = ours.port
            heard = Heard()
            await ours.peer.voice(LINE1).dial("+85512345678", heard)
            invite = await carrier.next("INVITE")
            assert invite.startswith("INVITE sip:+85512345678@carrier.example SIP/2.0")
            contact = f"Contact: <sip:c@127.0.0.1:{carrier.port}>"
            carrier.send(answer(invite, "180 Ringing", contact), way.outer.port)
            carrier.send(answer(invite, "200 OK", contact, body=SDP), way.outer.port)
            ack = await carrier.next("ACK")
            assert ack.startswith(f"ACK sip:c@127.0.0.1:{carrier.port} SIP/2.0")
            await heard.until("answered")
            # In a dialog the carrier routes by what was recorded, nearest first.
            recorded = [line.split(": ", 1)[1] for line in invite.split("\r\n") if line.startswith("Record-Route")]
            ours_at = header(invite, "Contact").strip("<>")
            bye = request(
                "BYE", carrier.port, *(f"Route: {route}" for route in recorded), uri=ours_at, sender=header(ack, "To"),
                to=header(invite, "From"), call_id=header(invite, "Call-ID"), branch="z9hG4bKe",
            )  # fmt: skip
            carrier.send(bye, way.outer.port)
            await carrier.next("SIP/2.0 200")
            await heard.until("ended")


def dialog_with(*routes: str) -> Dialog:
    text = request("INVITE", 5060, *(f"Record-Route: {route}" for route in routes))
    return Dialog.of_request(parse(text.encode(), Hop("192.0.2.9", 5099)), "mine", 0)


def test_the_first_numeric_route_is_the_next_hop_and_the_source_otherwise() -> None:
    assert dialog_with().next_hop() == Hop("192.0.2.9", 5099)
    assert dialog_with("<sip:192.0.2.1;lr>").next_hop() == Hop("192.0.2.1", 5060)
    assert dialog_with("<sip:192.0.2.1:5080;lr>, <sip:10.0.0.1;lr>").next_hop() == Hop("192.0.2.1", 5080)
    assert dialog_with("<sip:proxy.example;lr>").next_hop() == Hop("192.0.2.9", 5099)
    assert dialog_with("<sip:192.0.2.1;transport=tcp;lr>").next_hop() == Hop("192.0.2.9", 5099)


def test_loose_and_strict_routing() -> None:
    loose = dialog_with("<sip:192.0.2.1;lr>", "<sip:192.0.2.2;lr>").request("BYE")
    assert loose.uri == "sip:goip01@127.0.0.1:5060"
    assert loose.headers.all("route") == ["<sip:192.0.2.1;lr>", "<sip:192.0.2.2;lr>"]
    strict = dialog_with("<sip:192.0.2.1>", "<sip:192.0.2.2;lr>").request("BYE")
    assert strict.uri == "sip:192.0.2.1"
    assert strict.headers.all("route") == ["<sip:192.0.2.2;lr>", "<sip:goip01@127.0.0.1:5060>"]
