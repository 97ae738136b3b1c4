"""What a firmware profile may say about an AT modem, as values. The defaults are the 3GPP's.

In command templates ``{number}``, ``{digit}``, ``{call}``, ``{code}`` and ``{pin}`` are filled in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property

from edge_agent.drivers.at_modem.grammar import Command, Grammar
from telecore.model import Service


class UrcEvent(StrEnum):
    """What a line means that only some modems send. ``noise``: to be ignored."""

    CALL_DIALLING = "call_dialling"
    CALL_ALERTING = "call_alerting"
    CALL_CONNECTED = "call_connected"
    CALL_ENDED = "call_ended"
    CALL_MISSED = "call_missed"
    CALL_STATE = "call_state"
    DIGIT = "digit"
    SIGNAL = "signal"
    SIM_CHANGED = "sim_changed"
    SMS_FULL = "sms_full"
    AUDIO_FLOW = "audio_flow"
    NOISE = "noise"


class UssdEncoding(StrEnum):
    """How the string of +CUSD is written: as it is, UTF-16 in hex, or packed septets in hex."""

    PLAIN = "plain"
    UCS2 = "ucs2_hex"
    PACKED = "packed_hex"


class AudioKind(StrEnum):
    """How the sound of a call reaches us: not at all, a serial port, the modem's own sound card, another sound card."""

    NONE = "none"
    SERIAL = "serial_pcm"
    USB = "usb_audio"
    ANALOG = "analog"


class Pacing(StrEnum):
    """``read``: write one frame for each frame read; ``stream``: write each frame when it is there."""

    READ = "read"
    STREAM = "stream"


class EnableAt(StrEnum):
    """When the modem's sound is switched on: before ATD or ATA, right after, or when the far end has answered."""

    BEFORE = "before"
    DIALLED = "dialled"
    CONNECTED = "connected"


@dataclass(frozen=True, slots=True)
class UrcRule:
    """``re`` matches a whole line.

    Groups that are read: ``call``, ``cause``, ``status``, ``state``, ``dir``, ``number``, ``type``, ``digit``,
    ``ascii``, ``dbm``, ``ready``.
    """

    re: str
    event: UrcEvent


@dataclass(frozen=True, slots=True)
class SimProfile:
    iccid: tuple[str, ...] = ("AT+CRSM=176,12258,0,0,10",)
    retries: tuple[str, ...] = ("AT+CPINR",)
    pin: str = 'AT+CPIN="{pin}"'


@dataclass(frozen=True, slots=True)
class RadioProfile:
    """``soft_reset`` restarts the radio or the modem by the standard; ``restart`` is the vendor's own reset."""

    registration: tuple[str, ...] = ("CREG", "CEREG")
    poll_s: float = 20.0
    soft_reset: tuple[str, ...] = ("AT+CFUN=1,1",)
    restart: tuple[str, ...] = ("AT+CFUN=1,1",)


@dataclass(frozen=True, slots=True)
class SmsProfile:
    """``arrivals`` is mem3 of +CPMS; ``cnmi`` are tried in order (27.005 §3.4.1).

    ``send_from``: the storage a message is written to and sent from (+CMGW, +CMSS); empty: it is sent at once (+CMGS).
    ``settle_s``: so long a message may be under way that the modem does not call sent; the default is above TR1M, after
    which a phone gives up waiting for the network (24.011 §10.2).
    """

    stores: tuple[str, ...] = ("SM", "ME")
    arrivals: str = "SM"
    cnmi: tuple[str, ...] = ("2,1,0,2,0", "2,1,0,1,0", "2,1,2,2,0", "2,1,2,1,0", "2,1,2,0,0", "2,1,0,0,0", "1,1,0,0,0")
    poll_s: float = 90.0
    send_from: str = ""
    settle_s: float = 50.0


@dataclass(frozen=True, slots=True)
class UssdProfile:
    """``encodings`` are tried in order until one is taken. ``in_call``: USSD works while a call is up."""

    start: str = 'AT+CUSD=1,"{code}",15'
    cancel: str = "AT+CUSD=2"
    encodings: tuple[UssdEncoding, ...] = (UssdEncoding.PLAIN, UssdEncoding.UCS2)
    in_call: bool = True


@dataclass(frozen=True, slots=True)
class CallProfile:
    """``dial_ok_means_answered``: ATD has no result before the answer. ``hidden``: dialling with CLIR (27.007 §6.2).

    ``waiting`` switches call waiting on; ``decline_waiting`` turns a second caller away (22.030 §6.5.5.1).
    ``end_status``: the vendor's reason of an end → Q.850.
    """

    dial: str = "ATD{number};"
    dial_ok_means_answered: bool = False
    hidden: str = "ATD{number}I;"
    answer: str = "ATA"
    hang_up: tuple[str, ...] = ("AT+CHUP", "ATH")
    cause: str = "AT+CEER"
    end_status: dict[str, int] = field(default_factory=dict)
    waiting: tuple[str, ...] = ("AT+CCWA=1",)
    decline_waiting: str = "AT+CHLD=0"
    digit: str = 'AT+VTS="{digit}"'
    digit_gap_s: float = 0.15
    detects_dtmf: bool = False
    poll_dialling_s: float = 1.0
    poll_active_s: float = 5.0


