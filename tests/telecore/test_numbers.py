import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.errors import InvalidRequest
from telecore.numbers import (
    address_of,
    is_alphanumeric_sender,
    is_e164,
    is_emergency,
    is_short_code,
    normalise,
    parse_e164,
    safe_to_dial,
)

e164s = st.from_regex(r"\+[1-9][0-9]{6,14}", fullmatch=True).filter(str.isascii)


@given(e164s)
def test_e164_is_taken_as_it_is(number: str):
    assert parse_e164(number) == number
    assert is_e164(number)
    assert address_of(number) == number
    assert safe_to_dial(number)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "empty"),
        ("hello", "must begin with +"),
        ("85512345678", "must begin with +"),
        ("+", "0 digits"),
        ("+123456", "6 digits"),
        ("+1234567890123456", "16 digits"),
        ("+0123456789", "begins with 0"),
        ("+855 12345678", "' '"),
        ("+85512345678\n", r"'\n'"),
        ("+8551234567٣", "'٣'"),
        ("+85512345678;AT+CFUN=0", "';'"),
    ],
)
def test_what_is_wrong_is_said(text: str, complaint: str):
    with pytest.raises(InvalidRequest) as caught:
        parse_e164(text, field="From", code=21212)
    assert complaint in str(caught.value)
    assert (caught.value.field, caught.value.code, caught.value.status) == ("From", 21212, 400)
    assert not is_e164(text)


@pytest.mark.parametrize(
    ("number", "country", "e164"),
    [
        ("012345678", "855", "+85512345678"),
        ("012 345 678", "855", "+85512345678"),
        ("+855 (12) 345-678", "855", "+85512345678"),
        ("0085512345678", "855", "+85512345678"),
        ("85512345678", "855", "+85512345678"),
        ("12345678", "855", "+85512345678"),
        ("0151 12345678", "49", "+4915112345678"),
        ("(555) 123-4567", "1", "+15551234567"),
        ("1-555-123-4567", "1", "+15551234567"),
        ("06 6982", "39", "+39066982"),
        ("8 912 345-67-89", "7", "+79123456789"),
        ("06 20 123 4567", "36", "+36201234567"),
        ("+4915112345678", "855", "+4915112345678"),
    ],
)
def test_what_people_write_becomes_e164(number: str, country: str, e164: str):
    assert normalise(number, country) == e164


@pytest.mark.parametrize("number", ["", "hello", "+", "00", "12;34", "0123456789012345678", "+0855123456", "*100#"])
def test_what_is_no_number_is_refused(number: str):
    with pytest.raises(InvalidRequest):
        normalise(number, "855")


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("123", True),
        ("1303", True),
        ("123456", True),
        ("12", False),
        ("1234567", False),
        ("12a", False),
        ("+123", False),
        ("١٢٣", False),
    ],
)
def test_short_codes(text: str, yes: bool):
    assert is_short_code(text) is yes


@pytest.mark.parametrize(
    ("text", "yes"),
    [
        ("Simferry", True),
        ("My Shop 24", True),
        ("ABCDEFGHIJK", True),
        ("ABCDEFGHIJKL", False),
        ("12345678901", False),
        ("€uroEuro12", True),
        ("€uroEuro123", False),
        ("Köln", True),
        ("Kiosk ç", False),
        (" Shop", False),
        ("", False),
    ],
)
def test_alphanumeric_senders(text: str, yes: bool):
    assert is_alphanumeric_sender(text) is yes


@pytest.mark.parametrize(
    ("text", "context", "address"),
    [
        ("+85512345678", {}, "+85512345678"),
        ("85512345678", {}, "85512345678"),
        ("85512345678", {"international": True}, "+85512345678"),
        ("0085512345678", {}, "+85512345678"),
        ("012345678", {}, "012345678"),
        ("012345678", {"country_code": "855"}, "+85512345678"),
        ("0669821234", {"country_code": "39"}, "+390669821234"),
        ("1303", {"country_code": "855"}, "1303"),
        ("1303", {"international": True}, "1303"),
        (" Cellcard ", {"country_code": "855"}, "Cellcard"),
        ("12 345-678", {}, "12345678"),
        ("*100#", {}, "*100#"),
        ("a\r\nb\0", {}, "ab"),
        ("", {}, ""),
    ],
)
def test_what_devices_report(text: str, context, address: str):
    assert address_of(text, **context) == address


@given(st.text(), st.booleans(), st.sampled_from(["", "855", "39", "7"]))
def test_any_report_gives_an_address(text: str, international: bool, country: str):
    address = address_of(text, international=international, country_code=country)
    assert address.isprintable()


@pytest.mark.parametrize(
    ("number", "country", "yes"),
    [
        ("112", "", True),
        ("911", "855", True),
        ("+112", "", True),
        ("1 1 2", "", True),
        ("117", "855", True),
        ("+855117", "855", True),
        ("117", "49", False),
        ("17", "33", True),
        ("100", "91", True),
        ("100", "855", False),
        ("1121", "", False),
        ("+85512345678", "855", False),
        ("", "855", False),
    ],
)
def test_emergency_numbers(number: str, country: str, yes: bool):
    assert is_emergency(number, country) is yes


@pytest.mark.parametrize(
    "text", ["", "+", "12;", "1,2", "1\r", "12\n", '1"', "1 2", "ABC", "٣٤", "+12+3", "1" * 41, "12>", "p1"]
)
def test_nothing_else_gets_into_a_command(text: str):
    assert not safe_to_dial(text)
    assert not safe_to_dial(text, service_codes=True)


def test_service_codes_only_where_allowed():
    for code in ("*100#", "#124#", "*123*1#", "##002#"):
        assert not safe_to_dial(code)
        assert safe_to_dial(code, service_codes=True)
    assert not safe_to_dial("*100#;", service_codes=True)
    assert not safe_to_dial("*" * 41, service_codes=True)
