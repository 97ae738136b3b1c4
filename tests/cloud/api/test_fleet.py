"""``/simferry/v1`` over HTTP: what an account sees of its SIMs, asks of them, and never of others'."""

from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import aiohttp
import pytest

from cloud.services.caps import CapKeeper
from cloud.store import accounts, channels, edges, numbers, outbox, tasks
from cloud.store.database import Connection
from cloud.store.records import AccountRecord
from cloud.tunnel.ingest import Ingest
from cloud.tunnel.outgoing import EdgeOutgoing
from telecore import codec
from telecore.commands import RequestUssd, RunSelfTest, SetSimHealth, TopUp
from telecore.events import ChannelChanged, SelfTestDone, SimHealthChanged, UssdReplied, WarningRaised
from telecore.ids import E164, ChannelId, CommandId, EdgeId, Iccid
from telecore.model import ChannelState, ChannelStatus, LineCall, Service, SignalLevel, Sim
from telecore.sim_health import Balance, Health, HealthState, StoreLevel, Usage
from tests.fakes.api_site import NUMBER, Site, basic

EDGE = EdgeId("site-1")
ONE, TWO = ChannelId("site-1/modem1"), ChannelId("site-1/modem2")
ICCID = Iccid("8985501234567890123")
NOW = datetime.now(UTC)
VOUCHER = "1234-5678-9012-34"


class Fleet:
    """A client of the fleet's API, and the edge at the other end."""

    def __init__(self, site: Site, http: aiohttp.ClientSession) -> None:
        self.site = site
        self.http = http
        self.seq = 0
        self.ingest = Ingest(site.db, allow=CapKeeper().allow)

    async def ask(
        self, method: str, path: str, account: AccountRecord | None = None, **how: Any
    ) -> tuple[int, dict[str, Any]]:
        url = f"http://127.0.0.1:{self.site.server.port}/simferry/v1/{path}"
        headers = basic(account or self.site.account)
        async with self.http.request(method, url, headers=headers, **how) as answer:
            return answer.status, await answer.json()

    async def tell(self, *events: Any) -> None:
        for event in events:
            self.seq += 1
            await self.ingest.incoming(EDGE).apply("s", self.seq, codec.encode(event), history=False)

    async def commands(self) -> list[Any]:
        rows = await self.site.db.read(lambda conn: outbox.read(conn, EDGE, 0, 100))
        return [codec.decode_command(payload) for _, payload in rows]


@pytest.fixture
async def fleet(site: Site):
    async with aiohttp.ClientSession() as http:
        fleet = Fleet(site, http)
        await fleet.tell(ChannelChanged(status=status(ONE)), ChannelChanged(status=status(TWO)))
        yield fleet


def status(channel: ChannelId) -> ChannelStatus:
    number = E164(NUMBER) if channel == ONE else None
    return ChannelStatus(
        channel=channel,
        state=ChannelState.REGISTERED,
        since=NOW.timestamp(),
        offers=frozenset(Service),
        sim=Sim(ICCID, msisdn=number, operator_name="Smart"),
        signal=SignalLevel(-79),
        health=Health(HealthState.HEALTHY, 1000.0),
        balance=Balance(2000.0, "3.50", "USD", "2026-12-31", "0.10", 35.0),
        usage=Usage(sms_day=7),
        store=StoreLevel("SM", 3, 20),
        access="LTE",
        call=LineCall.INCOMING if channel == ONE else None,
    )


async def test_a_channel_is_told_whole_with_its_iccid_masked(fleet: Fleet) -> None:
    cool = Health(HealthState.COOLDOWN, NOW.timestamp(), "refused too often", 0)
    await fleet.tell(
        SimHealthChanged(channel=ONE, iccid=ICCID, was=HealthState.HEALTHY, health=cool, evidence=("CMS 50 ×5",)),
        SelfTestDone(sender=ONE, receiver=TWO, passed=True, text="all well", sms_s=4.2),
        WarningRaised(code="weak_signal", severity="warning", subject=ONE, text="-109 dBm"),
    )
    code, body = await fleet.ask("GET", "channels")
    assert code == 200
    one, two = body["channels"]
    assert (one["channel"], two["channel"]) == (ONE, TWO)
    assert (one["number"], one["operator"], one["signal_dbm"], one["access"]) == (NUMBER, "Smart", -79, "LTE")
    assert (one["line_call"], two["line_call"]) == ("incoming", None)
    assert one["health"]["state"] == "cooldown"
    assert one["health"]["evidence"] == ["CMS 50 ×5"]
    assert (one["balance"]["amount"], one["balance"]["days_left"]) == ("3.50", 35.0)
    assert (one["usage"]["sms_day"], one["store"]["used"], one["store"]["full"]) == (7, 3, False)
    assert one["last_self_test"]["sms_s"] == 4.2
    assert [warning["code"] for warning in one["warnings"]] == ["weak_signal"]
    assert two["warnings"] == []
    assert ICCID not in json.dumps(body)
    code, alone = await fleet.ask("GET", f"channels/{ONE}")
    assert code == 200
    assert [entry["kind"] for entry in alone["history"]] == ["selftest.done", "sim.health"]
    assert ICCID not in json.dumps(alone)