@dataclass(frozen=True, slots=True)
class AudioProfile:
    """``enable`` is repeated every ``retry_s`` while refused, up to ``give_up_s``; first ``settle_s`` after ``at``.

    ``write_frames``: frames of 20 ms that the modem wants in one write. ``card``: the ALSA name of its sound card.
    ``recover`` mends a path that has become bad; that is known by ``degraded_when_refused`` (the first ``enable`` of a
    call was refused), or assumed after so many calls (``reset_after_calls``; 0: never).
    """

    kind: AudioKind = AudioKind.NONE
    prepare: tuple[str, ...] = ()
    enable: tuple[str, ...] = ()
    at: EnableAt = EnableAt.CONNECTED
    settle_s: float = 0.0
    retry_s: float = 0.5
    give_up_s: float = 12.0
    disable: tuple[str, ...] = ()
    pacing: Pacing = Pacing.STREAM
    rate: int = 8000
    baud: int = 115200
    rtscts: bool = False
    write_frames: int = 1
    card: str = ""
    recover: tuple[str, ...] = ()
    degraded_when_refused: bool = False
    reset_after_calls: int = 0


@dataclass(frozen=True, slots=True)
class UsbLayout:
    """Which USB interface of vid:pid is which port."""

    vid: str
    pid: str
    at: int
    audio: int | None = None


@dataclass(frozen=True, slots=True)
class UsbId:
    """USB vendor and product, four hexadecimal digits each."""

    vid: str
    pid: str


@dataclass(frozen=True, slots=True)
class LoginStep:
    """Wait for ``expect`` (a regular expression), then write ``send`` and a line end; ``{user}``, ``{password}``."""

    expect: str
    send: str


@dataclass(frozen=True)
class AtProfile:
    """``login`` comes before the first AT on a port that asks for it, and ``leave`` is written last.

    ``usb_storage``: what the stick is while it shows only its disk and wants a mode switch.
    ``unconfirmed``: what this profile claims and nobody has seen on hardware; empty in a confirmed one.
    ``quirks`` maps each named behaviour of ``quirks.py`` to the reason it is asked for.

    ``sound_card`` takes the place of ``audio`` where the site names a sound card.
    """

    name: str = "generic/3gpp"
    confirmed: bool = False
    services: frozenset[Service] = frozenset({Service.SMS, Service.USSD, Service.VOICE})
    init: tuple[str, ...] = ()
    urc: dict[str, UrcRule] = field(default_factory=dict)
    timeouts: dict[str, float] = field(default_factory=dict)
    rtscts: bool = False
    usb: tuple[UsbLayout, ...] = ()
    usb_storage: tuple[UsbId, ...] = ()
    login: tuple[LoginStep, ...] = ()
    leave: str = ""
    sim: SimProfile = SimProfile()
    radio: RadioProfile = RadioProfile()
    sms: SmsProfile = SmsProfile()
    ussd: UssdProfile = UssdProfile()
    call: CallProfile = CallProfile()
    audio: AudioProfile = AudioProfile()
    sound_card: AudioProfile | None = None
    quirks: dict[str, str] = field(default_factory=dict)
    unconfirmed: tuple[str, ...] = ()

    @cached_property
    def grammar(self) -> Grammar:
        return Grammar.of(rule.re for rule in self.urc.values())

    @cached_property
    def rules(self) -> tuple[tuple[re.Pattern[str], UrcEvent], ...]:
        return tuple((re.compile(rule.re), rule.event) for rule in self.urc.values())

    def command(self, text: str, body: str | None = None, *, answer: re.Pattern[str] | None = None) -> Command:
        """The command with this profile's time limits. Keys of ``timeouts``: ``CMGS``, ``CMGS_prompt``, ``D``, …"""
        name = _NAME.match(text)
        key = (name[1] or name[2]).upper() if name is not None else ""
        return Command(
            text,
            self.timeout(key),
            body,
            prompt_s=self.timeout(f"{key}_prompt", 6.0),
            answer=answer,
        )

    def timeout(self, key: str, default: float | None = None) -> float:
        if key in self.timeouts:
            return self.timeouts[key]
        return default if default is not None else TIMEOUTS_S.get(key, TIMEOUTS_S["default"])


_NAME = re.compile(r"AT(?:[+^*$%#&]([A-Z0-9]+)|([A-Z]))", re.IGNORECASE)
TIMEOUTS_S: Mapping[str, float] = {
    "default": 2, "CPIN": 10, "CFUN": 20, "CPMS": 10, "CMGD": 10, "CMGR": 10, "CMGL": 40, "CMGS": 120,
    "CMSS": 120, "CMGW": 10, "CNMI": 5,
    "CUSD": 15, "CUSD_urc": 60, "COPS": 10, "D": 60, "A": 20, "H": 10, "CHUP": 10, "VTS": 5, "DTMF": 5, "CRSM": 5,
    "CREG": 3, "CGREG": 3, "CEREG": 3, "CSQ": 3, "CLCC": 3, "CEER": 3, "CNUM": 5, "CPCMREG": 5, "CRESET": 5,
}  # fmt: skip
"""Seconds for the final result, by command; some networks need up to two minutes to take an SMS."""
