"""The HTTP interface of a real process, as `lab.md` fixes it."""

import base64
import json
import urllib.parse
from typing import Any

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, WSMessage, WSMsgType

from simulator.tones import pressed
from telecore.audio.wav import read_wav, write_wav
from tests.simulator.rig import Rig, until

FREE = "+8551200001"


@pytest.fixture
def behaviour(rig: Rig) -> Any:
    """Change a handset for one test only."""
    changed: dict[str, Any] = {}

    def change(number: str, **keys: Any) -> None:
        before = rig.api.get(f"/subscribers/{number}")["behaviour"]
        changed.setdefault(number, before | {"speak_wav": None})
        rig.api.put(f"/subscribers/{number}", keys)

    yield change
    for number, before in changed.items():
        rig.api.put(f"/subscribers/{number}", before)


def test_the_line_of_json(rig: Rig) -> None:
    assert rig.line["numbers"] == [f"+8551000000{index}" for index in (1, 2, 3, 4)]
    roles = ["answers", "busy", "no_answer", "unreachable", "sms_fails", "free"]
    assert list(rig.line["handsets"]) == roles
    assert len(set(rig.line["handsets"]["free"])) == 20
    keys = {"name", "at", "pcm", "number", "iccid", "imsi", "imei", "profile"}
    assert all(set(modem) == keys for modem in rig.line["modems"])


def test_subscribers(rig: Rig) -> None:
    everybody = {one["number"]: one for one in rig.api.get("/subscribers")}
    assert len(everybody) == 29
    sim = rig.api.get("/subscribers/+85510000001")
    assert (sim["kind"], sim["balance"]) == ("sim", 100.0)
    assert everybody["+85512000002"]["behaviour"]["on_call"] == "busy"
    quoted = urllib.parse.quote("+85512000002", safe="")
    assert rig.api.get(f"/subscribers/{quoted}")["kind"] == "handset"


def test_absent_keys_keep_their_value(rig: Rig, behaviour: Any) -> None:
    behaviour("+85512000029", on_call="reject", answer_after_s=0.5)
    behaviour("+85512000029", on_sms="delay", sms_delay_s=2)
    now = rig.api.get("/subscribers/+85512000029")["behaviour"]
    assert (now["on_call"], now["answer_after_s"], now["on_sms"]) == ("reject", 0.5, "delay")


BAD_BEHAVIOURS = [
    ({"on_call": "sleep"}, "on_call"),
    ({"answer_after_s": -1}, "answer_after_s"),
    ({"answer_after_s": "1"}, "answer_after_s"),
    ({"hangup_after_s": True}, "hangup_after_s"),
    ({"press": "12"}, "press"),
    ({"press": [{"after_s": 1, "digits": "x"}]}, "press[0].digits"),
    ({"press": [{"digits": "1"}, {"after_s": "soon", "digits": "1"}]}, "press[1].after_s"),
    ({"speak_wav": "?"}, "speak_wav"),
    ({"speak_wav": base64.b64encode(b"no wav").decode()}, "speak_wav"),
    ({"on_sms": None}, "on_sms"),
    ({"onCall": "busy"}, "onCall"),
]


@pytest.mark.parametrize(("body", "field"), BAD_BEHAVIOURS)
def test_bad_behaviours_are_refused_by_field(rig: Rig, body: Any, field: str) -> None:
    status, error = rig.api.ask("PUT", "/subscribers/+85512000029", body)
    assert (status, error["field"]) == (400, field)
    assert error["error"]


