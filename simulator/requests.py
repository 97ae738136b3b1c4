"""Reading the JSON of requests: every refusal names the field that is wrong."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import fields, replace
from typing import Any

from simulator.modem.habits import Habits
from simulator.sending import Style
from simulator.subscriber import ON_CALL, ON_SMS, Behaviour, Press
from simulator.tones import check_digits
from telecore.audio.resample import resample
from telecore.audio.wav import AudioFormatError, read_wav

RATE = 8000
DIALLED = re.compile(r"\+?[0-9*#]{1,20}")
LONGEST_WAV_S = 1800
LONGEST_DIGITS = 5000
STYLE_FIELDS = ("class", "port", "data", "wide_reference", "backwards", "copies")
HABIT_FIELDS = tuple(field.name for field in fields(Habits))
LONGEST_DELAY_S = 86_400.0
BEHAVIOUR_FIELDS = (
    "on_call", "answer_after_s", "hangup_after_s", "press", "speak_wav", "on_sms", "sms_delay_s",
)  # fmt: skip


class BadRequest(ValueError):
    """What is wrong with a request; `field` is the JSON key, or None for the whole of it."""

    def __init__(self, field: str | None, message: str, *, status: int = 400) -> None:
        super().__init__(message)
        self.field = field
        self.status = status


class Body:
    """A JSON object whose keys are all known."""

    def __init__(self, values: object, known: tuple[str, ...], *, open_ended: bool = False) -> None:
        if not isinstance(values, dict):
            raise BadRequest(None, "the body must be a JSON object")
        for name in values:
            if name not in known and not open_ended:
                raise BadRequest(str(name), f"{name!r} is no field here; known are {', '.join(known)}")
        self._values: Mapping[str, Any] = values

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def others(self, *names: str) -> dict[str, object]:
        """The fields that are not among `names`."""
        return {name: value for name, value in self._values.items() if name not in names}

    def text(self, name: str) -> str:
        """A required, non-empty string."""
        value = self._values.get(name)
        if not isinstance(value, str) or not value:
            raise BadRequest(name, f"{name} must be a non-empty string")
        return value

    def number(self, name: str) -> str:
        """A telephone number as one dials it."""
        value = self.text(name)
        if not DIALLED.fullmatch(value):
            raise BadRequest(name, f"{name} must be a telephone number, not {value[:40]!r}")
        return value

    def choice(self, name: str, allowed: tuple[str, ...]) -> str:
        """One of a few strings."""
        value = self._values[name]
        if value not in allowed:
            raise BadRequest(name, f"{name} must be one of {', '.join(allowed)}")
        return str(value)

    def seconds(self, name: str) -> float:
        """A number of seconds from 0 to a day."""
        return seconds(name, self._values.get(name))

    def optional_seconds(self, name: str) -> float | None:
        """The same, or null, or absent."""
        return None if self._values.get(name) is None else self.seconds(name)

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """A whole number within bounds."""
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise BadRequest(name, f"{name} must be a whole number from {low} to {high}")
        return value

    def flag(self, name: str) -> bool:
        """True or false; absent is false."""
        value = self._values.get(name, False)
        if not isinstance(value, bool):
            raise BadRequest(name, f"{name} must be true or false")
        return value

    def values(self) -> Mapping[str, Any]:
        """All of it."""
        return self._values

    def presses(self) -> tuple[Press, ...]:
        """`press`: what is pressed when; null or absent is nothing."""
        value = self._values.get("press")
        if value is None:
            return ()
        if not isinstance(value, list):
            raise BadRequest("press", "press must be a list of {after_s, digits}")
        return tuple(_press(f"press[{index}]", item) for index, item in enumerate(value))

    def digits(self) -> str:
        """`digits`: 0-9 * # A-D, w waits half a second."""
        return digits("digits", self._values.get("digits"))

    def wav(self) -> bytes | None:
        """`speak_wav`: a base64 WAV file as bytes, or None when null or absent."""
        value = self._values.get("speak_wav")
        if value is None:
            return None
        if not isinstance(value, str):
            raise BadRequest("speak_wav", "speak_wav must be a WAV file in base64, or null")
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise BadRequest("speak_wav", f"speak_wav is not base64: {error}") from error


