"""Where a call is placed that goes to a SIP URI."""

from __future__ import annotations

import pytest

from cloud.services.requests import NewCall
from cloud.store import outbox
from telecore.codec import decode_command
from telecore.errors import InvalidRequest, NoRoute
from telecore.events import ChannelChanged
from telecore.ids import Address, ChannelId
from telecore.model import ChannelState, ChannelStatus, Service
from telecore.sip_target import parse_sip_target
from tests.cloud.services.site import EDGE, NUMBERS

TRUNK = ChannelId(f"{EDGE}/pbx")


def to(uri: str) -> NewCall:
    target = parse_sip_target(uri)
    return NewCall(NUMBERS[0], Address(target.uri), twiml="<Response/>", sip=target)


async def test_a_sip_uri_leaves_by_the_trunk_that_calls_it_and_shows_the_caller(desk):
    offers = frozenset({Service.VOICE})
    trunk = ChannelStatus(TRUNK, ChannelState.REGISTERED, 0.0, offers, sip_domains=("pbx.example",))
    await desk.tell(ChannelChanged(status=trunk))
    record = await desk.desk.calls.create(desk.account.sid, to("sip:bob@pbx.example?X-A=1"))
    assert (record.channel, record.called) == (TRUNK, "sip:bob@pbx.example")
    rows = await desk.db.read(lambda conn: outbox.read(conn, EDGE, 0, 10))
    (command,) = [decode_command(payload) for _, payload in rows]
    assert (command.channel, command.sip.headers, command.sip.caller) == (TRUNK, (("X-A", "1"),), NUMBERS[0])


async def test_a_sip_uri_that_no_trunk_calls(desk):
    with pytest.raises(NoRoute) as caught:
        await desk.desk.calls.create(desk.account.sid, to("sip:bob@pbx.example"))
    assert caught.value.code == 13246
    with pytest.raises(InvalidRequest) as emergency:
        await desk.desk.calls.create(desk.account.sid, to("sip:112@pbx.example"))
    assert emergency.value.code == 21216
