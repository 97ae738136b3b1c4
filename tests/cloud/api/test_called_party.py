"""``To`` of a call may be a SIP URI; what answers its far end's challenge comes with it."""

from __future__ import annotations

import pytest
from twilio.base.exceptions import TwilioRestException

from cloud.services.requests import NewCall
from telecore.sip_target import SipTarget
from tests.fakes.api_site import HANDSET, NUMBER, Site

URL = "http://app.example/voice"


async def test_a_sip_uri_arrives_at_the_service(site: Site) -> None:
    made = await site.twilio(
        lambda c: c.calls.create(
            to="sip:bob@pbx.example?X-Ticket=7",
            from_=NUMBER,
            url=URL,
            sip_auth_username="u",
            sip_auth_password="p",
        )
    )
    assert made.to == "sip:bob@pbx.example"
    (asked,) = site.calls.asked
    assert isinstance(asked, NewCall)
    assert asked.sip == SipTarget("sip:bob@pbx.example", "pbx.example", (("X-Ticket", "7"),), "", "u", "p")


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"to": "sip:"}, 13243),
        ({"to": "sip:bob@pbx.example?Via=1"}, 13252),
        ({"to": "sip:bob@pbx.example", "sip_auth_password": "p"}, 13249),
        ({"to": HANDSET, "sip_auth_username": "u"}, 20001),
        ({"to": "client:"}, 21211),
        ({"to": "client:a b"}, 21211),
        ({"to": "client:" + "a" * 122}, 21211),
    ],
)
async def test_what_cannot_be_called(site: Site, fields: dict[str, str], code: int) -> None:
    with pytest.raises(TwilioRestException) as caught:
        await site.twilio(lambda c: c.calls.create(from_=NUMBER, url=URL, **fields))
    assert caught.value.code == code
    assert not site.calls.asked