def seconds(name: str, value: object) -> float:
    """A number of seconds from 0 to a day."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= LONGEST_DELAY_S:
        raise BadRequest(name, f"{name} must be a number of seconds from 0 to {LONGEST_DELAY_S:.0f}")
    return float(value)


def digits(name: str, value: object) -> str:
    """DTMF digits as a string."""
    if not isinstance(value, str) or not value or len(value) > LONGEST_DIGITS:
        raise BadRequest(name, f"{name} must be a string of 1 to {LONGEST_DIGITS} digits")
    try:
        return check_digits(value)
    except ValueError as error:
        raise BadRequest(name, f"{name}: {error}") from error


def _press(name: str, item: object) -> Press:
    if not isinstance(item, dict) or not set(item) <= {"after_s", "digits"}:
        raise BadRequest(name, f"{name} must be an object with after_s and digits")
    return Press(seconds(f"{name}.after_s", item.get("after_s", 0)), digits(f"{name}.digits", item.get("digits")))


def style(body: Body) -> Style:
    """How a message is sent; absent keys mean the plain way."""
    data = None
    if "data" in body:
        try:
            data = bytes.fromhex(body.text("data"))
        except ValueError as error:
            raise BadRequest("data", "data must be octets in hex") from error
    return Style(
        message_class=body.integer("class", 0, 0, 3) if "class" in body else None,
        port=body.integer("port", 0, 0, 65_535) if "port" in body else None,
        data=data,
        wide=body.flag("wide_reference"),
        backwards=body.flag("backwards"),
        copies=body.integer("copies", 1, 1, 5),
    )


def habits(old: Habits, body: Body) -> Habits:
    """A modem's habits after a PUT: absent keys keep their value."""
    given: dict[str, Any] = {}
    for name, value in body.values().items():
        wanted = type(getattr(old, name))
        number = wanted is float and isinstance(value, int | float) and not isinstance(value, bool)
        if not number and type(value) is not wanted:
            raise BadRequest(name, f"{name} must be of type {wanted.__name__}")
        if isinstance(value, str) and not value.isascii():
            raise BadRequest(name, f"{name} must be ASCII")
        given[name] = float(value) if number else value
    return replace(old, **given)


def behaviour(old: Behaviour, body: Body, speech: bytes | None) -> Behaviour:
    """The behaviour after a PUT: absent keys keep their value. `speech` is the decoded `speak_wav`."""
    new = old
    if "on_call" in body:
        new = replace(new, on_call=body.choice("on_call", ON_CALL))
    if "answer_after_s" in body:
        new = replace(new, answer_after_s=body.seconds("answer_after_s"))
    if "hangup_after_s" in body:
        new = replace(new, hangup_after_s=body.optional_seconds("hangup_after_s"))
    if "press" in body:
        new = replace(new, press=body.presses())
    if "speak_wav" in body:
        new = replace(new, speak=speech)
    if "on_sms" in body:
        new = replace(new, on_sms=body.choice("on_sms", ON_SMS))
    if "sms_delay_s" in body:
        new = replace(new, sms_delay_s=body.seconds("sms_delay_s"))
    return new


def speech_of(name: str, wav: bytes) -> bytes:
    """Samples at 8 kHz of a WAV file; slow for long files, so call it in a thread."""
    try:
        pcm = read_wav(wav)
    except AudioFormatError as error:
        raise BadRequest(name, f"{name}: {error}") from error
    if len(pcm.samples) > 2 * pcm.rate * LONGEST_WAV_S:
        raise BadRequest(name, f"{name} lasts longer than {LONGEST_WAV_S // 60} minutes")
    return resample(pcm.samples, pcm.rate, RATE)
