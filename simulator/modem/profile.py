"""The dialects a simulated modem speaks. The names say that they are simulations, not the real products."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from simulator.modem.call_dialects import CallTeller, generic, huawei, quectel, simcom, zte
from simulator.modem.habits import Habits


class Sound(StrEnum):
    """How speech is switched to the second port; `NONE`: there is no such port."""

    NONE = "none"
    SIMCOM = "+CPCMREG"
    HUAWEI = "^DDSETEX"
    QUECTEL = "+QPCMV"


@dataclass(frozen=True, slots=True)
class Profile:
    """What differs from family to family.

    `fixed` are commands that always answer the same; `iccid` the commands that read it, with the name in the answer;
    `digit_urc` takes `{digit}` or `{ascii}`; `tone_switch` is the setting, and the field of it, that turns the detector
    on; `written_frames` how many frames of 20 ms the modem sends at once.
    """

    name: str
    family: str
    manufacturer: str
    model: str
    revision: str
    tell: CallTeller = generic
    sound: Sound = Sound.NONE
    cmee: int = 0
    access: int | None = None  # 27.007 §7.3 AcT; None: the cell's
    revision_prefixed: bool = False
    boot: tuple[str, ...] = ()
    sim_lost: tuple[str, ...] = ()
    sim_back: tuple[str, ...] = ()
    stores: Mapping[str, int] = field(default_factory=lambda: {"SM": 40, "ME": 23, "SR": 20})
    full_urc: str = ""
    unsupported: str = ""  # instead of an error, for a command it does not know
    fixed: Mapping[str, str] = field(default_factory=dict)
    refused: tuple[str, ...] = ()
    iccid: Mapping[str, str] = field(default_factory=dict)
    battery: str = "+CBC: 0,0"
    digit_urc: str = ""
    tone_switch: tuple[str, int] = ("", 0)
    written_frames: int = 1
    packed_ussd: bool = False
    clcc_alpha: bool = False
    empty_slot_is_ok: bool = False
    listed_status: bool = True
    dial_ends_at_answer: bool = False
    signal_urc: str = "+CSQ: 23,99"
    nagging_urc: str = ""  # every second until AT+CPMS?
    habits: Habits = Habits()


GENERIC = Profile(
    name="generic",
    family="generic",
    manufacturer="Simferry",
    model="GENERIC-SIM",
    revision="1.0",
    tell=generic,
)
SIM7600 = Profile(
    name="sim7600",
    family="simcom",
    manufacturer="Simferry",
    model="SIM7600-SIM",
    revision="LE20B05SIMFERRY01",
    tell=simcom,
    sound=Sound.SIMCOM,
    revision_prefixed=True,
    boot=("RDY", "+CPIN: {pin}", "SMS DONE", "PB DONE"),
    sim_lost=("+SIMCARD: NOT AVAILABLE", "+CPIN: NOT INSERTED"),
    sim_back=("+CPIN: {pin}",),
    full_urc="+SMS FULL",
    iccid={"+CCID": "+CCID", "+CICCID": "+ICCID"},
    battery="+CBC: 0,100,4.100V",
    digit_urc="+RXDTMF: {digit}",
    tone_switch=("+DDET", 0),
    clcc_alpha=True,
)
SIM800 = Profile(
    name="sim800",
    family="sim800",
    manufacturer="Simferry",
    model="SIM800-SIM",
    revision="1418B05SIM800M32SIMFERRY",
    tell=generic,
    access=0,
    revision_prefixed=True,
    boot=("RDY", "+CFUN: 1", "+CPIN: {pin}", "Call Ready", "SMS Ready"),
    sim_lost=("+CPIN: NOT INSERTED",),
    sim_back=("+CPIN: {pin}",),
    stores={"SM": 30, "ME": 20, "SR": 10},
    refused=("+CLAC", "+CPINR", "+CGEREP", "+CEREG", "+CESQ"),
    iccid={"+CCID": ""},
    battery="+CBC: 0,97,4120",
    digit_urc="+DTMF: {digit}",
    tone_switch=("+DDET", 0),
    clcc_alpha=True,
    signal_urc='+CIEV: 10,"45691","Simferry","Simferry",0,0',
    empty_slot_is_ok=True,
    habits=Habits(ussd_space=" "),
)
HUAWEI = Profile(
    name="huawei",
    family="huawei",
    manufacturer="Simferry",
    model="E173-SIM",
    revision="11.126.85.00.209",
    tell=huawei,
    sound=Sound.HUAWEI,
    boot=("^SYSSTART", "^SIMST:1", "^SRVST:2", "^RSSI:18"),
    sim_lost=("^SIMST:255",),
    sim_back=("^SIMST:1",),
    full_urc='^SMMEMFULL: "SM"',
    unsupported="COMMAND NOT SUPPORT",
    fixed={"^CARDLOCK": "^CARDLOCK: 2,10,0", "^CVOICE": "^CVOICE:0,8000,16,20"},
    iccid={"^ICCID": "^ICCID"},
    digit_urc="^DDTMF: {digit}",
    tone_switch=("^DDTMFCFG", 1),
    packed_ussd=True,
    signal_urc="^RSSI:18",
)
EC25 = Profile(
    name="ec25",
    family="quectel",
    manufacturer="Simferry",
    model="EC25-SIM",
    revision="EC25EFAR06A03M4GSIMFERRY",
    tell=quectel,
    sound=Sound.QUECTEL,
    boot=("RDY", "+CPIN: {pin}", "+QUSIM: 1", "+QIND: SMS DONE", "+QIND: PB DONE"),
    sim_lost=("+CPIN: NOT READY", "+QSIMSTAT: 1,0"),
    sim_back=("+CPIN: {pin}", "+QUSIM: 1"),
    stores={"SM": 50, "ME": 127, "SR": 20},
    full_urc='+QIND: SMS FULL,"SM"',
    fixed={
        "+QSIMSTAT": "+QSIMSTAT: 0,1",
        "+QINISTAT": "+QINISTAT: 7",
        "+QNWINFO": '+QNWINFO: "FDD LTE","45691","LTE BAND 3",1300',
        "+QCSQ": '+QCSQ: "LTE",52,-81,195,-10',
    },
    iccid={"+QCCID": "+QCCID", "+CCID": "+CCID"},
    digit_urc="+QTONEDET: {ascii}",
    tone_switch=("+QTONEDET", 0),
    written_frames=2,
    signal_urc='+QIND: "csq",23,99',
)
ZTE = Profile(
    name="zte",
    family="zte",
    manufacturer="Simferry",
    model="MF190-SIM",
    revision="BD_P673M3V1.0.1SIMFERRY",
    tell=zte,
    access=2,
    boot=("+ZUSIMR:2", '+ZPAS: "UMTS","CS_PS"'),
    sim_lost=("+ZUSIMR:255",),
    sim_back=("+ZUSIMR:2",),
    fixed={
        "+ZPAS": '+ZPAS: "UMTS","CS_PS"',
        "+ZSNT": "+ZSNT: 0,0,0",
    },
    listed_status=False,
    signal_urc='+ZPAS: "UMTS","CS_PS"',
    dial_ends_at_answer=True,
    nagging_urc="+ZUSIMR:2",
)
PROFILES = {profile.name: profile for profile in (SIM7600, HUAWEI, EC25, SIM800, ZTE, GENERIC)}
VOICE_FIRST = (SIM7600, HUAWEI, EC25, SIM7600, SIM800, ZTE, GENERIC)
"""How modems are dealt unless it is chosen: the first four carry calls with sound."""
