"""radio.py and sim.py: what is told of SIM and registration, and what never happens to a PIN."""

from __future__ import annotations

import asyncio

import pytest

from edge_agent.drivers.at_modem import sim
from edge_agent.drivers.at_modem.dialogue import Dialogue
from edge_agent.drivers.at_modem.grammar import Grammar
from edge_agent.drivers.at_modem.profile import AtProfile, RadioProfile
from edge_agent.drivers.at_modem.radio import Radio
from edge_agent.drivers.at_modem.sim import SimReader
from telecore.errors import DeviceLost
from telecore.model import ChannelState

ICCID = "8985591000000000017"


@pytest.fixture
def modem(port):
    port.modem.answers |= {
        "AT+CPIN?": "+CPIN: READY\r\n\r\nOK",
        "AT+CRSM=176": '+CRSM: 144,0,"985895010000000010F7"\r\n\r\nOK',
        "AT+CIMI": "456910000000001\r\n\r\nOK",
        "AT+CNUM": '+CNUM: "","+85510000001",145\r\n\r\nOK',
        "AT+CREG?": "+CREG: 2,1\r\n\r\nOK",
        "AT+CEREG?": "+CME ERROR: 4",
        "AT+CSQ": "+CSQ: 20,99\r\n\r\nOK",
        "AT+COPS?": lambda modem, text: (
            '+COPS: 0,2,"45691"\r\n\r\nOK' if modem.log[-2] == "AT+COPS=3,2" else '+COPS: 0,0,"Cell"\r\n\r\nOK'
        ),
        "AT+CPINR": "+CPINR: SIM PIN, 3, 3\r\n\r\nOK",
    }
    return port.modem


def make(port, *, pins=None, number=None, iccid=None):
    dialogue = Dialogue(port, Grammar.of())
    profile = AtProfile(radio=RadioProfile(poll_s=0.05))
    ready = []

    async def on_ready():
        ready.append(len(port.modem.log))

    radio = Radio(
        dialogue, profile, "site-1/m", SimReader(dialogue, profile, pins or {}, number), on_ready, iccid=iccid
    )
    radio.ready = ready
    dialogue.on_urc = lambda urc: radio.on_urc(urc, None)
    return radio


async def test_registered(port, modem):
    status = await make(port).refresh()
    assert status.state is ChannelState.REGISTERED
    assert (status.sim.iccid, status.sim.imsi, status.sim.msisdn) == (ICCID, "456910000000001", "+85510000001")
    assert (status.sim.operator, status.sim.operator_name) == ("45691", "Cell")
    assert status.signal.dbm == -73


async def test_the_number_of_the_configuration_comes_first(port, modem):
    status = await make(port, number="+85599999999").refresh()
    assert status.sim.msisdn == "+85599999999"
    assert "AT+CNUM" not in modem.log


@pytest.mark.parametrize(
    ("creg", "cereg", "state", "reason"),
    [
        ("+CREG: 2,2", None, ChannelState.SEARCHING, "searching"),
        ('+CREG: 2,3,"00C3","1B9A",0,0,2', None, ChannelState.DENIED, "registration denied (cause 2)"),
        ("+CREG: 2,2", "+CEREG: 2,5", ChannelState.REGISTERED, "roaming"),
        ("+CREG: 2,3", "+CEREG: 2,2", ChannelState.DENIED, "registration denied"),
        ("+CREG: 2,8", None, ChannelState.SEARCHING, "emergency only"),
    ],
)
async def test_registration(port, modem, creg, cereg, state, reason):
    modem.answers["AT+CREG?"] = f"{creg}\r\n\r\nOK"
    if cereg:
        modem.answers["AT+CEREG?"] = f"{cereg}\r\n\r\nOK"
    status = await make(port).refresh()
    assert (status.state, status.reason) == (state, reason)


@pytest.mark.parametrize(
    ("cpin", "state"),
    [
        ("+CME ERROR: 10", ChannelState.ABSENT),
        ("+CME ERROR: SIM not inserted", ChannelState.ABSENT),
        ("+CPIN: NOT INSERTED\r\n\r\nOK", ChannelState.ABSENT),
        ("+CME ERROR: 13", ChannelState.FAULTY),
        ("+CME ERROR: 14", ChannelState.SEARCHING),
        ("+CPIN: SIM PUK\r\n\r\nOK", ChannelState.LOCKED),
        ("+CPIN: PH-NET PIN\r\n\r\nOK", ChannelState.LOCKED),
    ],
)
async def test_trouble_with_the_sim(port, modem, cpin, state, monkeypatch):
    monkeypatch.setattr(sim, "BUSY_S", 0.02)
    modem.answers["AT+CPIN?"] = cpin
    radio = make(port, pins={ICCID: "1234"})
    status = await radio.refresh()
    assert status.state is state
    assert status.reason
    assert radio.ready == []
    assert not [text for text in modem.log if text.startswith("AT+CPIN=")]


