"""``machineDetection`` and its thresholds, as attributes of the nouns of a <Dial>."""

from __future__ import annotations

from telecore.model import MachineSpec
from telecore.twiml.attributes import Attributes

MODES = ("Enable", "DetectMessageEnd")
TIMEOUT_S, SPEECH_MS, SPEECH_END_MS, SILENCE_MS = (3, 59), (1000, 6000), (500, 5000), (2000, 10000)
"""Least and most of each threshold."""
BAD_VALUE = 21234


def machine_spec(attributes: Attributes) -> MachineSpec | None:
    """None when nobody is to be told apart. A threshold out of its range is its default, with a warning."""
    mode = attributes.choice("machineDetection", "", MODES, BAD_VALUE)
    default = MachineSpec()
    name, code = "machineDetection", BAD_VALUE
    spec = MachineSpec(
        to_end=mode == "DetectMessageEnd",
        timeout_ms=1000 * attributes.integer(f"{name}Timeout", 30, *TIMEOUT_S, code),
        speech_threshold_ms=attributes.integer(f"{name}SpeechThreshold", default.speech_threshold_ms, *SPEECH_MS, code),
        speech_end_ms=attributes.integer(f"{name}SpeechEndThreshold", default.speech_end_ms, *SPEECH_END_MS, code),
        silence_timeout_ms=attributes.integer(f"{name}SilenceTimeout", default.silence_timeout_ms, *SILENCE_MS, code),
    )
    return spec if mode else None