BAD_REQUESTS = [
    ("GET", "/subscribers/+1", None, 404, "number"),
    ("PUT", "/subscribers/+85510000001", {}, 409, "number"),
    ("POST", "/subscribers/+85510000001/calls", {"to": "+85512000001"}, 409, "number"),
    ("POST", "/subscribers/+85512000020/calls", {}, 400, "to"),
    ("POST", "/subscribers/+85512000020/messages", {"to": "+85510000001"}, 400, "body"),
    ("POST", "/subscribers/+85512000020/messages", {"to": "+85510000001", "body": "x" * 40_000}, 400, "body"),
    ("POST", "/subscribers/+85512000020/messages", b"{", 400, None),
    ("POST", "/subscribers/+85512000020/messages", [], 400, None),
    ("GET", "/calls/nocall", None, 404, "id"),
    ("GET", "/calls/nocall/heard.wav", None, 404, "id"),
    ("POST", "/calls/nocall/hangup", {}, 404, "id"),
    ("DELETE", "/faults/none", None, 404, "id"),
    ("POST", "/faults", {"target": "modem1"}, 400, "kind"),
    ("POST", "/faults", {"kind": "no_network"}, 400, "target"),
    ("POST", "/faults", {"kind": "no_network", "target": "modem9"}, 404, "target"),
    ("POST", "/faults", {"kind": "no_network", "target": "modem1", "for_s": "long"}, 400, "for_s"),
    ("POST", "/faults", {"kind": "no_network", "target": "modem1", "code": 3}, 400, "code"),
    ("POST", "/faults", {"kind": "cms_error", "target": "modem1"}, 400, "code"),
    ("POST", "/faults", {"kind": "earthquake", "target": "modem1"}, 400, "kind"),
    ("POST", "/faults", {"kind": "gateway_down", "target": "modem1"}, 400, "kind"),
    ("POST", "/faults", {"kind": "smsc_down", "target": "modem1"}, 400, "kind"),
    ("POST", "/faults", {"kind": "smsc_throttles", "target": "modem1"}, 400, "kind"),
    ("POST", "/faults", {"kind": "tunnel_cut", "target": "edge1"}, 400, "kind"),
    ("POST", "/processes/cloud/restart", {}, 409, "name"),
    ("GET", "/nothing", None, 404, None),
    ("PATCH", "/calls", None, 405, None),
]


@pytest.mark.parametrize(("method", "path", "body", "status", "field"), BAD_REQUESTS)
def test_bad_requests(rig: Rig, method: str, path: str, body: Any, status: int, field: str | None) -> None:
    answered, error = rig.api.ask(method, path, body)
    assert (answered, error["field"]) == (status, field)


def test_a_call_from_handset_to_modem(rig: Rig) -> None:
    line = rig.at(1)
    line.ask("AT+CLIP=1")
    call = rig.api.post(f"/subscribers/{FREE}0/calls", {"to": "+85510000001", "press": [{"digits": "7#"}]})
    line.read_until(r'\+CLIP: "\+85512000010",145')
    status, error = rig.api.ask("POST", f"/subscribers/{FREE}0/calls", {"to": "+85510000002"})
    assert status == 409
    assert rig.api.ask("POST", f"/calls/{call['id']}/digits", {"digits": "1"})[0] == 409
    line.ask("ATA")
    line.read_until("VOICE CALL: BEGIN")
    line.ask("AT+DDET=1;+CPCMREG=1")
    line.read_until(r"\+RXDTMF: 7.*\+RXDTMF: #")
    rig.api.post(f"/calls/{call['id']}/digits", {"digits": "42"})
    line.read_until(r"\+RXDTMF: 4.*\+RXDTMF: 2")
    line.ask('AT+VTS="9"')
    until(lambda: rig.api.get(f"/calls/{call['id']}")["digits_heard"] == "9")
    rig.api.post(f"/calls/{call['id']}/speak", write_wav(pressed("5")))
    line.read_until(r"\+RXDTMF: 5")
    heard = read_wav(rig.api.get(f"/calls/{call['id']}/heard.wav"))
    assert heard.rate == 8000
    assert len(heard.samples) > 8000
    ended = rig.api.post(f"/calls/{call['id']}/hangup", {"cause": 31})
    assert (ended["state"], ended["cause"]) == ("ended", 31)
    line.read_until("NO CARRIER")
    assert rig.api.ask("POST", f"/calls/{call['id']}/hangup", {})[0] == 409
    assert call["id"] in [one["id"] for one in rig.api.get("/calls")]


def test_a_call_from_modem_to_handset_appears_too(rig: Rig, behaviour: Any) -> None:
    speech = base64.b64encode(write_wav(pressed("3"), 8000)).decode()
    behaviour("+85512000011", answer_after_s=0.1, speak_wav=speech, hangup_after_s=1.5)
    line = rig.at(2)
    line.ask("AT+DDET=1")
    line.ask("ATD+85512000011;")
    line.read_until("BEGIN")
    line.read_until(r"\+RXDTMF: 3")
    line.read_until("VOICE CALL: END")
    call = next(one for one in rig.api.get("/calls") if one["to"] == "+85512000011")
    assert (call["from"], call["state"], call["cause"]) == ("+85510000002", "ended", 16)
    assert call["started_at"] < call["answered_at"] < call["ended_at"]