class TestPin:
    @pytest.fixture
    def locked(self, modem):
        def enter(modem, text):
            if text == 'AT+CPIN="1234"':
                modem.answers["AT+CPIN?"] = "+CPIN: READY\r\n\r\nOK"
                return "OK"
            return "+CME ERROR: 16"

        modem.answers["AT+CPIN?"] = "+CPIN: SIM PIN\r\n\r\nOK"
        modem.answers["AT+CPIN="] = enter
        return modem

    def tries(self, modem):
        return [text for text in modem.log if text.startswith("AT+CPIN=")]

    async def test_entered_once_and_then_registered(self, port, locked):
        radio = make(port, pins={ICCID: "1234"})
        await radio.refresh()
        assert (await radio.refresh()).state is ChannelState.REGISTERED
        assert self.tries(locked) == ['AT+CPIN="1234"']

    async def test_a_wrong_pin_is_never_tried_twice(self, port, locked):
        radio = make(port, pins={ICCID: "9999"})
        for _ in range(4):
            status = await radio.refresh()
            assert status.state is ChannelState.LOCKED
        assert len(self.tries(locked)) == 1

    @pytest.mark.parametrize("left", ["+CPINR: SIM PIN, 1, 3\r\n\r\nOK", "+CPINR: SIM PIN, 0, 3\r\n\r\nOK", "ERROR"])
    async def test_not_with_one_try_left_and_not_without_knowing(self, port, locked, left):
        locked.answers["AT+CPINR"] = left
        status = await make(port, pins={ICCID: "1234"}).refresh()
        assert (status.state, self.tries(locked)) == (ChannelState.LOCKED, [])
        assert "phone" in status.reason

    async def test_not_the_pin_of_another_sim(self, port, locked):
        status = await make(port, pins={"8985591000000000999": "1234"}).refresh()
        assert (status.state, self.tries(locked)) == (ChannelState.LOCKED, [])
        assert "none for it" in status.reason

    async def test_never_in_a_log(self, port, locked, caplog):
        caplog.set_level(0)
        radio = make(port, pins={ICCID: "9999"})
        await radio.refresh()
        assert "9999" not in caplog.text


async def test_another_sim_than_expected_is_told(port, modem):
    status = await make(port, iccid="8985591000000000999").refresh()
    assert (status.state, status.sim.iccid) == (ChannelState.FAULTY, ICCID)


async def test_only_changes_are_told(port, modem, core, until):
    radio = make(port)
    running = asyncio.ensure_future(radio.run(core))
    await until(lambda: modem.log.count("AT+CSQ") >= 5)
    assert len(core.radios) == 1
    modem.answers["AT+CSQ"] = "+CSQ: 18,99\r\n\r\nOK"  # 4 dB are no news
    seen = modem.log.count("AT+CSQ")
    await until(lambda: modem.log.count("AT+CSQ") >= seen + 3)
    assert len(core.radios) == 1
    modem.answers["AT+CREG?"] = "+CREG: 2,3\r\n\r\nOK"
    modem.urc("+CREG: 3")
    await until(lambda: len(core.radios) == 2)
    assert core.radios[-1].state is ChannelState.DENIED
    running.cancel()


async def test_a_sim_that_comes_back_is_prepared_again(port, modem, core, until):
    radio = make(port)
    running = asyncio.ensure_future(radio.run(core))
    await until(lambda: len(core.radios) == 1)
    modem.answers["AT+CPIN?"] = "+CME ERROR: 10"
    modem.urc("+CPIN: NOT INSERTED")
    await until(lambda: core.radios[-1].state is ChannelState.ABSENT)
    modem.answers["AT+CPIN?"] = "+CPIN: READY\r\n\r\nOK"
    modem.urc("+CPIN: READY")
    await until(lambda: core.radios[-1].state is ChannelState.REGISTERED)
    assert len(radio.ready) == 2
    running.cancel()


async def test_nonsense_and_silence_do_not_end_it(port, modem, core, until):
    radio = make(port)
    running = asyncio.ensure_future(radio.run(core))
    modem.answers["AT+CREG?"] = "+CREG: 2,x\r\n\r\nOK"
    await until(lambda: modem.log.count("AT+CREG?") >= 3)
    modem.answers["AT+CREG?"] = "+CREG: 2,1\r\n\r\nOK"
    await until(lambda: core.radios and core.radios[-1].state is ChannelState.REGISTERED)
    running.cancel()


async def test_restart_loses_the_device(port, modem):
    radio = make(port)
    await radio.restart()
    assert modem.log == ["AT+CFUN=1,1"]
    with pytest.raises(DeviceLost):
        await radio.refresh()
