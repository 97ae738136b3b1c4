"""What modems and operators may say: dialogues, answers, PDUs, USSD texts; and recipes as people write them."""

from __future__ import annotations

import json
import random
import sqlite3
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from edge_agent.drivers.at_modem import call_replies, replies
from edge_agent.drivers.at_modem.engine import Answered, Engine, Hung, Silent
from edge_agent.drivers.at_modem.grammar import Command, Grammar, final_of
from edge_agent.drivers.at_modem.inbox import part_of
from edge_agent.drivers.at_modem.pdu import Deliver, Report, decode
from edge_agent.drivers.at_modem.profile import UssdEncoding
from edge_agent.drivers.at_modem.transcript import parse_transcript
from edge_agent.drivers.at_modem.ussd_text import decode_text
from edge_agent.sims.reading import read_balance, read_top_up, safe
from edge_agent.sims.recipes import RecipeError, failures, load_recipe, load_recipes
from edge_agent.spool import parts
from edge_agent.spool.schema import migrate
from telecore.codec import encode
from telecore.errors import RemoteProtocolError
from telecore.sms import heal_surrogates
from tests.edge_agent.drivers.test_at_bad_input import CHANNEL, SEEDS
from tests.faults.conftest import Progress
from tests.faults.conftest import Report as Tell
from tests.faults.fuzzing import fuzz, spoiled_bytes, spoiled_lines, spoiled_text

ROOT = Path(__file__).parent.parent.parent
SAID = [
    [entry.text for entry in parse_transcript(path.read_text().splitlines()).entries if entry.direction == "<"]
    for path in sorted((ROOT / "tests" / "transcripts").glob("*.txt"))
]
ANSWERS = sorted({line for said in SAID for text in said for line in text.replace("\r", "\n").split("\n") if line})
ODD = (
    "OK", "ERROR", "> ", ">", "RING", "NO CARRIER", "BUSY", "+CME ERROR: 10", "+CMS ERROR: 500", "+CMS ERROR: unknown",
    '+CUSD: 1,"a menu', 'of lines",15', '+CUSD: 0,"00480065",72', '+CMTI: "SM",3', "+CMT: ,23", "+CDS: 25", "0791",
    "+CLIP: \"+85512000001\",145,,,,0", '+CREG: 2,1,"00A1","0B2C3D4E",7', "+CSQ: 99,99", '+COPS: 0,2,"45601",7',
    '+CPMS: "SM",1,40,"SM",1,40,"SM",1,40', "+CMGL: 3,1,,28", "+CMGR: 0,,28", "+CMGS: 255",
    "+CLCC: 1,1,4,0,0,\"+855\",145",
    "\\xff\\x00", "^BOOT:1,0,0,0,0,6E", "+CNUM: ,\"+85510000001\",145", "+CPIN: SIM PUK", "8985591000000000017F",
)  # fmt: skip
COMMANDS = (
    Command("AT"), Command("AT+CMGS=20", body="00AB"), Command("ATD+85512000001;", timeout_s=5.0, abortable=True),
    Command("AT+CMGL=4"), Command("AT+CREG?"), Command('AT+CUSD=1,"*100#",15'), Command("ATA", timeout_s=5.0),
)  # fmt: skip
MOST_OUTCOMES = 30


def speak(said: tuple[int, str, int]) -> None:
    """A dialogue in pieces of any size, as time goes by: it always comes to rest, and may be used again."""
    which, text, cuts = said
    chance = random.Random(cuts)
    engine, now = Engine(Grammar.of()), 0.0
    engine.start(COMMANDS[which], now)
    data, at, outcomes = text.encode("latin-1", "replace"), 0, 0
    while at < len(data):
        size = chance.randint(1, 60)
        engine.feed(data[at : at + size], now)
        at, now = at + size, now + chance.choice((0.0, 0.01, 0.5))
        engine.tick(now)
        outcomes += len(engine.outcomes())
        assert len(engine.data_to_send()) < 2000
    for _ in range(200):
        due = engine.next_tick()
        if due is None:
            break
        now = max(now, due)
        engine.tick(now)
        engine.data_to_send()
    rest = engine.outcomes()
    assert engine.next_tick() is None, f"it does not come to rest: {engine.state}"
    assert outcomes + len(rest) <= MOST_OUTCOMES + text.count("\n") + text.count("\r") + text.count(">")
    assert all(isinstance(o, Answered | Silent | Hung) or o for o in rest)


def test_at_dialogues(report: Tell, progress: Progress) -> None:
    texts = spoiled_lines([[line.strip("\r\n") for line in said] for said in SAID], (*ODD, *ANSWERS), "\r\n")
    said = st.tuples(st.integers(0, len(COMMANDS) - 1), texts, st.integers(0, 1 << 32))
    report("fuzz: AT lines", **fuzz(said, speak, (), progress, share=0.5).figures())