async def test_a_menu_is_a_conversation(fleet: Fleet) -> None:
    code, task = await fleet.ask("POST", f"channels/{ONE}/ussd", json={"code": "*100#"})
    assert (code, task["status"], task["kind"], task["result"]) == (202, "queued", "ussd.request", None)
    await fleet.tell(
        UssdReplied(command=CommandId(task["sid"]), channel=ONE, state="reply_wanted", text="1 Balance\n2 Offers")
    )
    _, task = await fleet.ask("GET", f"tasks/{task['sid']}")
    assert (task["status"], task["result"]) == ("done", {"state": "reply_wanted", "text": "1 Balance\n2 Offers"})
    code, _ = await fleet.ask("POST", f"channels/{ONE}/ussd", data={"code": "1"})
    assert code == 202
    assert [command.code for command in await fleet.commands()] == ["*100#", "1"]


async def test_moments_in_results_are_written_as_all_others(fleet: Fleet) -> None:
    _, task = await fleet.ask("POST", f"channels/{ONE}/health", json={"state": "cooldown"})
    held = Health(HealthState.COOLDOWN, 1000.0, "", 0, forced=True)
    await fleet.tell(
        SimHealthChanged(command=CommandId(task["sid"]), channel=ONE, iccid=ICCID, was=HealthState.HEALTHY, health=held)
    )
    _, task = await fleet.ask("GET", f"tasks/{task['sid']}")
    assert task["result"]["health"]["since"] == "1970-01-01T00:16:40Z"
    assert task["result"]["health"]["until"] is None
    assert ICCID not in json.dumps(task)


async def test_each_action_is_its_command(fleet: Fleet) -> None:
    asked: list[tuple[str, dict[str, Any]]] = [
        ("ussd/cancel", {}),
        ("balance", {}),
        ("self_test", {"receiver": TWO, "call": False}),
        ("health", {"state": "retired", "note": "lost in the river"}),
        ("health", {"state": "auto"}),
        ("restart", {}),
    ]
    for name, body in asked:
        code, _ = await fleet.ask("POST", f"channels/{ONE}/{name}", json=body)
        assert code == 202, name
    commands = await fleet.commands()
    assert [command.kind for command in commands] == [
        "ussd.cancel", "sim.read_balance", "channel.test", "sim.set_health", "sim.set_health", "channel.restart",
    ]  # fmt: skip
    test, held, back = commands[2], commands[3], commands[4]
    assert isinstance(test, RunSelfTest)
    assert (test.receiver, test.sms, test.call) == (TWO, True, False)
    assert isinstance(held, SetSimHealth)
    assert (held.state, held.note, back.state) == (HealthState.RETIRED, "lost in the river", None)
    assert all(command.not_after is not None for command in commands)


async def test_a_voucher_is_seen_by_its_edge_alone(fleet: Fleet, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    code, task = await fleet.ask("POST", f"channels/{ONE}/top_up", json={"voucher": VOUCHER})
    assert code == 202
    digits = VOUCHER.replace("-", "")
    (command,) = await fleet.commands()
    assert isinstance(command, TopUp)
    assert command.voucher == digits
    await EdgeOutgoing(fleet.site.db, EDGE, ("s", 0), lambda: None).forget(10)
    assert await fleet.commands() == []
    _, told = await fleet.ask("GET", f"tasks/{task['sid']}")
    row = await fleet.site.db.read(lambda conn: tasks.get(conn, task["sid"]))
    for text in (json.dumps(task), json.dumps(told), repr(row), repr(command), caplog.text):
        assert digits not in text
        assert VOUCHER not in text


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("ussd", {}, "code"),
        ("ussd", {"code": "1" * 183}, "code"),
        ("ussd", {"code": "*100#\r\nAT+CFUN=0"}, "code"),
        ("ussd", {"code": ["*100#"]}, "code"),
        ("top_up", {"voucher": "12"}, "voucher"),
        ("top_up", {"voucher": "1234567'; --"}, "voucher"),
        ("self_test", {}, "receiver"),
        ("self_test", {"receiver": ONE}, "receiver"),
        ("self_test", {"receiver": "site-2/modem1"}, "receiver"),
        ("self_test", {"receiver": TWO, "sms": False, "call": False}, "sms"),
        ("self_test", {"receiver": TWO, "sms": "perhaps"}, "sms"),
        ("health", {}, "state"),
        ("health", {"state": "locked_puk"}, "state"),
        ("health", {"state": "retired", "note": "x" * 301}, "note"),
    ],
)
async def test_what_is_wrong_names_its_field_and_changes_nothing(
    fleet: Fleet, name: str, body: dict[str, Any], field: str
) -> None:
    code, told = await fleet.ask("POST", f"channels/{ONE}/{name}", json=body)
    assert code == 400
    assert f"'{field}'" in told["message"]
    for secret in ("12'", "1234567"):
        assert secret not in told["message"]
    assert await fleet.commands() == []


