"""The defects A to T that python-gsmmodem-new 0.13.0 was seen to have: our driver on the same bytes of the wire.

Each test is named by its letter and begins with what happens there. Those that need a modem have a whole device on a
pseudo terminal; the others use the piece that the defect is in.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from edge_agent.contracts import OutboundSms, UssdState
from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.dialogue import Priority
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.serial_port import SerialPort
from simulator.pdu import UserData, encode_deliver, encode_smsc, encode_status_report
from telecore.errors import DeviceLost, DeviceRefused, TimedOut
from telecore.model import ChannelState

CHANNEL = "site-1/modem1"
SENDER = "+85512345678"
PROFILES = load_profiles()
REGISTERED = {
    "AT+CGMI": "Acme\r\n\r\nOK",
    "AT+CGMM": "M1\r\n\r\nOK",
    "AT+CGSN": "350000000000014\r\n\r\nOK",
    "AT+CPIN?": "+CPIN: READY\r\n\r\nOK",
    "AT+CREG?": "+CREG: 2,1\r\n\r\nOK",
    "AT+CEREG?": "ERROR",
    "AT+CSQ": "+CSQ: 20,99\r\n\r\nOK",
    "AT+COPS?": '+COPS: 0,0,"Cell"\r\n\r\nOK',
}


def deliver(content, sender=SENDER):
    return (encode_smsc("+85510999999") + encode_deliver(sender, 1_780_000_000.0, content)).hex().upper()


def text_pdu(text):
    return deliver(UserData(0, text, b"", b""))


def report_pdu(ref, status=0):
    octets = encode_status_report(ref, SENDER, 1_780_000_000.0, 1_780_000_060.0, status)
    return (encode_smsc("+85510999999") + octets).hex().upper()


@pytest.fixture(autouse=True)
def _short_silences(monkeypatch):
    for name, seconds in {"SILENCE_S": 0.03, "QUIET_S": 0.01, "STALE_S": 0.3}.items():
        monkeypatch.setattr(f"edge_agent.drivers.at_modem.engine.{name}", seconds)


class Site:
    """A modem in service: what the far end is, what the agent holds, what the core was told."""

    def __init__(self, far, device, core):
        self.far, self.device, self.core = far.modem, device, core
        self.wire = far
        [self.channel] = device.channels
        self.dialogue = device._dialogue

    @property
    def bodies(self):
        return [part.body for part in self.core.parts]

    async def submit(self, body="hello", **more):
        refs = []

        async def note(ref):
            refs.append(ref.ref)

        await self.channel.sms.submit(OutboundSms(SENDER, body, **more), 0, note)
        return refs


@contextlib.asynccontextmanager
async def in_service(far, core, until) -> AsyncIterator[Site]:
    far.modem.answers = {**REGISTERED, **far.modem.answers}
    settings = ModemSettings("modem1", CHANNEL, far.path, pins={"89855000000000000001": "1234"})
    device = AtModem(settings, PROFILES.choose)
    await device.open()
    running = asyncio.ensure_future(device.run(core))
    await until(lambda: core.radios)
    try:
        yield Site(far, device, core)
    finally:
        running.cancel()
        await asyncio.wait({running})
        await device.close()


@pytest.fixture
async def site(pty_modem, core, until):
    async with in_service(pty_modem, core, until) as made:
        await until(lambda: pty_modem.modem.log.count("AT+CMGL=4") == 3)
        yield made


async def test_a_a_notice_inside_an_answer(site, until):
    """``+CMTI`` before ``+CSQ`` becomes part of the answer; the SMS is never announced."""
    site.far.stores["SM"][4] = text_pdu("inside")
    site.far.answers["AT+CSQ"] = '+CMTI: "SM",4\r\n\r\n+CSQ: 17,99\r\n\r\nOK'
    assert await site.dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 17,99",)
    await until(lambda: site.bodies == ["inside"])


async def test_b_three_notices_in_one_burst(site, until):
    """Only the first is handled; two SMS stay in the storage."""
    site.far.stores["SM"] |= {index: text_pdu(f"number {index}") for index in (1, 2, 3)}
    site.far.send(b"".join(b'\r\n+CMTI: "SM",%d\r\n' % index for index in (1, 2, 3)))
    await until(lambda: sorted(site.bodies) == ["number 1", "number 2", "number 3"])
    await until(lambda: not site.far.stores["SM"])


async def test_c_a_byte_that_is_no_utf_8(site, until):
    """One such byte ends the reader for ever."""
    site.far.send(b'\xff\x80\r\n\r\n+CUSD: 0,"Cr\xe9dit",15\r\n')
    assert await site.dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 20,99",)
    await until(lambda: site.core.ussds)
    assert site.core.ussds[0].state is UssdState.DONE


async def test_d_unplugged_while_a_command_waits(site):
    """The pending write waits its whole timeout, and closing from the callback raises."""
    site.far.answers["AT+COPS?"] = None
    waiting = asyncio.ensure_future(site.dialogue.run("AT+COPS?", Priority.POLL, timeout_s=60))
    await asyncio.sleep(0.05)
    began = time.monotonic()
    site.wire.unplug()
    with pytest.raises(DeviceLost):
        await waiting
    with pytest.raises(DeviceLost):
        await site.dialogue.run("AT", Priority.POLL)
    await site.device.close()
    assert time.monotonic() - began < 1.0


async def test_e_a_command_between_cmgs_and_its_pdu(site):
    """Another thread's AT+CSQ goes into the PDU."""
    sending = [site.submit("x" * 100 + str(number)) for number in range(3)]
    asking = [site.dialogue.run("AT+CSQ", Priority.HANG_UP) for _ in range(20)]
    await asyncio.gather(*sending, *asking)
    assert len(site.far.bodies) == 3
    assert all(body.startswith("0021") and "AT" not in body for body in site.far.bodies)