def test_messages_both_ways(rig: Rig) -> None:
    line = rig.at(3)
    line.ask("AT+CNMI=2,1,0,1,0")
    sent = rig.api.post(f"/subscribers/{FREE}2/messages", {"to": "+85510000003", "body": "សួស្តី 😀"})
    assert sent["id"]
    line.read_until(r'\+CMTI: "SM",0')
    line.send("0021000B915815020010F2000005E8329BFD06", 18)
    line.read_until(r"\+CDS: \d+\r\n\w+00\r\n")
    received = rig.api.messages("+85512000012")
    assert [(one["from"], one["to"], one["body"], one["parts"]) for one in received] == [
        ("+85510000003", "+85512000012", "hello", 1)
    ]
    assert received[0]["received_at"].endswith("Z")
    assert rig.api.messages("+85510000003")[0]["body"] == "សួស្តី 😀"


def test_the_network_shows_what_was_counted(rig: Rig) -> None:
    line = rig.at(4)
    before = rig.api.get("/network")["sims"][3]
    line.send("0001000B915815020010F3000005E8329BFD06", 18)
    after = until(lambda: (now := rig.api.get("/network")["sims"][3])["counters"]["delivered"] == 1 and now)
    assert after["balance"] == pytest.approx(before["balance"] - 0.05)
    assert after["counters"]["submits"] == after["counters"]["accepted"] == 1
    assert rig.api.get("/network")["operators"][0]["name"] == "Simferry Mobile"


def test_faults_begin_end_and_expire(rig: Rig) -> None:
    begun = rig.api.post("/faults", {"kind": "registration_denied", "target": "+85510000004"})
    assert rig.api.get("/network")["sims"][3]["registration"] == 3
    assert [one["id"] for one in rig.api.get("/faults")] == [begun["id"]]
    assert rig.api.ask("DELETE", f"/faults/{begun['id']}") == (200, {"id": begun["id"]})
    rig.registered(4)
    rig.api.post("/faults", {"kind": "no_network", "target": "modem4", "for_s": 0.2})
    assert rig.api.get("/network")["sims"][3]["registration"] == 2
    rig.registered(4)


def test_the_page_of_the_handset_is_served(rig: Rig) -> None:
    page = rig.api.get("/handset").decode()
    assert "/static/handset.js" in page
    assert b"WebSocket" in rig.api.get("/static/handset.js")


async def test_a_browser_holds_a_handset(rig: Rig) -> None:
    line = rig.at(1)
    async with ClientSession() as session:
        async with session.ws_connect(f"{rig.line['url']}/subscribers/+85512000015/live") as socket:
            assert (await socket.receive_json())["event"] == "ready"
            await socket.send_json({"do": "dial", "to": "+85510000001"})
            await socket.send_json({"do": "answer"})
            events = [json.loads((await socket.receive()).data) for _ in range(1)]
            assert events[0]["state"] == "ringing"
            line.read_until("RING")
            line.ask("ATA")
            line.ask("AT+DDET=1")
            frames = 0
            while frames < 10:
                message = await socket.receive(timeout=5)
                frames += isinstance(message.data, bytes)
            sound = pressed("6")
            for start in range(0, len(sound), 320):
                await socket.send_bytes(sound[start : start + 320])
            line.read_until(r"\+RXDTMF: 6")
            await socket.send_json({"do": "hangup"})
            line.read_until("NO CARRIER")
            await socket.send_json({"do": "send", "to": "+85510000001", "text": "from the page"})
            await socket.send_str("not json")
        assert rig.api.get("/subscribers/+85512000015")["in_browser"] is False
    until(lambda: rig.api.messages("+85510000001"))


async def test_a_handset_in_a_browser_rings_there(rig: Rig) -> None:
    line = rig.at(2)
    async with ClientSession() as session:
        url = f"{rig.line['url']}/subscribers/+85512000016/live"
        async with session.ws_connect(url) as socket:
            assert (await socket.receive_json())["event"] == "ready"
            refused = await session.get(url)
            assert refused.status == 409
            for wish, state in (("answer", "answered"), ("hangup", "ended")):
                line.ask("ATD+85512000016;")
                assert (await socket.receive_json(timeout=5))["incoming"] is True
                await socket.send_json({"do": wish})
                while isinstance((message := await socket.receive(timeout=5)).data, bytes):
                    pass
                assert json.loads(message.data)["state"] == state
                if wish == "answer":
                    line.read_until("BEGIN")
                    line.ask("AT+CHUP")
                    while json.loads((await text(socket)).data)["state"] != "ended":
                        pass
                else:
                    line.read_until("NO CARRIER")
    assert rig.api.get("/calls")[-1]["cause"] == 21


async def text(socket: ClientWebSocketResponse) -> WSMessage:
    while (message := await socket.receive(timeout=5)).type is not WSMsgType.TEXT:
        pass
    return message
