"""The speech engines that cloud.yaml asks for."""

from __future__ import annotations

from typing import cast

from cloud.config import SpeechConfig
from cloud.services import plugins
from cloud.services.speaking.engine import SpeechEngine
from cloud.services.speaking.espeak import Espeak
from cloud.services.speaking.flite import Flite
from cloud.services.speaking.piper import Piper

GROUP = "simferry.speech"


def speech_engines(config: SpeechConfig) -> tuple[SpeechEngine, ...]:
    """In the order they are asked; espeak-ng comes last whether named or not. Raises InvalidRequest."""
    named = [_engine(name, config) for name in config.engines if name != "espeak-ng"]
    return (*named, Espeak(config.program, config.within_s))


def _engine(name: str, config: SpeechConfig) -> SpeechEngine:
    if name == "flite":
        return Flite(config.flite, config.within_s)
    if name == "piper":
        return Piper(config.piper.program, config.piper.models, config.within_s)
    made = plugins.make(GROUP, name, config.plugins.get(name, {}), key="speech.engines")
    return cast(SpeechEngine, made)
