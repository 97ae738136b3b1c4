"""<Sms> within a call."""

from __future__ import annotations

import pytest

from telecore.twiml.control import SmsSpec
from telecore.twiml.document import read_voice
from telecore.twiml.verbs.sms import Sms

URL = "http://app.example/voice"


def test_it_is_read_with_all_its_attributes() -> None:
    document = read_voice(
        '<Response><Sms to="+85512000001" from="+85510000001" action="/a" method="GET" statusCallback="/s"> hi </Sms>'
        "<Sms>bye</Sms></Response>",
        URL,
    )
    spec = SmsSpec("hi", "+85512000001", "+85510000001", "http://app.example/s")
    assert document.verbs == (Sms(spec, "http://app.example/a", "GET"), Sms(SmsSpec("bye")))
    assert document.warnings == ()


@pytest.mark.parametrize(
    ("sms", "code", "left"),
    [
        ("<Sms/>", 14103, 0),
        (f"<Sms>{'x' * 1601}</Sms>", 14103, 0),
        ("<Sms to='BANK'>x</Sms>", 14101, 0),
        ("<Sms from='BANK'>x</Sms>", 14102, 0),
        ("<Sms method='PUT'>x</Sms>", 14104, 1),
        ("<Sms statusCallback='ftp://x/'>x</Sms>", 14105, 1),
        ("<Sms><Media>http://x/</Media>x</Sms>", 12200, 1),
    ],
)
def test_what_is_wrong_is_warned_of(sms: str, code: int, left: int) -> None:
    document = read_voice(f"<Response>{sms}</Response>", URL)
    assert [warning.code for warning in document.warnings] == [code]
    assert len(document.verbs) == left