ONE_LINE: tuple[Callable[[str], Any], ...] = (
    replies.parse_cpin, replies.parse_csq, replies.parse_cops, replies.parse_cpms, replies.parse_stored_at,
    replies.parse_cusd, call_replies.parse_clcc, call_replies.parse_clip,
    lambda line: replies.parse_creg(line, answer=True), lambda line: replies.parse_creg(line, answer=False),
    lambda line: final_of(line, dials=True),
)  # fmt: skip
MANY_LINES: tuple[Callable[[Sequence[str]], Any], ...] = (
    replies.parse_cmgl, replies.parse_cmgr, replies.parse_cmgs, replies.parse_cnum, replies.parse_iccid,
    replies.parse_imei, replies.parse_imsi, replies.parse_pin_retries,
    lambda lines: replies.parse_identity(lines, "+CGMM"),
)  # fmt: skip


def read_answer(text: str) -> None:
    """Each reader gives a value or the one error, whatever line it is given."""
    lines = text.split("\n")
    for read in MANY_LINES:
        _or_refused(lambda read=read: read(lines))  # type: ignore[misc]
    for line in lines[:3]:
        for one in ONE_LINE:
            _or_refused(lambda one=one, line=line: one(line))  # type: ignore[misc]


def _or_refused(work: Callable[[], object]) -> None:
    try:
        work()
    except RemoteProtocolError:
        return


def test_at_answers(report: Tell, progress: Progress) -> None:
    texts = spoiled_lines([[line] for line in (*ODD, *ANSWERS)], ODD, "\n")
    report("fuzz: AT answers", **fuzz(texts, read_answer, (), progress, share=0.5).figures())


def test_pdus(report: Tell, progress: Progress) -> None:
    db = sqlite3.connect(":memory:", isolation_level=None)
    migrate(db)

    def take(octets: bytes) -> None:
        pdu = octets.hex()
        decoded = decode(pdu)
        if isinstance(decoded, Report):
            assert 0 <= decoded.status <= 0xFF
            decoded.recipient.encode()
        if isinstance(decoded, Deliver):
            event = parts.store(db, part_of(CHANNEL, decoded, pdu), None, 0.0)
            if event is not None:
                json.dumps(encode(event)).encode()
            heal_surrogates(decoded.body).encode()

    report("fuzz: PDUs", **fuzz(spoiled_bytes(SEEDS), take, (RemoteProtocolError,), progress).figures())
    db.close()


RECIPES = load_recipes().shipped
OPERATORS = [vector.text for recipe in RECIPES for vector in recipe.vectors]
CUSD = (
    "00480065006C006C006F",
    "C8329BFD06",
    "*100#",
    "Your balance is $1.20 until 31/12/2026",
    "១២៣.៤៥",
    "1.234,50 EUR",
)


def test_ussd_texts_and_what_recipes_read_in_them(report: Tell, progress: Progress) -> None:
    today = date(2026, 7, 1)

    def take(said: tuple[int, str, int | None]) -> None:
        which, text, dcs = said
        recipe = RECIPES[which]
        words = decode_text(text, dcs, list(UssdEncoding)[: (dcs or 0) % 3])
        reading = read_balance(recipe.balance, [words], today)
        assert reading.amount is None or reading.amount.is_finite()
        if recipe.top_up is not None:
            assert read_top_up(recipe.top_up, words) in ("done", "refused", "unknown")
        assert "\n" not in safe(words)

    texts = spoiled_text((*OPERATORS, *CUSD), CUSD)
    dcs = st.none() | st.integers(0, 255)
    said = st.tuples(st.integers(0, len(RECIPES) - 1), texts, dcs)
    report("fuzz: USSD texts through recipes", **fuzz(said, take, (), progress, share=0.5).figures())


def test_recipes(tmp_path: Path, report: Tell, progress: Progress) -> None:
    files = [path.read_text() for path in sorted((ROOT / "edge_agent" / "sims" / "recipes").glob("*.yaml"))]
    corpus = [text.split("\n") for text in files]
    words = (
        "- ",
        "balance: {}",
        "steps: ['*1#']",
        "match: ['(']",
        "a: &a [*a]",
        "<<: *x",
        "!!python/object:os.system x",
    )
    path = tmp_path / "mine.yaml"

    def take(text: str) -> None:
        path.write_text(text, "utf-8", "surrogateescape")
        list(failures(load_recipe(path)))

    report(
        "fuzz: recipes", **fuzz(spoiled_lines(corpus, words, "\n"), take, (RecipeError,), progress, share=0.5).figures()
    )
