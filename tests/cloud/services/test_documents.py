from __future__ import annotations

import pytest

from cloud.services.documents import NoDocument, may_pass, read_messaging_answer, read_voice_answer
from cloud.services.webhooks import FetchedDocument, WebhookFailure, WebhookRequest
from cloud.store import notifications
from cloud.store.records import Hook
from telecore.errors import InvalidTwiml
from telecore.twiml.verbs.play import Play
from telecore.twiml.verbs.say import Say
from tests.fakes.customer_app import Reply, twiml

CALL = "CA" + "1" * 32


def answer(body: str, content_type: str = "text/xml") -> FetchedDocument:
    return FetchedDocument("http://a/x", 200, content_type, body.encode())


def test_what_a_voice_answer_may_be():
    assert read_voice_answer(answer(twiml("<Play>p.wav</Play>"))).verbs == (Play("http://a/p.wav"),)
    assert read_voice_answer(answer(twiml("<Say>Hi</Say>"), "text/html")).verbs[0] == Say("Hi")
    assert read_voice_answer(answer("<Response/>", "")).verbs == ()
    assert read_voice_answer(answer("Good\n day", "text/plain")).verbs == (Say("Good day"),)
    assert read_voice_answer(answer("RIFF", "audio/wav")).verbs == (Play("http://a/x"),)


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        ("", "text/xml", 11770),
        ("<html></html>", "text/html", 12300),
        ("{}", "application/json", 12300),
        ("<Response>", "text/xml", 12100),
        ("<!DOCTYPE x><Response/>", "text/xml", 12100),
        ("<Answer/>", "text/xml", 12102),
        ("<Response><Fly/></Response>", "text/xml", 12200),
        ("<Response><Gather><Gather/></Gather></Response>", "text/xml", 13320),
    ],
)
def test_what_a_voice_answer_may_not_be(body, content_type, code):
    with pytest.raises(InvalidTwiml) as caught:
        read_voice_answer(answer(body, content_type))
    assert caught.value.code == code


@pytest.mark.parametrize("charset", ["undefined", "idna", "punycode", "hex", "none-such"])
def test_a_charset_that_text_is_never_in_is_taken_for_utf_8(charset):
    found = FetchedDocument("http://a/x", 200, "text/plain", "Hé \xff".encode(), charset=charset)
    assert found.text == "Hé ÿ"
    assert FetchedDocument("http://a/x", 200, "text/plain", b"H\xff", charset=charset).text == "H\ufffd"


def test_what_a_messaging_answer_may_be():
    assert read_messaging_answer(answer("", "text/html")).replies == ()
    assert [reply.body for reply in read_messaging_answer(answer("Thanks", "text/plain")).replies] == ["Thanks"]
    assert [reply.body for reply in read_messaging_answer(answer(twiml("<Message>Ja</Message>"))).replies] == ["Ja"]
    with pytest.raises(InvalidTwiml, match="text/html"):
        read_messaging_answer(answer("<p>hello</p>", "text/html"))


@pytest.mark.parametrize(
    ("failure", "again"),
    [
        (WebhookFailure(11205, "", ""), True),
        (WebhookFailure(11200, "", ""), True),
        (WebhookFailure(11200, "", "", 503), True),
        (WebhookFailure(11200, "", "", 429), True),
        (WebhookFailure(11200, "", "", 404), False),
        (WebhookFailure(11100, "", ""), False),
        (WebhookFailure(11215, "", ""), False),
        (WebhookFailure(12100, "", "", 200), False),
    ],
)
def test_what_may_pass(failure, again):
    assert may_pass(failure) is again


async def test_the_fallback_is_told_why_and_both_failures_are_noted(app, documents, account, db):
    url = app.answer("/voice", Reply(status=500))
    fallback = Hook(app.answer("/fallback", twiml("<Hangup/>")), "GET")
    ask = WebhookRequest(url, account.sid, params={"CallSid": CALL}, secret="s")
    document = await documents.voice(ask, fallback, CALL)
    assert not isinstance(document, NoDocument)
    (seen,) = app.seen("/fallback")
    assert seen.params == {"CallSid": CALL, "ErrorCode": "11200", "ErrorUrl": url}
    app.answer("/fallback", "<Response")
    assert await documents.voice(ask, fallback, CALL) == NoDocument(again=True)
    noted = await db.read(lambda conn: notifications.list_(conn, account.sid, about=CALL))
    assert [(note.code, note.url, note.method) for note in noted] == [
        (12100, fallback.url, "GET"),
        (11200, url, "POST"),
        (11200, url, "POST"),
    ]


async def test_the_fallback_is_told_the_url_that_was_asked(app, documents, account):
    url = app.answer("/voice", Reply(status=500))
    fallback = Hook(app.answer("/fallback", twiml("<Hangup/>")))
    await documents.voice(WebhookRequest(f"{url}?a=1#rc=0", account.sid), fallback, CALL)
    (seen,) = app.seen("/fallback")
    assert seen.params["ErrorUrl"] == f"{url}?a=1"


async def test_no_fallback_and_no_hope(app, documents, account):
    ask = WebhookRequest(app.answer("/voice", "<Answer/>"), account.sid)
    assert await documents.voice(ask, Hook(), CALL) == NoDocument(again=False)
