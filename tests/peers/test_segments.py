"""Segments as Twilio counts them: its own calculator, from npm, beside ours. `scripts/peers npm` brings it."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from telecore.gsm7 import BASIC, ESCAPE, EXTENSION
from telecore.lookalikes import smart_encode
from telecore.sms import SmsEncoding, count_segments

PEERS = Path(__file__).parent.parent.parent / ".peers" / "npm"
CALCULATOR = PEERS / "node_modules" / "sms-segments-calculator"
ASK = """
const {SegmentedMessage} = require("sms-segments-calculator");
const texts = JSON.parse(require("fs").readFileSync(0, "utf8"));
const said = texts.map(([text, smart]) => {
    const found = new SegmentedMessage(text, "auto", smart);
    return [found.getEncodingName(), found.segmentsCount];
});
process.stdout.write(JSON.stringify(said));
"""
GSM = [char for septet, char in enumerate(BASIC) if septet != ESCAPE] + list(EXTENSION.values())
OTHER = ["ខ", "ç", "`", "ы", "中", "…", "“", "’", "–", "ᴀ", "‗", "😀", "🌊", "a"]
"""No spaces that are not the common one: the calculator counts two for each, of which we send one."""
WORDS = {SmsEncoding.GSM7: "GSM-7", SmsEncoding.UCS2: "UCS-2"}

needs_npm = pytest.mark.skipif(
    shutil.which("node") is None or not CALCULATOR.is_dir(), reason="scripts/peers npm has not been run"
)


def ask(texts: list[tuple[str, bool]]) -> list[tuple[str, int]]:
    """Encoding and number of segments of each text, by Twilio's calculator."""
    done = subprocess.run(
        ["node", "-e", ASK], input=json.dumps(texts), capture_output=True, text=True, timeout=60, cwd=PEERS, check=True
    )
    return [(name, count) for name, count in json.loads(done.stdout)]


def ours(text: str, smart: bool) -> tuple[str, int]:
    counted = count_segments(smart_encode(text) if smart else text)
    return WORDS[counted.encoding], counted.segments


def samples() -> list[str]:
    """Texts about every border between two numbers of segments, and any that chance brings; always the same."""
    draw = random.Random(5)
    borders = [n + d for n in (70, 134, 160, 201, 306, 459, 1071, 1600) for d in (-2, -1, 0, 1, 2)]
    texts = [draw.choice(GSM) * length for length in borders]
    texts += ["".join(draw.choices(GSM, k=length)) for length in borders for _ in range(4)]
    texts += ["".join(draw.choices(OTHER, k=length)) for length in borders for _ in range(4)]
    return texts + ["a" * place + "€" + "a" * 200 for place in range(148, 156)]


def without_width(text: str) -> str:
    return text.replace("\t", "").replace(" ", "")


@needs_npm
def test_we_have_every_look_alike_that_twilio_has() -> None:
    script = 'const m = require("./node_modules/sms-segments-calculator/dist/libs/SmartEncodingMap");'
    script += "process.stdout.write(JSON.stringify(m.default))"
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, timeout=60, cwd=PEERS, check=True)
    theirs = json.loads(done.stdout)
    assert len(theirs) > 150
    differ = {
        char: plain for char, plain in theirs.items() if without_width(smart_encode(char)) != without_width(plain)
    }
    assert differ == {}


@needs_npm
@pytest.mark.parametrize("smart", [False, True])
def test_we_count_as_twilio_counts(smart: bool) -> None:
    texts = samples()
    theirs = ask([(text, smart) for text in texts])
    differ = [
        (text, ours(text, smart), said) for text, said in zip(texts, theirs, strict=True) if ours(text, smart) != said
    ]
    assert differ == []
