"""engine.py and grammar.py: answers, URCs, prompts and silences, however the bytes are cut and whatever is between."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.drivers.at_modem.engine import (
    CLEAN_PROBES,
    FAILED_PROBES,
    MAX_ANSWER_LINES,
    TABLE,
    Answered,
    Engine,
    Hung,
    Ready,
    Silent,
    State,
    Urc,
)
from edge_agent.drivers.at_modem.grammar import Command, Final, Grammar
from telecore.errors import LocalProtocolError

GRAMMAR = Grammar.of([r"^\^RSSI: ?\d+$", r"^VOICE CALL: ?BEGIN$"])
OK = Final("ok", None, "OK")
PDU = "0791AABB"

# command, the answer in the pieces between which something may come, its information lines, its final result
DIALOGUES = [
    (Command("AT+CSQ"), [b"\r\n+CSQ: 20,99\r\n", b"\r\nOK\r\n"], ("+CSQ: 20,99",), OK),
    (Command("AT+CREG?"), [b"\r\n+CREG: 2,1\r\n", b"\r\nOK\r\n"], ("+CREG: 2,1",), OK),
    (
        Command("AT+CREG?"),
        [b'\r\n+CREG: 2,5,"00C3","0A1B",7\r\n', b"\r\nOK\r\n"],
        ('+CREG: 2,5,"00C3","0A1B",7',),
        OK,
    ),
    (Command("AT+CGMM"), [b"\r\nSIMCOM_SIM7600E-H\r\n", b"\r\nOK\r\n"], ("SIMCOM_SIM7600E-H",), OK),
    (Command("AT+CGMR"), [b"\r\n+CGMR: LE20B04\r\n", b"\r\nOK\r\n"], ("+CGMR: LE20B04",), OK),
    (Command("AT+CNUM"), [b'\r\nERROR+CNUM: "","123",129\r\n', b"\r\nOK\r\n"], ('ERROR+CNUM: "","123",129',), OK),
    (
        Command("AT+CMGL=4"),
        [b"\r\n+CMGL: 1,1,,28\r\n", b"0791AA\r\n", b"+CMGL: 2,0,,28\r\n", b"0791BB\r\n", b"\r\nOK\r\n"],
        ("+CMGL: 1,1,,28", "0791AA", "+CMGL: 2,0,,28", "0791BB"),
        OK,
    ),
    (Command("AT+CMGD=3"), [b"\r\n+CMS ERROR: 321\r\n"], (), Final("cms", 321, "321")),
    (Command("AT+CPIN?"), [b"\r\n+CME ERROR: SIM not inserted\r\n"], (), Final("cme", 10, "SIM not inserted")),
    (Command("AT^CVOICE?"), [b"\r\nCOMMAND NOT SUPPORT\r\n"], (), Final("unsupported", None, "COMMAND NOT SUPPORT")),
    (Command("ATD+85512;"), [b"\r\nBUSY\r\n"], (), Final("call", None, "BUSY")),
    (Command('AT+CUSD=1,"*100#",15'), [b"\r\nOK\r\n"], (), OK),
    (Command("AT+COPS?"), [b'\r\n+COPS: 0,0,"OK",7\r\n', b"\r\nOK\r\n"], ('+COPS: 0,0,"OK",7',), OK),
    (
        Command("AT+CMGS=8", body=PDU),
        [b"\r\n> ", b"\r\n+CMGS: 12\r\n", b"\r\nOK\r\n"],
        ("+CMGS: 12",),
        OK,
    ),
    (Command("AT+CMGS=8", body=PDU), [b"\r\n>", b"\r\n+CMS ERROR: 38\r\n"], (), Final("cms", 38, "38")),
]
URCS = [
    b'\r\n+CMTI: "SM",3\r\n',
    b"\r\nRING\r\n",
    b'\r\n+CLIP: "+85512345678",145,"",0,"",0\r\n',
    b"\r\n+CMT: ,28\r\n0791CC\r\n",
    b'\r\n+CUSD: 1,"OK\r\nERROR\r\n1) BUSY",15\r\n',
    b'\r\n+CREG: 1,"00C3","1B9A",2\r\n',
    b"\r\n^RSSI:18\r\n",
    b"\r\nVOICE CALL: BEGIN\r\n",
]
GARBAGE = [b"\r\n\xff\xfe\x80\r\n", b"\0\0\0\r\n", b"\r\n\x1b[31m\xc3(\r\n", b"\r\nOKAY your plan\r\n", b"\r\n" * 5]


def run(engine, pieces):
    """Feed bytes, let time pass a little between them; all outcomes."""
    found = []
    for number, piece in enumerate(pieces):
        engine.feed(piece, number * 0.001)
        engine.tick(number * 0.001)
        found += engine.outcomes()
    return found


def answered(found):
    return [outcome for outcome in found if isinstance(outcome, Answered)]


def as_bytes(pieces):
    return [bytes([byte]) for piece in pieces for byte in piece]


@pytest.mark.parametrize("cut", [lambda pieces: [b"".join(pieces)], lambda pieces: pieces, as_bytes])
@pytest.mark.parametrize(("command", "pieces", "lines", "final"), DIALOGUES, ids=lambda v: getattr(v, "text", None))
class TestDialogues:
    def test_alone(self, command, pieces, lines, final, cut):
        engine = Engine(GRAMMAR)
        engine.start(command, 0.0)
        assert engine.data_to_send() == command.text.encode() + b"\r"
        found = run(engine, cut(pieces))
        assert answered(found) == [Answered(command, lines, final)]
        assert not [outcome for outcome in found if isinstance(outcome, Urc)]
        if command.body:
            assert engine.data_to_send() == PDU.encode() + b"\x1a"

    def test_with_echo(self, command, pieces, lines, final, cut):
        engine = Engine(GRAMMAR)
        engine.start(command, 0.0)
        echo = [command.text.encode() + b"\r", *pieces]
        if command.body:
            echo.insert(2, PDU.encode() + b"\x1a")
        found = run(engine, cut(echo))
        assert answered(found) == [Answered(command, lines, final)]
        assert not [outcome for outcome in found if isinstance(outcome, Urc)]

    @pytest.mark.parametrize("urc", URCS, ids=lambda urc: urc.decode().split("\r\n")[1])
    def test_a_urc_in_every_gap(self, command, pieces, lines, final, cut, urc):
        for gap in range(len(pieces) + 1):
            engine = Engine(GRAMMAR)
            engine.start(command, 0.0)
            found = run(engine, cut([*pieces[:gap], urc, *pieces[gap:]]))
            assert answered(found) == [Answered(command, lines, final)], gap
            assert len([outcome for outcome in found if isinstance(outcome, Urc)]) == 1, gap

    @pytest.mark.parametrize("noise", GARBAGE)
    def test_garbage_in_every_gap(self, command, pieces, lines, final, cut, noise):
        if command.text in ("AT+CGMM", "AT+CGMR") and noise.startswith(b"\r\nOKAY"):
            return  # a word in answer to a question for a word is an answer
        for gap in range(len(pieces) + 1):
            engine = Engine(GRAMMAR)
            engine.start(command, 0.0)
            found = run(engine, cut([*pieces[:gap], noise, *pieces[gap:]]))
            assert answered(found) == [Answered(command, lines, final)], gap


def test_no_carrier_ends_a_dial_but_is_news_for_others():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CSQ"), 0.0)
    found = run(engine, [b"\r\nNO CARRIER\r\n", b"\r\n+CSQ: 3,0\r\n\r\nOK\r\n"])
    assert found[0] == Urc("NO CARRIER")
    assert answered(found)[0].lines == ("+CSQ: 3,0",)


def test_an_ok_after_a_dials_no_carrier_answers_nothing():
    engine = Engine(GRAMMAR)
    engine.start(Command("ATA"), 0.0)
    engine.feed(b"\r\nNO CARRIER\r\n", 0.0)
    assert engine.state is State.SETTLE
    engine.feed(b"\r\nOK\r\n", 0.05)
    assert [type(outcome) for outcome in engine.outcomes()] == [Answered]
    engine.tick(0.2)
    assert engine.outcomes() == [Ready()]


def test_a_finals_word_as_part_of_a_line_ends_nothing():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CSQ"), 0.0)
    assert not answered(run(engine, [b"\r\nOKAY\r\nERRORS\r\nNO CARRIERS\r\n OK ?\r\n"]))


def test_only_one_command_at_a_time():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CSQ"), 0.0)
    with pytest.raises(LocalProtocolError):
        engine.start(Command("AT"), 0.0)


def test_an_ok_instead_of_the_prompt_does_not_count_as_sent():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CMGS=8", body=PDU, prompt_s=2.0), 0.0)
    engine.feed(b"\r\nOK\r\n", 0.1)
    assert engine.outcomes() == []
    engine.tick(2.0)
    [silent] = engine.outcomes()
    assert (silent.submitted, engine.submitted) == (False, False)


def late(engine, now, reply):
    """Let a modem answer what is written, from now until the engine is idle or hung; all outcomes."""
    found = engine.outcomes()
    for _ in range(200):
        if engine.state in (State.IDLE, State.HUNG):
            break
        sent = engine.data_to_send()
        if sent:
            for piece in reply(sent):
                engine.feed(piece, now)
        found += engine.outcomes()
        if engine.deadline is not None:
            now = max(now, engine.deadline)
        engine.tick(now)
        found += engine.outcomes()
    return found, now


def test_silence_makes_the_port_dirty_and_two_clean_probes_make_it_clean():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CSQ", timeout_s=2.0), 0.0)
    engine.data_to_send()
    engine.tick(2.0)
    assert engine.outcomes() == [Silent(Command("AT+CSQ", timeout_s=2.0), submitted=False)]
    sent = []

    def reply(data):
        sent.append(data)
        return [b"\r\nOK\r\n"] if data == b"AT\r" else []

    found, _ = late(engine, 2.0, reply)
    assert sent == [b"\x1b"] + [b"AT\r"] * CLEAN_PROBES
    assert found == [Ready()]


@pytest.mark.parametrize("delay", [1, 2, 3])
def test_a_late_answer_never_answers_the_next_command(delay):
    """The modem works off its input one by one: what it owes comes before what is asked now."""
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CMGD=1", timeout_s=1.0), 0.0)
    engine.data_to_send()
    engine.tick(1.0)
    owed = [b"\r\nOK\r\n"]
    probes = []

    def reply(data):
        probes.append(data)
        if data != b"AT\r":
            return []
        owed.append(b"\r\nOK\r\n")
        if len(probes) <= delay:
            return []  # still busy with the first command
        taken, owed[:] = list(owed), []
        return taken

    found, now = late(engine, 1.0, reply)
    assert found[-1] == Ready()
    assert owed == []
    engine.start(Command("AT+CREG?"), now)
    engine.feed(b"\r\n+CREG: 2,1\r\n\r\nOK\r\n", now)
    assert answered(engine.outcomes())[0].lines == ("+CREG: 2,1",)


def test_a_late_line_while_probing_starts_the_cleaning_again():
    engine = Engine(GRAMMAR)
    engine.resynchronise(0.0)
    engine.tick(0.3)
    assert engine.state is State.PROBE
    engine.feed(b"\r\n+CSQ: 1,2\r\n", 0.3)
    assert engine.state is State.SILENCE


def test_urcs_are_told_while_the_port_is_dirty():
    engine = Engine(GRAMMAR)
    engine.resynchronise(0.0)
    engine.feed(b'\r\nRING\r\n\r\n+CMTI: "SM",1\r\n', 0.1)
    assert engine.outcomes() == [Urc("RING"), Urc('+CMTI: "SM",1')]


def test_noise_does_not_keep_the_port_dirty():
    engine = Engine(GRAMMAR)
    engine.resynchronise(0.0)
    found, now = late(engine, 0.0, lambda data: [b"\xff\xfe\r\n", b"\r\nOK\r\n"] if data == b"AT\r" else [b"\xff\r\n"])
    assert found[-1] == Ready()
    assert now < 2.0


def test_a_modem_that_takes_escape_for_the_beginning_of_a_command_comes_into_step():
    """As ofono-phonesim does, and says nothing to a line that does not begin with AT."""
    engine = Engine(GRAMMAR)
    engine.resynchronise(0.0)
    line = bytearray()

    def reply(data):
        line.extend(data)
        if not line.endswith(b"\r"):
            return []
        command = bytes(line)
        line.clear()
        return [b"\r\nOK\r\n"] if command.startswith(b"AT") else []

    found, _ = late(engine, 0.0, reply)
    assert found == [Ready()]


def test_no_answer_to_any_probe_is_hung():
    engine = Engine(GRAMMAR)
    engine.resynchronise(0.0)
    found, now = late(engine, 0.0, lambda data: [])
    assert found == [Hung()]
    assert engine.state is State.HUNG
    assert now < 15.0
    assert FAILED_PROBES > CLEAN_PROBES


def test_no_prompt_sends_escape():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CMGS=8", body=PDU, prompt_s=5.0), 0.0)
    engine.data_to_send()
    engine.tick(5.0)
    assert engine.data_to_send() == b"\x1b"
    assert isinstance(engine.outcomes()[0], Silent)


def test_a_late_prompt_is_not_answered():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CMGS=8", body=PDU, prompt_s=5.0), 0.0)
    engine.tick(5.0)
    engine.data_to_send()
    engine.feed(b"\r\n> \r\nOK\r\n", 5.1)
    assert PDU.encode() not in engine.data_to_send()


def test_silence_after_the_body_says_so():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CMGS=8", 30.0, PDU), 0.0)
    engine.feed(b"\r\n> ", 0.1)
    assert engine.submitted
    engine.tick(30.2)
    assert engine.outcomes()[0].submitted


def test_abort_leaves_the_text_entry_only_before_the_body():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CMGS=8", body=PDU), 0.0)
    engine.data_to_send()
    engine.abort(0.1)
    assert engine.data_to_send() == b"\x1b"
    other = Engine(GRAMMAR)
    other.start(Command("AT+CMGS=8", body=PDU), 0.0)
    other.feed(b"> ", 0.1)
    other.data_to_send()
    other.abort(0.2)
    assert (other.data_to_send(), other.state) == (b"", State.SUBMITTED)


def test_half_a_line_that_stays_is_noise():
    engine = Engine(GRAMMAR)
    engine.feed(b"\x80\x80", 0.0)
    engine.tick(2.0)
    engine.start(Command("AT"), 2.0)
    engine.feed(b"OK\r\n", 2.1)
    assert answered(engine.outcomes())


def test_the_table_leads_out_of_every_state():
    assert {state for state, _ in TABLE} == set(State) - {State.HUNG}


@settings(max_examples=200)
@given(st.lists(st.one_of(st.binary(max_size=30), st.sampled_from([*URCS, *GARBAGE, b"\r\n> ", b"\r\nOK\r\n"]))))
def test_nothing_upsets_it(pieces):
    engine = Engine(GRAMMAR)
    now = 0.0
    for piece in pieces:
        now += 0.5
        if engine.state is State.IDLE:
            engine.start(Command("AT+CMGS=8", body=PDU) if len(piece) % 2 else Command("AT+CSQ"), now)
        engine.feed(piece, now)
        engine.tick(now)
        engine.outcomes()
        engine.data_to_send()
    assert engine.state in State


def test_an_answer_without_end_is_bounded():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CMGL=4", 40.0), 0.0)
    for _ in range(100):
        engine.feed(b"+CMGL: 1,1,,24\r\n0791\r\n" * 1000, 1.0)
    engine.feed(b"OK\r\n", 2.0)
    [answer] = answered(engine.outcomes())
    assert len(answer.lines) == MAX_ANSWER_LINES


def test_a_line_without_end_does_not_keep_the_answer():
    engine = Engine(GRAMMAR)
    engine.start(Command("AT+CSQ"), 0.0)
    for _ in range(1000):
        engine.feed(b"\xff" * 4096, 0.1)
    engine.feed(b"\r\n+CSQ: 20,99\r\nOK\r\n", 0.2)
    [answer] = answered(engine.outcomes())
    assert answer.lines == ("+CSQ: 20,99",)


@pytest.mark.parametrize("text", ["AT\rAT", "AT\x1a", "AT\n", "AT\x1b", "ATé"])
def test_a_command_is_one_line(text):
    with pytest.raises(LocalProtocolError):
        Command(text)
