"""What well-known agents say to a modem: each command gets a final result, and the ones they need succeed."""

import re

import pytest

from simulator.modem.profile import HUAWEI, PROFILES, Profile
from tests.simulator.fake import Desk

GAMMU = (
    "AT|ATE1|AT+MODE=2|AT+CMEE=1|AT+CSCS?|AT+CSCS=?|AT+CGMM|AT+CGMI|AT+CPROT=?|AT+SYNCML=?|AT$TSSPCSW=?|AT+CHUP=?"
    "|AT+CGMR|AT+CFUN=1|AT+CGSN|AT+CIMI|AT+CREG=2|AT+CGREG=2|AT+CGATT?|AT+CREG?|AT+CGREG?|AT+COPS=3,2|AT+COPS?"
    '|AT+COPS=3,0|AT+CPMS=?|AT+CPMS="ME"|AT+CMGF=0|AT+CPMS="SM","SM"|AT+CMGL=4|AT+CSCA?|AT+CUSD=1|AT+CSCS="UCS2"'
    '|AT+CUSD=1,"002A0031003000300023",15|AT+CSCS="GSM"|AT+CUSD=2|AT+CUSD=0|AT+CNMI=?|AT+CNMI=2,1,2,2,0|AT+CLIP=1'
    "|AT+CRC=1|AT+CCWA=1|AT+CPBS=?|AT+CBC|AT+CSQ|AT+CMMS=2"
)
MODEM_MANAGER = (
    'ATE0|ATV1|AT+CMEE=1|ATX4|AT&C1|AT+GCAP|AT+WS46=?|AT+CSCS=?|AT+CSCS="UCS2"|ATI|AT*CNTI=2|AT+CGDCONT=?|AT+CFUN?'
    '|AT+CPIN?|AT+CSIM=10,"0020000100"|AT+CRSM=176,12258,0,0,10|AT+CIMI|AT+CRSM=176,28589,0,0,4|AT+CPLS=0|AT+CPOL?'
    "|AT+CNUM|AT+CLCK=?|AT+CUSD=?|AT+CNMI=?|AT+CPMS=?|AT+CPMS?|AT+CTZU=1|AT+CCLK?|AT+CESQ=?|ATH|AT+CLCC=?|AT+IFC=?"
    '|AT+CIND=?|AT+CGEREP=?|AT+CEREG=2|AT+CMGF=?|AT+CPMS="SM","ME","ME"|AT+CPMS="SR"|AT+CMGL=4|AT+CNMI=2,1,2,1,0'
)
SMSTOOLS = (
    "AT|ATE0|AT+CMEE=1;+CREG=2|AT+CPIN?|AT+CSQ|AT+CREG?|AT+CMGF=0|AT+CGSN|AT+CIMI|AT+CPMS?|AT+CMGR=1|AT+CMGD=1"
    '|AT+CUSD=1,"*100#",15'
)
GSMMODEM = (
    'ATZ|ATE0|AT+CFUN?|AT+CMEE=1|AT+CPIN?|AT+CLAC|AT+CGMI|AT+DDET=1|AT+COPS=3,0|AT+CSMP=49,167,0,0|AT+CPMS="ME","ME","ME"'
    "|AT+CNMI=2,1,0,2|AT+CLIP=1|AT+CRC=1|AT+CVHU=0"
)
MUST_SUCCEED = (
    "AT ATE0 ATE1 ATZ ATV1 ATX4 ATI ATH AT+GCAP AT+CGMM AT+CGMI AT+CGMR AT+CGSN AT+CIMI AT+CMEE=1 AT+CNUM AT+CMGL=4 "
    "AT+CMGF=0 AT+CPMS=? AT+CPMS? AT+CNMI=? AT+CPIN? AT+CRSM=176,12258,0,0,10 AT+CLAC AT+CHUP=? AT+CCLK? AT+CMMS=2"
)
FINAL = re.compile(r"\r\n(OK|ERROR|\+CM[ES] ERROR: \d+|COMMAND NOT SUPPORT)\r\n")


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
@pytest.mark.parametrize("agent", [GAMMU, MODEM_MANAGER, SMSTOOLS, GSMMODEM])
def test_every_command_gets_one_final_result(agent: str, profile: Profile) -> None:
    desk = Desk(1, profile)
    desk.type("\x1b")
    for command in agent.split("|"):
        said = desk.at(command)
        assert len(FINAL.findall(said)) == 1, (command, said)
        if command.removeprefix("AT") in profile.refused:
            continue
        if f" {command} " in f" {MUST_SUCCEED} ":
            assert "\r\nOK\r\n" in said, (command, said)
        desk.wait(3)


def test_gammu_packs_for_huawei_though_it_set_ucs2() -> None:
    desk = Desk(1, HUAWEI)
    desk.at('AT+CUSD=1;+CSCS="UCS2"')
    for code in ("AA180C3602", "002A0031003000300023"):
        desk.at(f'AT+CUSD=1,"{code}",15')
        assert desk.wait(2).startswith("\r\n+CUSD: 0,")
