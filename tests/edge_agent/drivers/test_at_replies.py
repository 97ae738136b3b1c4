"""replies.py: one table of (line, value) per answer, in the shapes that modems really send."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.drivers.at_modem import replies as r
from edge_agent.drivers.at_modem.call_cause import parse_ceer
from telecore.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("line", "answer", "value"),
    [
        ("+CREG: 2,1", True, r.Registration("", 1)),
        ("+CREG: 0, 5", True, r.Registration("", 5)),
        ('+CREG: 2,1,"00C3","1B9A",2', True, r.Registration("", 1, "00C3", "1B9A", 2)),
        ('+CEREG: 2,3,"00C3","0A1B2C3D",7', True, r.Registration("E", 3, "00C3", "0A1B2C3D", 7)),
        ("+CREG: 1", False, r.Registration("", 1)),
        ("+CREG:1", False, r.Registration("", 1)),
        ('+CREG: 1,"00C3","1B9A",2', False, r.Registration("", 1, "00C3", "1B9A", 2)),
        ('+CGREG: 3,"00C3","1B9A",0,0,2', False, r.Registration("G", 3, "00C3", "1B9A", 0, 2)),
    ],
)
def test_creg(line, answer, value):
    assert r.parse_creg(line, answer=answer) == value


@pytest.mark.parametrize(("stat", "registered", "roaming"), [(1, True, False), (5, True, True), (2, False, False)])
def test_registered(stat, registered, roaming):
    registration = r.Registration("", stat)
    assert (registration.registered, registration.roaming) == (registered, roaming)


@pytest.mark.parametrize(
    ("line", "dbm"), [("+CSQ: 20,99", -73), ("+CSQ: 0,0", -113), ("+CSQ:31,0", -51), ("+CSQ: 99,99", None)]
)
def test_csq(line, dbm):
    assert r.parse_csq(line) == dbm


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ('+COPS: 0,0,"Cell, card",7', r.Operator("Cell, card", False, 7)),
        ('+COPS: 0,2,"45601"', r.Operator("45601", True)),
        ("+COPS: 0", r.Operator(None)),
        ('+COPS: 0,0,""', r.Operator(None)),
    ],
)
def test_cops(line, value):
    assert r.parse_cops(line) == value


def test_cpms():
    assert r.parse_cpms("+CPMS: 3,20,0,20,3,20")[0] == r.Storage("", 3, 20)
    assert r.parse_cpms('+CPMS: "SM",3,20,"ME",0,23,"SM",3,20')[1] == r.Storage("ME", 0, 23)


def test_cmgl_keeps_the_index_of_each_and_skips_what_has_no_pdu():
    lines = ["+CMGL: 1,1,,28", "0791aa", "+CMGL: 4,,,28", "+CMGL: 7,0,,28", "0791BB"]
    assert r.parse_cmgl(lines) == (r.Stored(1, 1, "0791AA"), r.Stored(7, 0, "0791BB"))


def test_cmgr():
    assert r.parse_cmgr(["+CMGR: 0,,28", "0791AA"]) == r.Stored(None, 0, "0791AA")
    assert r.parse_cmgr(["+CMGR: ,,28", "0791AA"]) == r.Stored(None, None, "0791AA")
    assert r.parse_cmgr([]) is None


@pytest.mark.parametrize(("line", "ref"), [("+CMGS: 12", 12), ('+CMGS: 255,"26/01"', 255), ("+CMGS:0", 0)])
def test_cmgs(line, ref):
    assert r.parse_cmgs([line]) == ref


@pytest.mark.parametrize(
    ("line", "place"), [('+CMTI: "SM",3', ("SM", 3)), ('+CMTI: "ME", 12', ("ME", 12)), ('+CDSI: "SR",4', ("SR", 4))]
)
def test_where_a_message_lies(line, place):
    assert r.parse_stored_at(line) == place


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('+CUSD: 0,"Balance 5.00",15', r.Cusd(0, "Balance 5.00", 15)),
        ('+CUSD: 0, "Balance", 15', r.Cusd(0, "Balance", 15)),
        ('+CUSD: 0,"x"', r.Cusd(0, "x", None)),
        ("+CUSD: 2", r.Cusd(2, "", None)),
        ("+CUSD: 4", r.Cusd(4, "", None)),
        ('+CUSD: 1,"line one\nSPRING OFFER "big"\n2) RING",72', r.Cusd(1, 'line one\nSPRING OFFER "big"\n2) RING', 72)),
        ('+CUSD: 1,"never closed', r.Cusd(1, "never closed", None)),
    ],
)
def test_cusd(text, value):
    assert r.parse_cusd(text) == value


@pytest.mark.parametrize(
    ("line", "state"),
    [("+CPIN: READY", "READY"), ("+CPIN:SIM PUK", "SIM PUK"), ("+CPIN: NOT INSERTED", "NOT INSERTED")],
)
def test_cpin(line, state):
    assert r.parse_cpin(line) == state


@pytest.mark.parametrize(
    ("lines", "retries"),
    [
        (["+CPINR: SIM PIN, 3, 3"], 3),
        (["+CPINR: SIM PUK, 10, 10", "+CPINR: SIM PIN, 1, 3"], 1),
        (["^CPIN: SIM PIN,,10,2,10,3"], 2),
        (["^CPIN: READY,,10,3,10,3"], 3),
        (["+SPIC: 3,10,0,10"], 3),
        ([], None),
        (["+CPINR: nonsense"], None),
    ],
)
def test_pin_retries(lines, retries):
    assert r.parse_pin_retries(lines) == retries


@pytest.mark.parametrize(
    "line",
    [
        '+CRSM: 144,0,"98589519000000001070"',
        "+CRSM: 144,0,98589519000000001070",
        "+ICCID: 89855991000000000107",
        '+CCID: "89855991000000000107"',
        "89855991000000000107",
        "^ICCID: 89855991000000000107F",
    ],
)
def test_iccid(line):
    assert r.parse_iccid([line]) == "89855991000000000107"


def test_iccid_of_19_digits_and_of_none():
    assert r.parse_iccid(['+CRSM: 144,0,"989519000000000010F7"']) == "8959910000000000017"
    assert r.parse_iccid(["+CRSM: 106,130"]) is None


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ('+CNUM: "","85512345678",145', ["+85512345678"]),
        ('+CNUM: "Voice","+85512345678",145', ["+85512345678"]),
        ('ERROR+CNUM: "","012345678",129', ["012345678"]),
        ('+CNUM: "","",129', []),
    ],
)
def test_cnum(line, numbers):
    assert r.parse_cnum([line]) == numbers


def test_identity_with_and_without_prefix():
    assert r.parse_identity(["+CGMR: LE20B04SIM7600M22"], "+CGMR") == "LE20B04SIM7600M22"
    assert r.parse_identity(["11.126.85.00.209"], "+CGMR") == "11.126.85.00.209"
    assert r.parse_imei(['+CGSN: "350000000000014"']) == "350000000000014"
    assert r.parse_imei(["nothing"]) is None


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        ('+CEER: 17,"User busy"', 17),
        ("+CEER: Error [17]", 17),
        ("+CEER: Normal call clearing", 16),
        ("+CEER: User alerting, no answer", 19),
        ("+CEER: No cause information available", None),
        ("+CEER: 5,31", 31),
    ],
)
def test_ceer(line, cause):
    assert parse_ceer([line]) == cause


PARSERS = [
    lambda line: r.parse_creg(line, answer=True),
    lambda line: r.parse_creg(line, answer=False),
    r.parse_csq,
    r.parse_cops,
    r.parse_cpms,
    r.parse_stored_at,
    r.parse_cusd,
    r.parse_cpin,
    lambda line: r.parse_cmgs([line]),
    lambda line: r.parse_cmgl([line, "00"]),
    lambda line: r.parse_cmgr([line, "00"]),
    lambda line: r.parse_cnum([line]),
    lambda line: r.parse_iccid([line]),
    lambda line: r.parse_imsi([line]),
    lambda line: parse_ceer([line]),
    lambda line: r.parse_pin_retries([line]),
]
PREFIXES = [
    "",
    "+CREG: ",
    "+CSQ: ",
    "+COPS: ",
    "+CPMS: ",
    '+CMTI: "SM",',
    "+CUSD: ",
    "+CPIN: ",
    "+CMGS: ",
]


@given(st.sampled_from(PREFIXES + ["+CMGL: ", "+CMGR: ", "+CNUM: ", "+CEER: "]), st.text(max_size=60))
def test_any_text_gives_a_value_or_one_error(prefix, text):
    for parse in PARSERS:
        try:
            parse(prefix + text)
        except RemoteProtocolError:
            continue


@pytest.mark.parametrize("parse", PARSERS)
def test_a_number_without_end_is_no_number(parse):
    for prefix in [*PREFIXES, "+CMGL: ", "+CMGR: ", "+CPINR: SIM PIN, ", '+CUSD: 0,"x",', "+CREG: 2,1,,,"]:
        with contextlib.suppress(RemoteProtocolError):
            parse(prefix + "9" * 5000)
