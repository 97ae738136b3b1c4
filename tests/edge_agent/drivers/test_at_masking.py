"""masking.py: whole lines of dialogues. What our parsers read of them before, they read of them after."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.at_modem.masking import Masker
from edge_agent.drivers.at_modem.replies import parse_iccid, parse_imei, parse_imsi

private = st.text("2345678", min_size=7, max_size=20).filter(lambda digits: "783" not in digits)
"""783C1E8FC7E3F1 is what is written in place of USSD: x, packed."""
PLACES = (
    '+CLIP: "+{}",145,,,,0',
    '+CLIP: "{}",129,"","","Sok Phally {}",0',
    '+CCWA: "{}",129,1',
    '+CNUM: "Own","{}",129',
    '+CLCC: 1,1,4,0,0,"{}",129,"{}"',
    '+CMGL: 1,"REC UNREAD","+{}",,"26/11/26,11:00:00+28"',
    '+CUSD: 0,"You have {} left",15',
    '+CUSD: 1,"{}',
    '+QIND: "ccinfo",1,0,0,0,0,"{}",129',
    "^DSCI: 1,0,2,0,{},129",
    "MISSED_CALL: 11:01AM {}",
    '+CSCA: "+{}",145',
    "+CPSI: LTE,Online,001-01,0x1A2B,{},12,EUTRAN-BAND3",
    "+CCID: {}F",
    "{}",
    "Hello {} you",
    "ATD{};",
    "ATD+{}I;",
    'AT+CPIN="{}"',
    'AT+CPIN="{}","1234"',
    'AT+CLCK="SC",1,"{}"',
    'AT+CUSD=1,"*123*{}#",15',
    'AT+CMGS="+{}"',
    'AT+CPBW=1,"{}",129,"Sok"',
    "+CGSN: {}",
)


@given(private, st.sampled_from(PLACES), st.booleans(), st.sampled_from(["", "AT+CIMI", "AT+CGMR", "AT+CMGL=4"]))
def test_no_three_digits_of_anything_private_survive(digits, place, outgoing, running):
    masker = Masker()
    masker.out(running or "AT")
    line = place.replace("{}", digits)
    masked = masker.out(line) if outgoing else masker.came(line)
    assert not any(digits[at : at + 3] in masked for at in range(len(digits) - 2)), masked


@given(st.lists(st.text(st.characters(max_codepoint=255), max_size=60), max_size=20))
def test_no_line_upsets_it(lines):
    masker = Masker()
    for line in lines:
        masker.came(line)
        masker.out(line)


@pytest.mark.parametrize(
    "line",
    [
        "OK", "ERROR", "+CME ERROR: 10", "+CMS ERROR: 500", "RING", "NO CARRIER", "> ", "+CREG: 2,1", "+CSQ: 20,99",
        "+CPIN: READY", "+CPIN: SIM PUK", "^CPIN: READY,,10,3,10,3", '+CPMS: "SM",3,20,"SM",3,20,"SM",3,20',
        '+COPS: 0,2,"45606",7', '+COPS: 0,0,"Smart"', '+CMTI: "SM",5', "+CMGS: 12", "^CEND:1,12,104,16",
        "^ORIG:1,0", "VOICE CALL: BEGIN", '+QIND: "csq",20,99', "+QIND: SMS DONE", "+CNMI: (0-3),(0-3),(0,2)",
        '+QNWINFO: "FDD LTE","45606","LTE BAND 3",1300', "+CUSD: 2", "+CUSD: (0-2)", "+CCLK: \"26/11/26,11:15:28+28\"",
        "+VTS: (0-9,*,#,A-D)", "^CVOICE:0,8000,16,20",
    ],
)  # fmt: skip
def test_what_says_nothing_private_stays(line):
    assert Masker().came(line) == line


@pytest.mark.parametrize(
    "line",
    ["AT", "ATE0", "AT+CPIN?", "AT+CMGF=0", 'AT+CPMS="SM","SM","SM"', "AT+CNMI=2,1,0,2,0", "AT+CRSM=176,12258,0,0,10",
     "AT+IPR=115200", 'AT+CLCK="SC",2', "ATA", "AT+CHUP", "AT+VTS=?", 'AT+QINDCFG="ccinfo",1,0', "AT+QTONEDET=1"],
)  # fmt: skip
def test_commands_stay(line):
    assert Masker().out(line) == line


def test_what_a_modem_is_stays():
    masker = Masker()
    masker.out("AT+CGMR")
    assert masker.came("+CGMR: LE20B05SIM7600M22_20230104") == "+CGMR: LE20B05SIM7600M22_20230104"
    assert masker.came("EC25EFAR06A06M4G") == "EC25EFAR06A06M4G"


def test_identities_keep_their_shape():
    masker = Masker()
    masker.out("AT+CGSN")
    assert parse_imei([masker.came("861234567812345")]) == "000000000000001"
    masker.out("AT+CIMI")
    assert parse_imsi([masker.came("456062345678234")]) == "001010000000002"
    masker.out("AT+CCID")
    assert parse_iccid([masker.came("+CCID: 8985502345678234567F")]) == "8999000000000000003"


def test_cells_are_nowhere():
    assert Masker().came('+CREG: 2,1,"1A2B","0123ABCD",7') == '+CREG: 2,1,"0000","00000000",7'


def test_messages_in_text_mode():
    masker = Masker()
    masker.out("AT+CMGL=4")
    said = ['+CMGL: 1,"REC READ","+85523456782",,"26/11/26,11:00:00+28"', "Your code is 4321", "OK no", "OK"]
    assert [masker.came(line) for line in said] == [
        '+CMGL: 1,"REC READ","+99900000001",,"26/11/26,11:00:00+28"', "xxxx xxxx xx 0000", "xx xx", "OK",
    ]  # fmt: skip
    assert masker.came("+CREG: 1") == "+CREG: 1"


def test_bodies_out():
    masker = Masker()
    assert masker.out('AT+CMGS="+85523456782"') == 'AT+CMGS="+99900000001"'
    assert masker.out("code 4321\x1a") == "xxxx 0000\x1a"
    assert masker.out("AT+CMGS=20") == "AT+CMGS=20"
    assert masker.came("+CMS ERROR: 302") == "+CMS ERROR: 302"
    assert masker.out("AT+CSQ") == "AT+CSQ"
    masker.out("AT+CMGS=20")
    assert masker.out("\x1bAT") == "\x1bAT"


def test_ussd_over_several_lines():
    masker = Masker()
    said = ['+CUSD: 1,"Welcome 5', "1) Balance 234", 'end",15', "OK"]
    assert [masker.came(line) for line in said] == ['+CUSD: 1,"xxxxxxx 0', "0) xxxxxxx 000", 'xxx",00', "OK"]


def test_digits_that_were_pressed():
    masker = Masker()
    assert masker.out('AT+VTS="5"') == 'AT+VTS="0"'
    assert masker.out("AT^DTMF=1,7") == "AT^DTMF=1,0"
    assert masker.came("+RXDTMF: 8") == "+RXDTMF: 0"
    assert masker.came("+QTONEDET: 56") == "+QTONEDET: 48"
    assert re.fullmatch(r"AT\+CPIN=0{4}", masker.out("AT+CPIN=1234"))