async def test_what_is_not_there_is_not_there(fleet: Fleet) -> None:
    for method, path in (
        ("GET", "channels/site-1/modem9"),
        ("POST", "channels/site-1/modem9/restart"),
        ("GET", "tasks/TK0"),
        ("POST", f"channels/{ONE}/explode"),
    ):
        code, _ = await fleet.ask(method, path)
        assert code == 404, path
    code, _ = await fleet.ask("POST", f"channels/{ONE}/self_test", json={"receiver": "site-1/modem9"})
    assert code == 404
    assert (await fleet.ask("POST", f"channels/{ONE}/ussd", json=[1]))[0] == 400
    assert await fleet.commands() == []


async def test_a_stranger_sees_nothing_and_a_parent_what_its_subaccounts_have(fleet: Fleet, site: Site) -> None:
    stranger = await site.db.write(lambda conn: accounts.create(conn, "Stranger"))
    child = await site.db.write(lambda conn: accounts.create(conn, "Child", site.account.sid))
    _, task = await fleet.ask("POST", f"channels/{ONE}/balance")
    assert (await fleet.ask("GET", "channels", stranger))[1] == {"channels": []}
    for method, path in (
        ("GET", f"channels/{ONE}"),
        ("POST", f"channels/{ONE}/restart"),
        ("GET", f"tasks/{task['sid']}"),
    ):
        assert (await fleet.ask(method, path, stranger))[0] == 404

    number = await site.db.read(lambda conn: numbers.get_by_number(conn, NUMBER))
    await fleet.tell(UssdReplied(channel=ONE, state="done", text="the parent's"))
    await site.db.write(lambda conn: numbers.update(conn, number.sid, account=child.sid))
    await fleet.tell(UssdReplied(channel=ONE, state="done", text="the child's"))
    assert [found["channel"] for found in (await fleet.ask("GET", "channels", child))[1]["channels"]] == [ONE]
    assert len((await fleet.ask("GET", "channels"))[1]["channels"]) == 2
    _, alone = await fleet.ask("GET", f"channels/{ONE}", child)
    assert [entry["text"] for entry in alone["history"]] == ["the child's"]
    assert (await fleet.ask("POST", f"channels/{TWO}/restart", child))[0] == 404
    assert (await fleet.ask("POST", f"channels/{ONE}/self_test", child, json={"receiver": TWO}))[0] == 404
    assert len(await fleet.commands()) == 1
    code, made = await fleet.ask("POST", f"channels/{ONE}/restart", child)
    assert code == 202
    assert (await fleet.ask("GET", f"tasks/{made['sid']}"))[0] == 200


async def test_without_credentials_nothing(fleet: Fleet, site: Site) -> None:
    async with fleet.http.get(f"http://127.0.0.1:{site.server.port}/simferry/v1/channels") as answer:
        assert answer.status == 401


async def test_a_line_of_a_gateway_is_a_channel_too(fleet: Fleet, site: Site) -> None:
    line = ChannelId("site-1/gate/2")
    await fleet.tell(ChannelChanged(status=status(line)))
    code, _ = await fleet.ask("POST", f"channels/{line}/ussd", json={"code": "*100#"})
    assert code == 202
    (command,) = await fleet.commands()
    assert isinstance(command, RequestUssd)
    assert command.channel == line
    assert (await site.db.read(lambda conn: edges.get(conn, EDGE))) is not None


async def test_what_is_ones_own_is_found_without_a_look_at_all_others(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(conn: Connection) -> None:
        stranger = accounts.create(conn, "Stranger").sid
        for n in range(30):
            edges.create(conn, edge := EdgeId(f"other-{n}"), stranger)
            channels.upsert(conn, edge, replace(status(TWO), channel=ChannelId(f"{edge}/modem1")))

    await fleet.site.db.write(fill)
    seen: list[str] = []
    really = channels._record
    monkeypatch.setattr(channels, "_record", lambda row: (seen.append(row["edge"]), really(row))[1])
    code, told = await fleet.ask("GET", "channels")
    assert (code, [one["channel"] for one in told["channels"]]) == (200, [ONE, TWO])
    assert (await fleet.ask("GET", f"channels/{TWO}"))[0] == 200
    url = f"http://127.0.0.1:{fleet.site.server.port}/2010-04-01/Accounts/{fleet.site.account.sid}"
    for below in ("", "/KH/Mobile", "/KH/Local"):
        async with fleet.http.get(f"{url}/AvailablePhoneNumbers{below}.json", headers=basic(fleet.site.account)) as got:
            assert got.status == 200
    assert set(seen) == {EDGE}