async def test_f_a_late_answer(site):
    """It is taken for the answer of the next command."""
    far = site.far
    far.answers["AT+CREG?"] = None
    with pytest.raises(TimedOut):
        await site.dialogue.run("AT+CREG?", Priority.POLL, timeout_s=0.05)
    far.reply("+CREG: 0,1\r\n\r\nOK")
    assert await site.dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 20,99",)


async def test_g_a_prompt_without_its_blank(site):
    """A time-out without ESC: the modem stays in the text entry and eats the next commands."""
    site.far.prompt = b"\r\n>"
    assert await site.submit() == [7]
    assert await site.dialogue.run("AT+CSQ", Priority.POLL) == ("+CSQ: 20,99",)


async def test_h_lines_that_begin_like_a_result(site):
    """``OKAY your plan`` ends a command, ``BUSY`` does not."""
    site.far.answers["AT+CGMR"] = "OKAY your plan\r\n\r\nERRORS none\r\n\r\nOK"
    assert await site.dialogue.run("AT+CGMR", Priority.POLL) == ("OKAY your plan", "ERRORS none")
    site.far.answers["ATD"] = "BUSY"
    with pytest.raises(DeviceRefused) as refused:
        await site.dialogue.run("ATD5;", Priority.CALL, timeout_s=5)
    assert refused.value.kind == "call"


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [("+CME ERROR: SIM not inserted", "cme", 10), ("+CMS ERROR: memory full", "cms", 322)],
)
async def test_i_an_error_in_words(site, error, kind, code):
    """A time-out of ten seconds instead of an error."""
    site.far.answers["AT+CIMI"] = error
    began = time.monotonic()
    with pytest.raises(DeviceRefused) as refused:
        await site.dialogue.run("AT+CIMI", Priority.POLL, timeout_s=10)
    assert (refused.value.kind, refused.value.code) == (kind, code)
    assert time.monotonic() - began < 1.0


@pytest.mark.parametrize("code", [14, 515])
async def test_j_busy_for_ever(site, code):
    """It recurses without a bound, the caller blocked."""
    site.far.answers["AT+CIMI"] = f"+CME ERROR: {code}"
    site.far.log.clear()
    with pytest.raises(DeviceRefused):
        await site.dialogue.run("AT+CIMI", Priority.POLL)
    assert site.far.log.count("AT+CIMI") == 1


async def test_k_no_sim_and_the_port(pty_modem, core, until):
    """connect() raises with the port open and its reader alive; a second opening steals bytes."""
    pty_modem.modem.answers["AT+CPIN?"] = "+CME ERROR: 10"
    async with in_service(pty_modem, core, until):
        assert core.radios[0].state is ChannelState.ABSENT
        with pytest.raises(DeviceLost, match="in use"):
            SerialPort(pty_modem.path).open()
    again = SerialPort(pty_modem.path)
    again.open()
    again.close()


@pytest.mark.parametrize(
    ("state", "retries", "tries"),
    [("SIM PUK", 3, 0), ("SIM PIN2", 3, 0), ("PH-NET PIN", 3, 0), ("SIM PIN", 1, 0), ("SIM PIN", 3, 1)],
)
async def test_l_the_pin(pty_modem, core, until, state, retries, tries):
    """It is sent whatever the SIM wants, without a look at the tries that are left."""
    pty_modem.modem.answers |= {
        "AT+CPIN?": f"+CPIN: {state}\r\n\r\nOK",
        "AT+CPINR": f"+CPINR: SIM PIN,{retries},3\r\n\r\nOK",
        "AT+CRSM": '+CRSM: 144,0,"98580500000000000010"\r\n\r\nOK',
        "AT+CPIN=": "+CME ERROR: 16",
    }
    async with in_service(pty_modem, core, until):
        assert core.radios[0].state is ChannelState.LOCKED
    assert sum(text.startswith("AT+CPIN=") for text in pty_modem.modem.log) == tries


async def test_m_no_flow_control_unless_asked(pty_modem):
    """RTS/CTS and DSR/DTR are hard-coded: on a UART without these lines writes hang."""
    plain = SerialPort(pty_modem.path)
    plain.open()
    assert plain._serial is not None
    assert (plain._serial.rtscts, plain._serial.dsrdtr) == (False, False)
    plain.close()
