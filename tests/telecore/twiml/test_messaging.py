"""TwiML in answer to an SMS."""

from __future__ import annotations

import pytest

from telecore.errors import InvalidTwiml
from telecore.twiml.messaging import MessageReply, RedirectTo, plain_reply, read_messaging

URL = "http://app.example/sms"


@pytest.mark.parametrize(
    ("xml", "replies"),
    [
        ("", ()),
        ("<Message>hello</Message>", (MessageReply("hello"),)),
        ("<Message><Body> a b </Body></Message>", (MessageReply(" a b "),)),
        (
            '<Message to="+1555" from="+1666" action="/a" method="GET" statusCallback="/s">x</Message>',
            (MessageReply("x", "+1555", "+1666", "http://app.example/a", "GET", "http://app.example/s"),),
        ),
        (
            "<Message>1</Message><Redirect>more</Redirect><Message>2</Message>",
            (MessageReply("1"), RedirectTo("http://app.example/more")),
        ),
        ("<Message/>", ()),
        (
            '<Sms to="+1555" statusCallback="/s">x</Sms>',
            (MessageReply("x", "+1555", status_callback="http://app.example/s"),),
        ),
        ("<Sms/>", ()),
    ],
)
def test_replies(xml: str, replies: tuple[object, ...]) -> None:
    assert read_messaging(f"<Response>{xml}</Response>", URL).replies == replies


@pytest.mark.parametrize(
    ("xml", "code"),
    [
        ("<Message><Media>http://x/y.jpg</Media></Message>", 21620),
        ("<Message><Say>x</Say></Message>", 12200),
        ("<Say>x</Say>", 14110),
        ("<Blink>x</Blink>", 12200),
        ("<Message>x</Message>" * 11, 14109),
    ],
)
def test_refused(xml: str, code: int) -> None:
    with pytest.raises(InvalidTwiml) as caught:
        read_messaging(f"<Response>{xml}</Response>", URL)
    assert caught.value.code == code


def test_plain_text_is_the_reply() -> None:
    assert plain_reply("thanks").replies == (MessageReply("thanks"),)
    assert plain_reply(" \n").replies == ()
