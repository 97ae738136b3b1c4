"""Dinstar's JSON as values: what is documented, what is seen on real boxes, and anything else."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.gateway import dinstar_codec as codec
from edge_agent.drivers.gateway.box_values import integer, json_of, time_of, word, zone_of, zone_option
from edge_agent.drivers.gateway.dinstar_reports import Awaited, Awaiting
from edge_agent.drivers.gateway.dinstar_values import (
    CallRecord,
    Delivered,
    IncomingSms,
    PortInfo,
    SmsResult,
    SmsStatus,
    Trouble,
    state_of,
)
from telecore.errors import Busy, DeviceRefused, InvalidRequest, NoNetwork, RemoteProtocolError
from telecore.ids import ChannelId
from telecore.model import ChannelState, LineCall


def test_what_is_sent():
    assert codec.send_sms(2, "+855", "hi", 7, report=True) == {
        "text": "hi",
        "port": [2],
        "param": [{"number": "+855", "user_id": 7}],
        "encoding": "gsm-7bit",
        "request_status_report": True,
    }
    assert codec.send_sms(2, "1", "ភ", 7, report=False)["encoding"] == "unicode"
    assert codec.send_sms(2, "1", "hi", 7, report=False, encoding="unicode")["encoding"] == "unicode"
    template = codec.send_sms(0, "1", "a #param# b", 7, report=False)
    assert (template["text"], template["param"][0]["text_param"]) == ("#param#", ["a #param# b"])
    assert codec.query_results([1, 2]) == {"user_id": [1, 2]}
    assert codec.query_delivered(["1"], "2026-01-01 00:00:00") == {"number": ["1"], "time_after": "2026-01-01 00:00:00"}
    assert codec.query_delivered() == {}
    assert dict(codec.query_incoming(9)) == {"incoming_sms_id": "9", "flag": "all"}
    assert codec.send_ussd(1, "*100#") == {"text": "*100#", "port": [1], "command": "send"}
    assert codec.cancel_ussd(1)["command"] == "cancel"
    assert dict(codec.port_info([0, 3]))["port"] == "0,3"
    assert "imei" not in dict(codec.port_info([0]))["info_type"]
    assert dict(codec.reset_port(3)) == {"port": "3", "action": "reset"}


@pytest.mark.parametrize("code", ["", "*" * 61, "ភ" * 21])
def test_ussd_codes_that_are_too_long(code):
    with pytest.raises(InvalidRequest):
        codec.send_ussd(0, code)


@pytest.mark.parametrize("code", [200, 202, "202"])
def test_answers_that_were_taken(code):
    assert codec.envelope({"error_code": code, "sn": "x"})["sn"] == "x"


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        ({"error_code": 400}, DeviceRefused),
        ({"error_code": 404}, DeviceRefused),
        ({"error_code": 413}, InvalidRequest),
        ({"error_code": 500}, DeviceRefused),
        ({"error_code": 550}, NoNetwork),
        ({"error_code": 999}, DeviceRefused),
        ({"error_code": None}, RemoteProtocolError),
        ({"error_code": True}, RemoteProtocolError),
        ({}, RemoteProtocolError),
        ([], RemoteProtocolError),
        (None, RemoteProtocolError),
    ],
)
def test_answers_that_were_not(answer, error):
    with pytest.raises(error):
        codec.envelope(answer)


def test_only_a_failure_leaves_open_whether_it_was_done():
    assert [codec.failed({"error_code": code}) for code in (500, 400, 202)] == [True, False, False]


def test_results_reports_messages_and_ports_as_documented():
    row = {
        "port": 1, "user_id": 1, "number": "10086", "time": "2014-12-12 19:29:19", "status": "SENT_OK", "count": 2,
        "succ_count": 2, "ref_id": 212, "imsi": "460004642148063",
    }  # fmt: skip
    assert codec.read_results({"result": [row]}) == (
        SmsResult(1, "10086", SmsStatus.SENT_OK, 1, 2, 2, 212, "2014-12-12 19:29:19"),
    )
    report = {"port": 0, "number": "10086", "time": "2016-07-12 15:46:53", "ref_id": 215, "status_code": 0}
    assert codec.read_delivered({"result": [report]}) == (Delivered(0, "10086", 215, 0, "2016-07-12 15:46:53"),)
    sms = {
        "incoming_sms_id": 1, "port": 1, "number": "6717", "smsc": "+86138", "timestamp": "2016-07-12 15:46:18",
        "text": "test",
    }  # fmt: skip
    assert codec.read_incoming({"sms": [sms]}) == (IncomingSms(1, "6717", "test", "2016-07-12 15:46:18", "+86138", 1),)
    info = {"port": 0, "type": "GSM", "reg": "REGISTER_OK", "callstate": "Idle", "signal": 17, "iccid": "<NULL>"}
    assert codec.read_ports({"info": [info]}) == (PortInfo(0, "REGISTER_OK", "", "", "", "GSM", 17, LineCall.IDLE),)


def test_rows_of_other_types_than_documented():
    results = codec.read_results({"result": [{"port": "3", "status": "sent_ok", "user_id": "9", "ref_id": "7"}, 5, {}]})
    assert results == (SmsResult(3, "", SmsStatus.SENT_OK, 9, 1, 0, 7),)
    assert codec.read_results({"result": {"port": 1, "status": "NEW"}})[0].status is SmsStatus.UNKNOWN
    assert codec.read_results({"result": [{"port": 1, "count": 10**9}]})[0].count == 1
    assert codec.read_delivered({"result": [{"port": 1, "ref_id": 1, "status_code": 256}, {"port": 1}]}) == ()
    assert codec.read_incoming({"sms": "none"}) == ()
    assert codec.read_incoming({"sms": [{"port": 0, "text": "\ud83d"}]})[0].text == "\ufffd"


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([{"port": 1, "status": 486}], Busy),
        ([{"port": 1, "status": 503}], NoNetwork),
        ([{"port": 1, "status": 404}], DeviceRefused),
        ([{"port": 2, "status": 200}], RemoteProtocolError),
        (None, RemoteProtocolError),
    ],
)
def test_an_accepted_code_that_the_port_did_not_send(rows, error):
    with pytest.raises(error):
        codec.check_ussd_sent({"result": rows}, 1)


def test_webhooks():
    push = codec.read_push(
        {
            "sn": "db01",
            "sms": [{"port": 1, "number": "1", "text": "t", "timestamp": "x"}],
            "sms_result": [{"port": 1, "status": "DELIVERED", "ref_id": 215}],
            "sms_deliver_status": [{"port": 1, "ref_id": 215, "status_code": 0}],
            "ussd": [{"port": 1, "text": "Thank you!"}],
            "cdr": [{"port": 2, "direction": "gsm->ip", "duration": 3, "gsm_code": 16, "start_date": "d"}],
            "exception_info": {"port": 4, "type": "call_fail", "action": "reset"},
            "register": [{"port": 8, "status": "up"}],
            "device": {"port_number": 32, "status": "power_off"},
        }
    )
    assert push.sn == "db01"
    assert push.sms[0].text == "t"
    assert push.results[0].status is SmsStatus.DELIVERED
    assert push.delivered[0].ref == 215
    assert push.ussd[0].text == "Thank you!"
    assert push.calls == (CallRecord(2, False, "", "", 3, 16, "d"),)
    assert push.troubles == (Trouble(4, "call_fail", "reset"),)
    assert push.registered == {8}
    assert push.power == "power_off"
    assert codec.read_push({}) == codec.Push()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(
        ["sn", "sms", "port", "text", "result", "info", "status", "ref_id", "user_id", "error_code", "reply", "ussd",
         "device", "exception_info", "register", "cdr", "number", "timestamp", "count", "status_code", "gsm_code"]
    ), inner, max_size=5),
    max_leaves=20,
)  # fmt: skip


@given(JSON)
def test_any_json_gives_values_or_one_error(value):
    with suppress(RemoteProtocolError):
        codec.read_push(value)
    with suppress(RemoteProtocolError, DeviceRefused, InvalidRequest, NoNetwork):
        for read in (codec.read_results, codec.read_delivered, codec.read_incoming, codec.read_ports, codec.read_ussd):
            read({"error_code": 200, **codec.envelope(value)})


@given(st.binary(max_size=200))
def test_any_octets_are_json_or_one_error(octets):
    with suppress(RemoteProtocolError):
        json_of(octets)


def test_json_that_is_almost_json():
    assert json_of(b'\xef\xbb\xbf{"text": "two\nlines\xff"}') == {"text": "two\nlines\ufffd"}
    with pytest.raises(RemoteProtocolError):
        json_of(b"[" * 100_000)


@pytest.mark.parametrize(
    ("reg", "state", "lock"),
    [
        ("REGISTER_OK", ChannelState.REGISTERED, ""),
        ("NO_SIM", ChannelState.ABSENT, ""),
        ("PIN_REQUIRE", ChannelState.LOCKED, "SIM PIN"),
        ("PUK_REQUIRE", ChannelState.LOCKED, "SIM PUK"),
        ("POWER_OFF", ChannelState.DISABLED, ""),
        ("UNREGISTER", ChannelState.SEARCHING, ""),
        ("SEARCHING_NETWORK", ChannelState.SEARCHING, ""),
        ("REGISTER_DENIED", ChannelState.DENIED, ""),
        ("", ChannelState.SEARCHING, ""),
        ("WHATEVER", ChannelState.SEARCHING, ""),
    ],
)
def test_registrations(reg, state, lock):
    found = state_of(reg)
    assert (found[0], found[2]) == (state, lock)


def test_values_of_boxes():
    assert [integer(value) for value in (5, "5", " -3 ", True, "5x", None, 10**30, "٣")] == [5, 5, -3] + [None] * 5
    assert [word(value) for value in (" a ", "<NULL>", "-1", 7, None, True, 10**400)] == ["a", "", "", "7", "", "", ""]
    assert time_of("2026-05-04 10:00:00", zone_of("+07:00")).isoformat() == "2026-05-04T03:00:00+00:00"
    assert time_of("yesterday") is None
    assert (zone_option({}), zone_option({"timezone": "+07:00"})) == (None, zone_of("+07:00"))
    with pytest.raises(InvalidRequest, match="must be an offset"):
        zone_option({"timezone": "Asia/Vientiane"})
    assert [zone_of(text) for text in ("", "x", "+99", "7")] == [None] * 4


def test_reports_find_the_newest_submit_and_the_right_segment():
    awaiting = Awaiting()
    for user_id, refs in ((1, (254, 255, 0)), (2, (255,))):
        awaiting.add(Awaited(user_id, ChannelId("c"), 0, "+85512000001", refs, "t", 0.0, 0.0))
    assert awaiting.find(0, "012000001", 255)[0].user_id == 2
    entry, segment = awaiting.find(0, "+85512000001", 0)
    assert (entry.user_id, segment) == (1, 2)
    assert awaiting.find(1, "+85512000001", 0) is None
    assert awaiting.find(0, "+85512000002", 0) is None


def test_reports_are_asked_for_ever_more_rarely_and_not_for_ever():
    awaiting = Awaiting()
    awaiting.add(Awaited(1, ChannelId("c"), 0, "1", (1,), "t", 0.0, 0.0))
    asked = [now for now in range(0, 4000) if awaiting.due(float(now), 10)]
    assert asked[:4] == [0, 1, 2, 3]
    assert len(asked) < 50
    assert max(b - a for a, b in zip(asked, asked[1:], strict=False)) <= 601
    assert awaiting.due(73 * 3600.0, 10) == []
    assert len(awaiting) == 0


def test_what_is_sent_is_json():
    json.dumps(codec.send_sms(0, "1", "x", 1, report=True))
