"""The defects A to T that python-gsmmodem-new 0.13.0 was seen to have: our driver on the same bytes of the wire.

Each test is named by its letter and begins with what happens there. Those that need a modem have a whole device on a
pseudo terminal; the others use the piece that the defect is in.
"""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator

import pytest

from edge_agent.contracts import OutboundSms, UssdReply, UssdState, VoiceEventKind
from edge_agent.devices.profiles import load_profiles
from edge_agent.drivers.at_modem.dialogue import Priority
from edge_agent.drivers.at_modem.modem import AtModem, ModemSettings
from edge_agent.drivers.at_modem.pdu import Deliver, decode, encode_submit
from edge_agent.drivers.at_modem.serial_port import SerialPort
from simulator.pdu import UserData, encode_deliver, encode_smsc, encode_status_report
from simulator.segments import split_text
from telecore.errors import DeviceLost, DeviceRefused, RemoteProtocolError, TimedOut
from telecore.model import ChannelState
from telecore.sms import join_parts, split

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
        await asyncio.gather(running, return_exceptions=True)
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
    assert site.core.ussds == [UssdReply(UssdState.DONE, "Crédit")]


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


@pytest.mark.parametrize(
    ("urc", "reply"),
    [
        ('+CUSD: 0,"Balance 5.00"', UssdReply(UssdState.DONE, "Balance 5.00")),
        ("+CUSD: 2", UssdReply(UssdState.RELEASED, "")),
        ("+CUSD: 4", UssdReply(UssdState.NOT_SUPPORTED, "")),
        ('+CUSD: 0,"SPRING OFFER\r\nRING\r\nOK",15', UssdReply(UssdState.DONE, "SPRING OFFER\nRING\nOK")),
        ('+CUSD: 0,"17A017B617A0",72', UssdReply(UssdState.DONE, "\u17a0\u17b6\u17a0")),
        ('+CUSD: 0,"002B00380035",15', UssdReply(UssdState.DONE, "+85")),
    ],
)
async def test_n_ussd(site, until, urc, reply):
    """Hex is never decoded; most shapes of +CUSD end in a time-out, and a text with RING in it is an incoming call."""

    def answer(modem, text):
        modem.reply("OK")
        loop = asyncio.get_running_loop()
        for number, line in enumerate(urc.split("\r\n")):
            loop.call_later(0.05 * (number + 1), modem.send, (line + "\r\n").encode())

    site.far.answers["AT+CUSD=1"] = answer
    assert await site.channel.ussd.request("*100#") == reply
    site.far.urc('+CUSD: 0,"by the network",15')
    await until(lambda: site.core.ussds == [UssdReply(UssdState.DONE, "by the network")])
    assert site.core.calls.empty()


async def test_n_the_character_set_after_a_unicode_sms(site):
    """CSCS is left at UCS2, and the next AT+CUSD is malformed."""
    await site.submit("\u1797\u17b6\u179f\u17b6")

    def answer(modem, text):
        modem.reply("OK")
        modem.urc('+CUSD: 0,"fine",15')

    site.far.answers["AT+CUSD=1"] = answer
    assert await site.channel.ussd.request("*100#") == UssdReply(UssdState.DONE, "fine")
    assert 'AT+CSCS="UCS2"' not in site.far.log


async def test_o_what_a_submit_asks_for(site):
    """A report is asked for even when none is wanted, and there is no validity period."""
    await site.submit(report=False)
    await site.submit(report=True, validity_s=3600)
    plain, full = (int(body[2:4], 16) for body in site.far.bodies)
    assert plain & 0x38 == 0x00  # no report, no validity
    assert full & 0x38 == 0x30
    assert site.far.bodies[1][2 + 2 + 2 + 2 + 2 + 12 + 4 :][:2] == "0B"  # (11 + 1) * 5 minutes


async def test_o_reports_by_every_way(site, until):
    """``+CDS`` is not read for a stray quote and never acknowledged, ``+CMT`` is unknown."""
    site.far.urc(f"+CDS: 25\r\n{report_pdu(5)}")
    site.far.urc(f"+CMT: ,24\r\n{text_pdu('direct')}")
    site.far.stores["SR"][2] = report_pdu(6, status=0x30)
    site.far.urc('+CDSI: "SR",2')
    await until(lambda: len(site.core.reports) == 2 and site.core.parts)
    assert sorted((report.ref, report.status) for report in site.core.reports) == [(5, 0), (6, 0x30)]
    assert site.bodies == ["direct"]


@pytest.mark.parametrize(
    ("clip", "caller"),
    [('+CLIP: "012345678",129', "012345678"), ('+CLIP: "85512345678",145', SENDER), ('+CLIP: "",128', None)],
)
async def test_p_ring_and_clip_apart(site, until, clip, caller):
    """RING and CLIP 60 ms apart make a call without a number; a ``+`` is put before every number."""
    site.far.answers["AT+CLCC"] = "+CLCC: 1,1,4,0,0\r\n\r\nOK"
    site.far.urc("RING")
    asyncio.get_running_loop().call_later(0.06, site.far.urc, clip)
    async with asyncio.timeout(5):
        call = await site.core.calls.get()
    assert call.caller == caller
    events = []
    call.voice.on_event = events.append
    site.far.answers["AT+CLCC"] = "OK"
    site.far.urc("NO CARRIER")  # and this ends it
    await until(lambda: [event.kind for event in events] == [VoiceEventKind.ENDED])


