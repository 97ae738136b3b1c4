"""GoIP datagrams as tables, both ways: the maker's own examples, what boxes were seen to send, and nonsense."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edge_agent.drivers.gateway import goip_codec
from edge_agent.drivers.gateway.goip_codec import (
    Answer,
    CallChanged,
    CallRecord,
    CallTime,
    Delivered,
    HungUp,
    KeepAlive,
    Notice,
    Other,
    Received,
    UssdPushed,
    acknowledge,
    parse,
)
from telecore.errors import RemoteProtocolError
from telecore.model import LineCall

NOTICES = [
    (
        b"req:27;id:gw;pass:secret;num:;signal:29;gsm_status:LOGIN;voip_status:LOGOUT;voip_state:IDLE;remain_time:-1;"
        b"imei:350000000000006;imsi:260060000000001;iccid:89480600000000000001;pro:POL;idle:11;disable_status:0;"
        b"SMS_LOGIN:N;SMB_LOGIN:;CELLINFO:LAC:7E5,CELL ID:5E5B;CGATT:Y;",
        Notice("req", "27", "gw", "secret", KeepAlive("", 29, True, "260060000000001", "89480600000000000001", "POL")),
        b"reg:27;status:0;",
    ),
    (
        b"req:10;id:goipid1;pass:password1; num:12345;signal:23;gsm_status:LOGOUT;voip_status:LOGIN;",
        Notice("req", "10", "goipid1", "password1", KeepAlive("12345", 23)),
        b"reg:10;status:0;",
    ),
    (
        b"req:3;id:goip-1;pass:goip;num:;signal:;gsm_status:LOGIN;imei:000000000000000;imsi:000000000000000;"
        b"iccid:00000000000000000000;pro:CHINA UNICOM GSM;disable_status:1;",
        Notice("req", "3", "goip-1", "goip", KeepAlive("", None, True, "", "", "CHINA UNICOM GSM", True)),
        b"reg:3;status:0;",
    ),
    (
        b"RECEIVE:1270197307;id:goipid1;pass:password1;srcnum:+8613500000007;msg:just a test",
        Notice("RECEIVE", "1270197307", "goipid1", "password1", Received("+8613500000007", "just a test")),
        b"RECEIVE 1270197307 OK\n",
    ),
    (
        "RECEIVE:-5;id:a;password:b;srcnum:Smart;msg:ខ្មែរ; a:b;\nmsg:x\n\0".encode(),
        Notice("RECEIVE", "-5", "a", "b", Received("Smart", "ខ្មែរ; a:b;\nmsg:x\n")),
        b"RECEIVE -5 OK\n",
    ),
    (
        b"DELIVER:1571812803;id:goip-1;password:goip;sms_no:32;state:0;num:+860000000010",
        Notice("DELIVER", "1571812803", "goip-1", "goip", Delivered("32", 0, "+860000000010")),
        b"DELIVER 1571812803 OK\n",
    ),
    (
        b"STATE:7568;id:goip1;password:password1;gsm_remain_state:IDLE",
        Notice("STATE", "7568", "goip1", "password1", CallChanged(LineCall.IDLE)),
        b"STATE 7568 OK\n",
    ),
    (
        b"STATE:1;id:g;password:p;gsm_remain_state:ALERTING:012345678",
        Notice("STATE", "1", "g", "p", CallChanged(LineCall.ALERTING, "012345678")),
        b"STATE 1 OK\n",
    ),
    (
        b"RECORD:7565;id:goip2;password:password2;dir:2;num:10086",
        Notice("RECORD", "7565", "goip2", "password2", CallRecord(False, "10086")),
        b"RECORD 7565 OK\n",
    ),
    (
        b"HANGUP:1571812814;id:goip-1;password:goip;num:,cause:Normal call clearing",
        Notice("HANGUP", "1571812814", "goip-1", "goip", HungUp("", "Normal call clearing")),
        b"HANGUP 1571812814 OK\n",
    ),
    (
        b"HANGUP:1;id:g;password:p;num:012;cause:User busy;",
        Notice("HANGUP", "1", "g", "p", HungUp("012", "User busy")),
        b"HANGUP 1 OK\n",
    ),
    (
        b"EXPIRY:1571812871;id:goip-1;password:goip;exp:0",
        Notice("EXPIRY", "1571812871", "goip-1", "goip", CallTime(None)),
        b"EXPIRY 1571812871 OK\n",
    ),
    (
        b"REMAIN:7568;id:goip-1;password:goip;gsm_remain_time:-1",
        Notice("REMAIN", "7568", "goip-1", "goip", CallTime(None)),
        b"REMAIN 7568 OK\n",
    ),
    (
        b"REMAIN:7568;id:goip-1;password:goip;gsm_remain_time:0",
        Notice("REMAIN", "7568", "goip-1", "goip", CallTime(0)),
        b"REMAIN 7568 OK\n",
    ),
    (
        b"CELLS:34347;id:goip-1;password:goip;lists:689,638,783,785,640,",
        Notice("CELLS", "34347", "goip-1", "goip", Other()),
        b"CELLS 34347 OK\n",
    ),
    (
        b"USSN:9;id:goip-1;password:goip;msg:You have 1.00; thanks",
        Notice("USSN", "9", "goip-1", "goip", UssdPushed("You have 1.00; thanks")),
        b"USSN 9 OK\n",
    ),
]

ANSWERS = [
    (b"PASSWORD 11\n", Answer("PASSWORD", 11)),
    (b"SEND 11\n", Answer("SEND", 11)),
    (b"WAIT 11 2\n", Answer("WAIT", 11, "2")),
    (b"OK 11 1\n", Answer("OK", 11, "1")),
    (b"OK 11 1 32", Answer("OK", 11, "1 32")),
    (b"ERROR 11 1 errorstatus:38\n", Answer("ERROR", 11, "1 errorstatus:38")),
    (b"ERROR 11 PASSWORD\n", Answer("ERROR", 11, "PASSWORD")),
    (b"DONE 11 \n", Answer("DONE", 11)),
    (b"USSD 111 You are going to\ntransfer 10.00", Answer("USSD", 111, "You are going to\ntransfer 10.00")),
    (b"USSDERROR 111 timeout", Answer("USSDERROR", 111, "timeout")),
    (b"svr_reboot_module 5 OK", Answer("svr_reboot_module", 5, "OK")),
]

NONSENSE = [
    b"", b"\0", b"hello", b"RECEIVE:1;password:b;srcnum:1;msg:x", b"RECEIVE:1;id:a;password:b;msg:x", b"OK", b"OK x 1",
    b"RECEIVE:1;id:a;password:b;srcnum:1", b"DELIVER:1;id:a;password:b;sms_no:1;num:1", b"req:x;id:a;pass:b;",
    b"DELIVER:1;id:a;password:b;sms_no:1;state:999;num:1", b"STATE:1;id:a;password:b;gsm_remain_state:DANCING",
    b"req:1;id:a;pass:b;" + b"x" * 17_000, b"reg:1;status:0;", b"SAMPLE:1;sample",
]  # fmt: skip


@pytest.mark.parametrize(("datagram", "notice", "answer"), NOTICES)
def test_a_notice_is_read_and_acknowledged_by_its_number(datagram: bytes, notice: Notice, answer: bytes) -> None:
    read = parse(datagram)
    assert read == notice
    assert isinstance(read, Notice)
    assert acknowledge(read) == answer


@pytest.mark.parametrize(("datagram", "answer"), ANSWERS)
def test_an_answer_is_read(datagram: bytes, answer: Answer) -> None:
    assert parse(datagram) == answer
    assert answer.failed == (b"ERROR" in datagram)


@pytest.mark.parametrize("datagram", NONSENSE)
def test_nonsense_is_the_boxs_fault(datagram: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse(datagram)


def test_what_we_say_is_the_makers_example_to_the_letter() -> None:
    assert goip_codec.message(11, "hello") == b"MSG 11 5 hello\n"
    assert goip_codec.password(11, "password1") == b"PASSWORD 11 password1\n"
    assert goip_codec.send(11, 2, "+8600000000101") == b"SEND 11 2 +8600000000101\n"
    assert goip_codec.done(11) == b"DONE 11\n"
    assert goip_codec.ussd(111, "password1", "*100#") == b"USSD 111 password1 *100#\n"
    assert goip_codec.command("svr_reboot_module", 5, "password1") == b"svr_reboot_module 5 password1\n"


def test_the_length_of_a_text_is_in_octets() -> None:
    assert goip_codec.message(1, "ខ្មែរ") == b"MSG 1 15 " + "ខ្មែរ".encode() + b"\n"


@pytest.mark.parametrize("text", ["", "x" * 3001, "ខ" * 1001])
def test_a_text_that_the_box_would_cut_is_not_sent(text: str) -> None:
    with pytest.raises(ValueError, match="octets"):
        goip_codec.message(1, text)


@pytest.mark.parametrize("word", ["", "two words", "a;b", "a\n"])
def test_a_word_that_would_be_two_is_not_sent(word: str) -> None:
    with pytest.raises(ValueError, match="word"):
        goip_codec.send(1, 1, word)
    with pytest.raises(ValueError, match="word"):
        goip_codec.password(1, word)


def test_a_password_shows_nowhere() -> None:
    assert "secret" not in repr(parse(NOTICES[0][0]))


@given(st.binary(max_size=300))
@example(b"RECEIVE:" + b"9" * 20 + b";id:\xff;password:;srcnum:;msg:\xff\xfe")
@example("OK ١ 1".encode())
def test_any_octets_give_a_value_or_the_one_error(data: bytes) -> None:
    with suppress(RemoteProtocolError):
        parse(data)


@given(st.sampled_from([case[0] for case in NOTICES + ANSWERS]), st.data())
def test_a_damaged_datagram_gives_a_value_or_the_one_error(datagram: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(datagram)))
    cut = data.draw(st.integers(0, len(datagram) - at))
    with suppress(RemoteProtocolError):
        parse(datagram[:at] + data.draw(st.binary(max_size=8)) + datagram[at + cut :])
