"""What each family says that the others do not: calls, sound, SIM and stores."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from simulator.modem.habits import Habits
from simulator.modem.profile import EC25, GENERIC, PROFILES, SIM800, SIM7600, VOICE_FIRST, ZTE, Profile, Sound
from tests.simulator.fake import Desk, submit
from tests.simulator.test_calls import tone

ANSWERS, BUSY, FREE = "+85512000001", "+85512000002", "+85512000010"
SIM1, SIM2 = "+85510000001", "+85510000002"


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_every_family_calls_sends_and_reads_its_card(profile: Profile) -> None:
    desk = Desk(2, profile)
    desk.at("AT+CPMS?")
    desk.said()
    for command in profile.iccid:
        assert desk.modems[0].sim.iccid in desk.at(f"AT{command}")
    desk.at(f"ATD{ANSWERS};")
    desk.wait(4)
    assert ",0,0,0,0," in desk.at("AT+CLCC")
    desk.at("AT+CHUP")
    assert "+CMGS: 0" in desk.send_pdu(submit(SIM2, "hello"))
    desk.wait(2, 2)
    assert "+CMGR:" in desk.at("AT+CMGR=0", 2)


def test_the_first_four_modems_carry_sound() -> None:
    assert all(profile.sound is not Sound.NONE for profile in VOICE_FIRST[:4])
    assert {profile.name for profile in VOICE_FIRST} == set(PROFILES)


# ----------------------------------------------------------------------------------------- Quectel


def test_quectel_tells_every_step_by_ccinfo() -> None:
    desk = Desk(1, EC25)
    assert desk.at('AT+QINDCFG="ccinfo",1,0') == "\r\nOK\r\n"
    desk.at(f"ATD{ANSWERS};")
    assert desk.wait(0) == f'\r\n+QIND: "ccinfo",1,0,2,0,0,"{ANSWERS}",145\r\n'
    states = re.findall(r'"ccinfo",1,0,(-?\d),', desk.wait(3))
    assert states == ["3", "0"]
    assert f'+QIND: "ccinfo",1,0,-1,0,0,"{ANSWERS}",145' in desk.at("AT+QHUP=17,1")
    assert list(desk.network.exchange.calls.values())[-1].cause == 17


def test_quectel_firmware_without_ccinfo_knows_dsci() -> None:
    desk = Desk(2, EC25)
    desk.modems[0].habits = replace(EC25.habits, dsci=True)
    assert "ERROR" in desk.at('AT+QINDCFG="ccinfo",1,0')
    desk.at("AT^DSCI=1")
    desk.at(f"ATD{SIM1};", 2)
    assert f"^DSCI: 1,1,4,0,{SIM2},145" in desk.wait(1.5)
    desk.at("AT+CHUP")
    assert "^DSCI: 1,1,6,0" in desk.said() or desk.modems[0].lock() is not None


def test_quectel_sound_has_to_be_switched_off_between_calls() -> None:
    desk = Desk(1, EC25)
    heard = desk.pcm[0].output
    for switched_on_again in (False, True):
        desk.at("AT+QPCMV=0;+QPCMV=1,0" if switched_on_again else "AT+QPCMV=1,0")
        desk.network.handsets[ANSWERS].behaviour = replace(desk.network.handsets[ANSWERS].behaviour, speak=tone(1))
        desk.at(f"ATD{ANSWERS};")
        desk.wait(3)
        heard.clear()
        desk.talk(0.5)
        assert len(heard) >= 8000 - 640
        desk.at("AT+CHUP")
    desk.at("AT+QPCMV=1,0")
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    heard.clear()
    desk.talk(0.5)
    assert not heard


def test_quectel_sound_comes_in_40_ms_and_pauses_who_writes_too_much() -> None:
    desk = Desk(1, EC25)
    desk.at("AT+QPCMV=1,0")
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    desk.pcm[0].written += tone(0.6)
    assert desk.wait(0.1) == "\r\n+QPCMV: 0,0\r\n"
    assert desk.wait(1) == "\r\n+QPCMV: 1,0\r\n"
    desk.pcm[0].output.clear()
    sizes = []
    for _ in range(10):
        desk.timers.advance(0.02)
        sizes.append(len(desk.pcm[0].output))
    assert {later - earlier for earlier, later in zip(sizes, sizes[1:], strict=False)} == {0, 640}


def test_quectel_shows_digits_by_their_ascii_code() -> None:
    desk = Desk(1, EC25)
    desk.at("AT+QTONEDET=1")
    desk.at(f"ATD{ANSWERS};")
    desk.wait(3)
    talk = desk.network.recordings.of(list(desk.network.exchange.calls)[-1])
    assert talk is not None
    talk.press("8")
    assert "+QTONEDET: 56" in desk.wait(1)


def test_quectel_boots_with_its_own_lines() -> None:
    desk = Desk(1, EC25)
    desk.at("AT+CFUN=1,1")
    assert desk.wait(4) == "\r\nRDY\r\n+CPIN: READY\r\n+QUSIM: 1\r\n+QIND: SMS DONE\r\n+QIND: PB DONE\r\n"


# --------------------------------------------------------------------------------------------- ZTE


def test_zte_says_ok_when_the_far_end_answers() -> None:
    desk = Desk(1, ZTE)
    desk.at("AT+CPMS?")
    assert desk.at(f"ATD{ANSWERS};") == ""
    assert desk.wait(1) == ""
    assert desk.wait(2) == "\r\nOK\r\n\r\nCONNECT\r\n"
    assert desk.at("AT+CHUP") == "\r\nHANGUP: 1\r\n\r\nOK\r\n"


def test_zte_says_busy_instead_of_ok() -> None:
    desk = Desk(1, ZTE)
    desk.at("AT+CPMS?")
    desk.at(f"ATD{BUSY};")
    assert desk.wait(3) == "\r\nBUSY\r\n\r\nHANGUP: 1\r\n"


def test_zte_gives_up_dialling_when_anything_is_typed() -> None:
    desk = Desk(1, ZTE)
    desk.at("AT+CPMS?")
    desk.type(f"ATD{ANSWERS};\r\n")
    assert desk.type("\n") == ""
    assert desk.at("AT") == "\r\nNO CARRIER\r\n\r\nHANGUP: 1\r\n\r\nOK\r\n"
    assert desk.modems[0].registration == 1


def test_zte_nags_until_it_is_asked_for_its_stores() -> None:
    desk = Desk(1, ZTE)
    desk.said()
    assert desk.wait(3.5).count("+ZUSIMR:2") == 3
    desk.at("AT+CPMS?")
    assert desk.wait(5) == ""
    assert desk.at("AT+ZPINPUK=?").startswith("\r\n+ZPINPUK: 3,10,")
    assert '+ZPAS: "UMTS","CS_PS"' in desk.at("AT+ZPAS?")


def test_zte_leaves_the_status_of_listed_messages_out() -> None:
    desk = Desk(2, ZTE)
    desk.at("AT+CPMS?")
    desk.send_pdu(submit(SIM2, "hello"))
    desk.wait(2, 2)
    assert "+CMGL: 0,,," in desk.at("AT+CMGL=4", 2)


# ------------------------------------------------------------------------------------------- SIM800


def test_sim800_writes_ussd_with_spaces_and_bare_iccids() -> None:
    desk = Desk(1, SIM800)
    desk.at("AT+CUSD=1")
    desk.at('AT+CUSD=1,"*123#"')
    assert desk.wait(2).startswith('\r\n+CUSD: 1, "Simferry Mobile\n1 Balance')
    assert desk.at("AT+CCID") == f"\r\n{desk.modems[0].sim.iccid}\r\n\r\nOK\r\n"


def test_sim800_reads_nothing_from_an_empty_slot() -> None:
    desk = Desk(1, SIM800)
    assert desk.at("AT+CMGR=3") == "\r\nOK\r\n"
    assert "ERROR" in desk.at("AT+CMGR=99")
    assert "ERROR" in desk.at("AT+CLAC")


def test_sim800_lists_calls_by_itself_and_camps_on_gsm() -> None:
    desk = Desk(1, SIM800)
    desk.at("AT+CLCC=1;+CREG=2")
    assert desk.at("AT+CREG?").startswith('\r\n+CREG: 2,1,"00C3","1B9A",0')
    desk.at(f"ATD{ANSWERS};")
    assert re.findall(r"\+CLCC: 1,0,(\d),", desk.wait(3)) == ["2", "3", "0"]
    desk.at("AT+DDET=1")
    talk = desk.network.recordings.of(list(desk.network.exchange.calls)[-1])
    assert talk is not None
    talk.press("5")
    assert "+DTMF: 5" in desk.wait(1)


# ---------------------------------------------------------------------------------------- the habits


def with_habits(habits: Habits, profile: Profile = SIM7600) -> Desk:
    desk = Desk(1, profile)
    desk.modems[0].habits = habits
    return desk


@pytest.mark.parametrize(("prompt", "shown"), [(">", "\r\n>"), ("> ", "\r\n> "), ("", "")])
def test_prompts_differ(prompt: str, shown: str) -> None:
    desk = with_habits(Habits(prompt=prompt))
    octets = submit(FREE, "x")
    assert desk.at(f"AT+CMGS={len(octets) - 1}") == shown
    desk.type(octets.hex() + "\x1a")
    assert "+CMGS: 0" in desk.wait(2)


def test_a_prompt_may_come_late() -> None:
    desk = with_habits(Habits(prompt_delay_s=2))
    assert desk.at("AT+CMGS=20") == ""
    assert desk.wait(2.1) == "\r\n> "
    assert desk.type("\x1b") == "\r\nOK\r\n"


def test_cmee_may_be_ignored() -> None:
    desk = with_habits(Habits(cmee_ignored=True), GENERIC)
    desk.at("AT+CMEE=1")
    assert desk.at("AT+NOSUCH") == "\r\nERROR\r\n"


def test_me_may_be_the_same_store_as_sm() -> None:
    desk = Desk(2)
    desk.modems[1].habits = Habits(store_alias=True)
    desk.send_pdu(submit(SIM2, "once"))
    desk.wait(2, 2)
    desk.at('AT+CPMS="ME"', 2)
    assert "+CMGL: 0,0" in desk.at("AT+CMGL=4", 2)
    desk.at("AT+CMGD=0", 2)
    assert desk.at('AT+CPMS="SM"', 2).startswith("\r\n+CPMS: 0,40,")


def test_the_number_may_come_after_the_ring() -> None:
    desk = Desk(2)
    desk.modems[1].habits = Habits(clip_delay_s=0.06)
    desk.at("AT+CLIP=1", 2)
    desk.at(f"ATD{SIM2};")
    desk.timers.advance(0.79)
    assert desk.wait(0.05, 2) == "\r\nRING\r\n"
    assert desk.wait(0.06, 2) == f'\r\n+CLIP: "{SIM1}",145,"",0,"",0\r\n'


def test_a_withheld_number_is_not_shown() -> None:
    desk = Desk(2)
    desk.at("AT+CLIP=1", 2)
    desk.at(f"ATD{SIM2}I;")
    assert '+CLIP: "",128,"",0,"",1' in desk.wait(1.5, 2)
    assert '"",128' in desk.at("AT+CLCC", 2)


def test_sound_wears_out_until_the_modem_is_reset() -> None:
    desk = with_habits(Habits(degraded_after_calls=1))
    answers = []
    for _ in range(2):
        desk.at(f"ATD{ANSWERS};")
        desk.wait(3)
        answers.append(desk.at("AT+CPCMREG=1"))
        desk.at("AT+CHUP")
    assert answers == ["\r\nOK\r\n", "\r\nERROR\r\n"]
    desk.at("AT+CRESET")
    desk.wait(8)
    desk.at(f"ATE0D{ANSWERS};")
    desk.wait(3)
    assert desk.at("AT+CPCMREG=1") == "\r\nOK\r\n"


def test_ussd_answers_may_lack_the_coding_scheme() -> None:
    desk = with_habits(Habits(ussd_without_dcs=True, ussd_strings="packed"))
    desk.at("AT+CUSD=1")
    desk.at('AT+CUSD=1,"*100#"')
    assert re.fullmatch(r'\r\n\+CUSD: 0,"D9775D0E[0-9A-F]+"\r\n', desk.wait(2))
