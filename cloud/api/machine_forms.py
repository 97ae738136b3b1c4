"""``MachineDetection`` and its thresholds, read from parameters."""

from __future__ import annotations

from cloud.api.forms import Form
from telecore.model import MachineSpec
from telecore.twiml.machine import BAD_VALUE, MODES, SILENCE_MS, SPEECH_END_MS, SPEECH_MS, TIMEOUT_S


def machine_spec(form: Form) -> MachineSpec | None:
    """None when nobody is to be told apart. Raises InvalidRequest 21234, also for a threshold without need."""
    name, default = "MachineDetection", MachineSpec()
    mode = form.word(name, MODES, code=BAD_VALUE)
    spec = MachineSpec(
        to_end=mode == "DetectMessageEnd",
        timeout_ms=1000 * form.integer(f"{name}Timeout", 30, *TIMEOUT_S, code=BAD_VALUE),
        speech_threshold_ms=_ms(form, f"{name}SpeechThreshold", default.speech_threshold_ms, SPEECH_MS),
        speech_end_ms=_ms(form, f"{name}SpeechEndThreshold", default.speech_end_ms, SPEECH_END_MS),
        silence_timeout_ms=_ms(form, f"{name}SilenceTimeout", default.silence_timeout_ms, SILENCE_MS),
    )
    return spec if mode else None


def _ms(form: Form, name: str, default: int, limits: tuple[int, int]) -> int:
    return form.integer(name, default, *limits, code=BAD_VALUE)
