"""GoIP's pages as values: as real boxes write them, and anything else."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.gateway import goip_http_codec as codec
from edge_agent.drivers.gateway.box_values import zone_of
from edge_agent.drivers.gateway.goip_http_codec import Job, Listed
from telecore.model import ChannelState, LineCall

STATUS = """<?xml version="1.0" encoding="gb2312"?><status>
<l1_module_status_gsm>Y</l1_module_status_gsm><l1_gsm_sim>Y</l1_gsm_sim><l1_gsm_status>Y</l1_gsm_status>
<l1_gsm_signal>&lt;font color="#FF0000">9&lt;/font></l1_gsm_signal><l1_gsm_cur_oper>CELL &amp;amp; CO</l1_gsm_cur_oper>
<l2_gsm_sim>Y</l2_gsm_sim><l2_gsm_status>&lt;font color="#FF0000">N&lt;/font></l2_gsm_status>
<l2_gsm_signal>&lt;font color="#FF0000">99&lt;/font></l2_gsm_signal><l2_gsm_cur_oper>&nbsp;</l2_gsm_cur_oper>
<l3_gsm_sim>N</l3_gsm_sim><l4_module_status_gsm>N</l4_module_status_gsm><l99_gsm_sim>Y</l99_gsm_sim>
</status>"""


def test_lines_as_boxes_write_them():
    lines = codec.read_lines(STATUS)
    assert sorted(lines) == [1, 2, 3, 4]
    assert (lines[1].state[0], lines[1].signal, lines[1].get("gsm_cur_oper")) == (
        ChannelState.REGISTERED,
        9,
        "CELL & CO",
    )
    assert (lines[2].state[0], lines[2].signal, lines[2].get("gsm_cur_oper")) == (ChannelState.SEARCHING, 99, "")
    assert lines[3].state[0] is ChannelState.ABSENT
    assert lines[4].state[0] is ChannelState.DISABLED
    assert lines[1].call is None


@pytest.mark.parametrize(
    ("told", "call"), [("RINGING", LineCall.INCOMING), ("Connected", LineCall.CONNECTED), ("?", None)]
)
def test_what_a_line_is_doing(told, call):
    assert codec.read_lines(f"<l1_line_state>{told}</l1_line_state>")[1].call is call


def test_pages_are_joined():
    more = codec.read_lines("<l1_sim_imsi>456010000000001</l1_sim_imsi>")
    assert codec.joined(codec.read_lines(STATUS), more)[1].get("sim_imsi") == "456010000000001"


def test_jobs_by_either_name_of_their_key():
    page = (
        "<send-sms-status><id1>00000e7c</id1><status1>DONE</status1><error1></error1><id2/><status2/><error2/>"
        "<smskey3>6a52d52c</smskey3><status3>DONE</status3><error3>2172</error3><smskey4>x</smskey4>"
        "<status4>STARTED</status4><error4>a &amp; b</error4></send-sms-status>"
    )
    assert codec.read_jobs(page) == {
        1: Job("00000e7c", True, ""), 3: Job("6a52d52c", True, "2172"), 4: Job("x", False, "a & b"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("error", "kind", "code"), [("38", "cms", 38), ("2172", "error", None), ("odd", "error", None)]
)
def test_refusals(error, kind, code):
    refusal = codec.refusal(error)
    assert (refusal.kind, refusal.code) == (kind, code)


def test_an_inbox_as_boxes_write_it():
    page = (
        '<script>\nsms= ["05-04 10:00:00,+85512,hi, you","05-04 09:00:00,Bank,a];b \\"q\\"","",""];\r\n'
        'sms_row_insert(l3_sms_store, sms, sms_pos, 3);\r\nsms= ["",""];\nsms_row_insert(x, sms, y, 4);\n'
        'sms = ["bad", 5, "05-04 08:00:00,1,no line named"];\n</script>'
    )
    assert codec.read_inbox(page) == (
        Listed(3, "05-04 10:00:00", "+85512", "hi, you"),
        Listed(3, "05-04 09:00:00", "Bank", 'a];b "q"'),
        Listed(3, "05-04 08:00:00", "1", "no line named"),
    )


@pytest.mark.parametrize(
    ("stamp", "now", "moment"),
    [
        ("05-04 10:00:00", "2026-05-05", "2026-05-04"),
        ("12-31 10:00:00", "2026-01-02", "2025-12-31"),
        ("01-01 10:00:00", "2025-12-31", "2026-01-01"),
        ("02-29 10:00:00", "2025-03-01", "2024-02-29"),
    ],
)
def test_the_year_of_a_stamp(stamp, now, moment):
    found = Listed(1, stamp, "x", "y").sent_at(
        datetime.fromisoformat(now).replace(tzinfo=UTC, hour=12), zone_of("+00:00")
    )
    assert found.date().isoformat() == moment


def test_a_stamp_that_is_none():
    assert Listed(1, "yesterday", "x", "y").sent_at(datetime.now(UTC), None) is None


def test_forms():
    assert dict(codec.sms_form(2, "k", "+855", "t")) == {
        "line2": "1", "smskey": "k", "action": "SMS", "telnum": "+855", "smscontent": "t", "send": "Send",
    }  # fmt: skip
    assert dict(codec.ussd_form(2, "k", "*1#"))["action"] == "USSD"
    assert dict(codec.module_query(3, on=False)) == {"type": "list", "down": "1", "line": "3"}


PIECES = st.sampled_from(
    ["<l1_gsm_sim>", "</l1_gsm_sim>", "sms= [", "];", '"05-04 1,2,3"', "&lt;font>", "<smskey1>", "x"]
)


@given(st.lists(PIECES | st.text(max_size=9), max_size=30).map("".join))
def test_any_page_gives_values(page):
    codec.read_lines(page)
    codec.read_jobs(page)
    codec.read_inbox(page)
    codec.read_box(page)


def test_a_long_page_of_tags_is_read_in_no_time():
    codec.read_lines("<l1_a>" * 20_000)
    codec.read_inbox("sms= [" * 20_000)
