import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore import redact


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("+85512345678", "+8551***5678"),
        ("012345678", "012***678"),
        ("+15551234567", "+1555***4567"),
        ("+4915112345678", "+4915***5678"),
        ("1234567", "12***67"),
        ("1303", "1303"),
        ("Simferry", "Simferry"),
        ("", ""),
    ],
)
def test_numbers(address: str, shown: str):
    assert redact.number(address) == shown


@given(st.text("0123456789", min_size=7, max_size=20))
def test_at_least_three_digits_are_hidden(digits: str):
    shown = redact.number("+" + digits)
    assert sum(char.isdigit() for char in shown) <= len(digits) - 3
    assert digits not in shown


def test_texts_and_secrets():
    assert redact.text("your code is 123456") == "[19 characters]"
    assert redact.secret("hunter2") == "***"
    assert redact.secret("") == redact.secret(None) == "[none]"


TOKEN = "0123456789abcdef" * 2


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('+CLIP: "+85512345678",145', '+CLIP: "+8551***5678",145'),
        ("ATD+85512345678;", "ATD+8551***5678;"),
        ("ATD012345678;", "ATD012***678;"),
        ("from 85512345678 to 1303", "from 8551***5678 to 1303"),
        ("To=%2B85512345678&x=1", "To=%2B8551***5678&x=1"),
        ("Authorization: Basic QUNhYmM6c2VjcmV0", "Authorization: Basic ***"),
        ("authorization: bearer abcdefgh.ijk", "authorization: bearer ***"),
        (f"auth_token={TOKEN}&x=1", "auth_token=***&x=1"),
        ('{"password": "hunter2", "a": 1}', '{"password": "***", "a": 1}'),
        ("X-Twilio-Signature: L/OH5YylLD5NRKLltdqwSvS0BnU=", "X-Twilio-Signature: ***"),
        (f"token {TOKEN} refused", "token *** refused"),
        ('AT+CPIN="1234"', "AT+CPIN=***"),
        ('AT+CUSD=1,"*100#",15', 'AT+CUSD=1,"*100#",15'),
        ('AT+CUSD=1,"*101*1012345678#",15', 'AT+CUSD=1,"***",15'),
        ('AT+CUSD=1,"AA180C3602",15', 'AT+CUSD=1,"***",15'),
        ('AT+CUSD=1,"1012345678"', 'AT+CUSD=1,"***"'),
        ("'+CUSD: 0,\"Card 12-34-AB is used\",15' is no +CUSD", "'+CUSD: 0,\"***\",15' is no +CUSD"),
        (
            f"/media/AC{TOKEN}/1799999999/{'A-b_' * 10}xyz/RE{TOKEN}.wav",
            f"/media/AC{TOKEN}/1799***999/***/RE{TOKEN}.wav",
        ),
        ("token eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl of", "token *** of"),
        ("wss://AC1:secret@host/path", "wss://***@host/path"),
        (f"call CA{TOKEN} ended", f"call CA{TOKEN} ended"),
        ("clip " + "ab12" * 16, "clip " + "ab12" * 16),
        ("2026-11-26 01:31:26.1234567 took 0.12345678 s", "2026-11-26 01:31:26.1234567 took 0.12345678 s"),
        ("456011234567890", "4560***7890"),
    ],
)
def test_lines(line: str, shown: str):
    assert redact.scrub(line) == shown


@given(st.text())
def test_scrubbing_again_changes_nothing(line: str):
    assert redact.scrub(redact.scrub(line)) == redact.scrub(line)


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("+85512345678", "+8551*******"),
        ("012345678", "0123*****"),
        ("sip:85512345678@pbx.example", "sip:8551*******@pbx.example"),
        ("1234", "1234"),
        ("Metfone", "Metfone"),
    ],
)
def test_the_beginning_of_a_number(address: str, shown: str) -> None:
    assert redact.beginning(address) == shown
    assert redact.beginning(shown) == shown
