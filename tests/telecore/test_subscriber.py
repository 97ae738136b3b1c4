import pytest
from hypothesis import given
from hypothesis import strategies as st

from telecore.errors import RemoteProtocolError
from telecore.subscriber import iccid_from_ef, is_iccid, is_imei, is_imsi, luhn_digit, mask, passes_luhn, plmn_of

digits = st.text("0123456789", min_size=1, max_size=19)


@given(digits)
def test_the_luhn_digit_checks_and_no_other_does(number: str):
    right = luhn_digit(number)
    assert [digit for digit in "0123456789" if passes_luhn(number + digit)] == [right]


@given(st.text("0123456789", min_size=18, max_size=18), st.data())
def test_a_wrong_digit_is_found(number: str, data: st.DataObject):
    number += luhn_digit(number)
    at = data.draw(st.integers(0, 18))
    wrong = data.draw(st.sampled_from("0123456789").filter(lambda digit: digit != number[at]))
    assert not passes_luhn(number[:at] + wrong + number[at + 1 :])


def test_known_check_digits():
    assert luhn_digit("7992739871") == "3"
    assert is_imei("490154203237518")
    assert not is_imei("490154203237519")
    assert not is_imei("49015420323751")
    assert not is_imei("49015420323751A")


def test_iccids():
    body = "895510000000000000"
    assert is_iccid(body + luhn_digit(body))
    assert not is_iccid(body + str((int(luhn_digit(body)) + 1) % 10))
    assert is_iccid("89551000000000000012")
    assert not is_iccid("79551000000000000012")
    assert not is_iccid("8955100000")
    assert not is_iccid("8955100000000000٣0")


def test_imsis():
    assert is_imsi("456011234567890")
    assert not is_imsi("4560112345678901")
    assert not is_imsi("45601")
    assert not is_imsi("")


@pytest.mark.parametrize(
    ("imsi", "mnc_digits", "plmn"),
    [
        ("456011234567890", None, "45601"),
        ("310260123456789", None, "310260"),
        ("302720123456789", None, "302720"),
        ("310260123456789", 2, "31026"),
        ("456011234567890", 3, "456011"),
        ("456011234567890", 0, "45601"),
    ],
)
def test_the_network_in_an_imsi(imsi: str, mnc_digits: int | None, plmn: str):
    assert plmn_of(imsi, mnc_digits) == plmn


@pytest.mark.parametrize(
    ("content", "iccid"),
    [
        ("98551000000000000021", "89550100000000000012"),
        ("985510000000000000F1", "8955010000000000001"),
        ("985510000000000000f1", "8955010000000000001"),
    ],
)
def test_ef_iccid_has_its_nibbles_swapped(content: str, iccid: str):
    assert iccid_from_ef(content) == iccid


@given(st.text("0123456789", min_size=18, max_size=20))
def test_ef_iccid_comes_back(iccid: str):
    padded = iccid.ljust(20, "F")
    content = "".join(padded[n + 1] + padded[n] for n in range(0, 20, 2))
    assert iccid_from_ef(content) == iccid


@pytest.mark.parametrize(
    "content", ["", "FFFFFFFFFFFFFFFFFFFF", "98A51000000000000021", "9855", "985510000000000000212"]
)
def test_what_is_no_ef_iccid(content: str):
    with pytest.raises(RemoteProtocolError):
        iccid_from_ef(content)


def test_masks():
    assert mask("8955100000000000012") == "895510***0012"
    assert mask("456011234567890") == "456011***7890"
    assert mask("12345") == "***"