@pytest.mark.parametrize("entry", ['+CLCC:1,0,2,0,0,"{}",145', '+CLCC: 1,0,2,0,0,"{}",145,"Alice"'])
async def test_p_a_dialled_call_is_not_left(site, entry):
    """Its CLCC wants a blank and no name: the dial times out, and the call stays on the line."""
    line = []

    def dial(modem, text):
        line.append(entry.format(SENDER))
        return "OK"

    def hang_up(modem, text):
        line.clear()
        return "OK"

    site.far.answers |= {
        "ATD": dial,
        "AT+CHUP": hang_up,
        "AT+CLCC": lambda modem, text: "\r\n\r\n".join([*line, "OK"]),
    }
    events = []
    call = await site.device._services.voice.dial(SENDER, events.append)
    await call.hang_up()
    assert line == []
    assert events[-1].kind is VoiceEventKind.ENDED


async def test_q_a_stored_submit_an_unreadable_one_and_both_storages(site, until, caplog):
    """One entry breaks the list or shifts the places, so that the wrong message is deleted; ME hides SM."""
    stores = site.far.stores
    sent, _ = encode_submit(SENDER, split("stored to be sent")[0])
    broken = text_pdu("broken")[:-6]
    stores["SM"] = {1: sent, 2: broken, 3: text_pdu("on the SIM")}
    stores["ME"] = {1: text_pdu("in the modem")}
    site.far.urc('+CMTI: "SM",9')  # a place that is empty
    site.far.urc('+CMTI: "SM",3')
    site.far.urc('+CMTI: "ME",1')
    site.far.urc('+CMTI: "SM",2')
    await until(lambda: sorted(site.bodies) == ["in the modem", "on the SIM"])
    await until(lambda: not stores["ME"])
    assert stores["SM"] == {1: sent, 2: broken}


async def test_q_safe_before_it_is_deleted(site, until):
    """It is deleted before the callback: an error there loses it."""
    seen = []
    site.core.before_safe = lambda: seen.append(dict(site.far.stores["SM"]))
    site.far.stores["SM"][3] = text_pdu("kept")
    site.far.urc('+CMTI: "SM",3')
    await until(lambda: not site.far.stores["SM"])
    assert seen == [{3: text_pdu("kept")}]


async def test_q_a_senseless_time_stamp(site, until):
    """ValueError in a thread."""
    pdu = text_pdu("when")
    at = pdu.rindex("0000", 0, -8) + 4
    site.far.stores["SM"][3] = pdu[:at] + "FFFFFFFFFFFFFF" + pdu[at + 14 :]
    site.far.urc('+CMTI: "SM",3')
    await until(lambda: site.bodies == ["when"])
    assert site.core.parts[0].sent_at is None


@pytest.mark.parametrize(
    ("urc", "state"),
    [('+CREG: 1,"1A2B","01C3D4E5",2', ChannelState.REGISTERED), ('+CREG: 3,"1A2B","01C3D4E5",2', ChannelState.DENIED)],
)
async def test_r_registration_with_its_access_technology(site, until, urc, state):
    """It does not match; a denied one counts as covered."""
    site.far.answers["AT+CREG?"] = urc.replace(": ", ": 2,") + "\r\n\r\nOK"
    site.core.radios.clear()
    site.far.urc(urc)
    await until(lambda: site.core.radios or state is ChannelState.REGISTERED)
    status = await site.channel.radio.status()
    assert status.state is state


@pytest.mark.parametrize(
    "text",
    ["1234567@", "\u00a7 5 form\ffeed", "@" * 400, "\U0001f600" * 70, "a\U0001f600" * 50, "\u1797\u17b6" * 90],
)
def test_s_texts_arrive_as_sent(text):
    """Lost characters, mistaken ones, halves of surrogate pairs."""
    parts = [decode(deliver(content)) for content in split_text(text, 7)]
    assert join_parts([part.body for part in parts]) == text
    assert [segment.text for segment in split(text)] == [part.body for part in parts]


def test_s_wide_reference():
    """The first character of each part is dropped."""
    for coding, text in ((0, "first"), (8, "\u1797\u17b6")):
        part = decode(deliver(UserData(coding, text, b"", bytes.fromhex("080412340201"))))
        assert isinstance(part, Deliver)
        assert part.body == text
        assert part.udh.concat is not None
        assert (part.udh.concat.reference, part.udh.concat.wide) == (0x1234, True)


@pytest.mark.parametrize("length", range(40))
def test_s_cut_short(length):
    """StopIteration."""
    with contextlib.suppress(RemoteProtocolError):
        decode(text_pdu("hello")[:length])


def test_s_a_code_is_no_name():
    """``*100#`` as a destination is encoded as a name."""
    pdu, _ = encode_submit("*100#", split("x")[0])
    assert pdu[8:10] == "81"


async def test_s_all_references(site):
    """Only the last reference of a long message is kept."""
    refs = iter((250, 255, 0))
    site.far.submit = lambda modem, text: f"+CMGS: {next(refs)}\r\n\r\nOK"
    assert await site.submit("x" * 400) == [250, 255, 0]


def test_t_nothing_warns():
    """28 SyntaxWarnings, and with -W error a SyntaxError."""
    code = "import edge_agent.drivers.at_modem.modem"
    subprocess.run([sys.executable, "-W", "error", "-B", "-c", code], check=True, timeout=60)
