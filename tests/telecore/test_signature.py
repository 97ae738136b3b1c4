import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from telecore.signature import sign, verify, verify_body_hash, with_body_hash

TOKEN = "0123456789abcdef0123456789abcdef"


class Form(dict[str, list[str]]):
    """A multi-dict as Twilio's validator knows it from Flask."""

    def getall(self, name: str) -> list[str]:
        return self[name]


def form(params: list[tuple[str, str]]) -> Form:
    made = Form()
    for name, value in params:
        made.setdefault(name, []).append(value)
    return made


def test_the_example_of_twilios_documentation():
    params = [
        ("Digits", "1234"),
        ("To", "+18005551212"),
        ("From", "+14158675310"),
        ("Caller", "+14158675310"),
        ("CallSid", "CA1234567890ABCDE"),
    ]
    url = "https://example.com/myapp.php?foo=1&bar=2"
    assert sign("12345", url, params) == "L/OH5YylLD5NRKLltdqwSvS0BnU="


words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=12)
params_lists = st.lists(st.tuples(words.filter(bool), words), max_size=8)
urls = st.builds(
    lambda scheme, host, port, path, query: f"{scheme}://{host}{port}/{path}{query}",
    st.sampled_from(["http", "https"]),
    st.sampled_from(["example.com", "10.1.2.3", "a.b.example"]),
    st.sampled_from(["", ":80", ":443", ":8443"]),
    st.sampled_from(["", "sms", "a/b.php"]),
    st.sampled_from(["", "?x=1", "?b=2&a=1&b=1", "?q=%C3%A9+y"]),
)


@given(urls, params_lists)
def test_twilios_own_validator_accepts_it(url: str, params: list[tuple[str, str]]):
    signature = sign(TOKEN, url, params)
    assert RequestValidator(TOKEN).validate(url, form(params), signature)
    assert not RequestValidator(TOKEN[::-1]).validate(url, form(params), signature)


@given(urls, params_lists)
def test_we_accept_what_twilio_computes(url: str, params: list[tuple[str, str]]):
    signature = RequestValidator(TOKEN).compute_signature(url, form(params))
    assert verify(TOKEN, url, params, signature)


def test_anything_changed_is_refused():
    url, params = "https://example.com/sms?x=1", [("Body", "hello"), ("From", "+15551234567")]
    signature = sign(TOKEN, url, params)
    assert verify(TOKEN, url, params, signature)
    assert verify(TOKEN, url, list(reversed(params)), signature)
    for changed in (
        verify(TOKEN + "0", url, params, signature),
        verify(TOKEN, url + "2", params, signature),
        verify(TOKEN, url, [*params, ("Extra", "")][:2] + [("Extra", "x")], signature),
        verify(TOKEN, url, [("Body", "Hello"), params[1]], signature),
        verify(TOKEN, url, params, ""),
        verify(TOKEN, url, params, "é"),
    ):
        assert not changed


@pytest.mark.parametrize(
    ("signed", "seen"),
    [
        ("https://example.com/sms", "https://example.com:443/sms"),
        ("https://example.com:443/sms", "https://example.com/sms"),
        ("https://user:pw@example.com/sms", "https://user:pw@example.com:443/sms"),
        ("wss://example.com/media", "wss://example.com:443/media"),
    ],
)
def test_with_and_without_the_port(signed: str, seen: str):
    assert verify(TOKEN, seen, [], sign(TOKEN, signed, []))


def test_repeated_names_count_once_for_each_value_in_order():
    url = "https://example.com/"
    twice = [("MediaUrl", "b"), ("MediaUrl", "a"), ("MediaUrl", "b")]
    assert sign(TOKEN, url, twice) == sign(TOKEN, url + "MediaUrlaMediaUrlb")


def test_a_fragment_is_not_part_of_the_request():
    assert sign(TOKEN, "https://example.com/a?b#rc=3") == sign(TOKEN, "https://example.com/a?b")


@pytest.mark.parametrize("url", ["https://example.com/hook", "https://example.com/hook?x=1"])
def test_json_bodies_are_signed_by_their_hash(url: str):
    body = json.dumps({"event": "é"})
    hashed = with_body_hash(url, body.encode())
    assert RequestValidator(TOKEN).validate(hashed, body, sign(TOKEN, hashed))
    assert verify_body_hash(hashed, body.encode())
    assert not verify_body_hash(hashed, b"{}")
    assert not verify_body_hash(url, body.encode())


def test_a_body_hash_goes_before_the_fragment():
    assert with_body_hash("https://e.example/#rc=1", b"").startswith("https://e.example/?bodySHA256=e3b0")
    assert with_body_hash("https://e.example/#rc=1", b"").endswith("#rc=1")
