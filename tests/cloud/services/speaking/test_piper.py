"""How Piper's program is run, by a program that answers as it does: raw samples for each line."""

from __future__ import annotations

import json
import sys

import pytest

from cloud.services.speaking.engine import SpeechFailed, Voice
from cloud.services.speaking.piper import Piper
from telecore.twiml.ssml import Prosody, Words

PROGRAM = """#!{python}
import sys
scale = float(sys.argv[sys.argv.index("--length-scale") + 1])
assert "--output-raw" in sys.argv and sys.argv[sys.argv.index("--model") + 1].endswith(".onnx")
for line in sys.stdin:
    sys.stdout.buffer.write(bytes(round(2 * 22050 * 0.1 * len(line.split()) * scale) // 2 * 2))
"""


@pytest.fixture
def program(tmp_path):
    program = tmp_path / "piper"
    program.write_text(PROGRAM.format(python=sys.executable))
    program.chmod(0o755)
    return str(program)


@pytest.fixture
def model(tmp_path):
    model = tmp_path / "sw_CD-lanfrica-medium.onnx"
    model.write_bytes(b"\x08")
    model.with_name(f"{model.name}.json").write_text(json.dumps({"audio": {"sample_rate": 22050}}))
    return model


async def test_it_is_run_as_its_documentation_says(program, model):
    piper = Piper(program, {"sw-CD": str(model)})
    await piper.open()
    assert piper.available == {"sw-cd"}
    for speech, words in (((Words("habari\nza asubuhi"),), 3), ((Prosody((Words("pole pole"),), rate=0.5),), 4)):
        sound = await piper.render(piper.write(speech, Voice("sw-cd")))
        assert (sound.rate, len(sound.samples)) == (22050, 2 * 2205 * words)


async def test_what_is_missing_is_named(program, model):
    with pytest.raises(SpeechFailed, match=r"speech\.piper\.program"):
        await Piper("no-such-program", {}).open()
    with pytest.raises(SpeechFailed, match=r"speech\.piper\.models"):
        await Piper(program, {}).open()
    with pytest.raises(SpeechFailed, match=r"gone\.onnx\.json"):
        await Piper(program, {"en": str(model.with_name("gone.onnx"))}).open()
    model.with_name(f"{model.name}.json").write_text('{"audio": {"sample_rate": 7}}')
    with pytest.raises(SpeechFailed, match="not a Piper model"):
        await Piper(program, {"en": str(model)}).open()
