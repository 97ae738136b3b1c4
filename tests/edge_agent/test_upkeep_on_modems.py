"""The whole agent keeps its SIMs alive on two simulated modems: balance, voucher, self-test."""

import asyncio
import json

import pytest

from edge_agent.cli.main import main
from telecore.commands import PlaceCall, ReadBalance, RunSelfTest, TopUp
from telecore.ids import CallSid, ChannelId
from tests.edge_agent.test_agent import edge
from tests.fakes.hub_cloud import cloud
from tests.fakes.tunnel import until
from tests.simulator.rig import Rig

pytestmark = [pytest.mark.flow, pytest.mark.timeout(90)]

A, B = ChannelId("site-1/modem1"), ChannelId("site-1/modem2")
VOUCHER = "1012345678"


@pytest.fixture(scope="module")
def rig(tmp_path_factory):
    rig = Rig(tmp_path_factory.mktemp("lab"))
    rig.registered()
    yield rig
    assert rig.stop() == 0


def devices(rig):
    lines = rig.line["modems"][:2]
    return json.dumps(
        [
            {"id": f"modem{n}", "port": line["at"], "audio": line["pcm"], "number": line["number"]}
            for n, line in enumerate(lines, 1)
        ]
    )


async def test_balance_voucher_and_self_test(tmp_path, rig, capsys):
    async with cloud() as c, edge(tmp_path, c.hub.port, devices(rig)) as (agent, spool):
        await until(lambda: agent.inventory.registered(A) and agent.inventory.registered(B), 20)
        c.wish(ReadBalance(channel=A))
        await until(lambda: c.told.of("sim.balance"), 15)
        before = float(c.told.of("sim.balance")[0]["balance"]["amount"])
        top_up = TopUp(channel=A, voucher=VOUCHER)
        c.wish(top_up)
        await until(lambda: c.told.of("sim.topped_up"), 15)
        (topped_up,) = c.told.of("sim.topped_up")
        assert (topped_up["outcome"], topped_up["command"]) == ("done", top_up.id)
        c.wish(TopUp(channel=B, voucher=VOUCHER))
        await until(lambda: c.told.of("command.rejected"), 15)
        assert "was spent by this site" in c.told.of("command.rejected")[0]["reason"]

        assert await asyncio.to_thread(main, ["balance", "--data-dir", str(tmp_path / "data"), "modem1"]) == 0
        assert float(capsys.readouterr().out.split()[1]) == before + 10
        assert agent.inventory.statuses()[0].balance.amount == f"{before + 10:.2f}"

        c.wish(RunSelfTest(channel=A, receiver=B))
        await until(lambda: c.told.of("selftest.done"), 40)
        (test,) = c.told.of("selftest.done")
        assert test["passed"], test["text"]
        assert -25 < test["heard_to"] < -10
        assert -25 < test["heard_back"] < -10
        await until(lambda: spool.depth == 0)
        assert c.told.of("message.received") == c.told.of("call.offered") == []
        assert VOUCHER not in str(c.told.values)


async def test_an_operator_that_is_asked_and_answers_by_sms(tmp_path, rig):
    operator = rig.line["handsets"]["free"][2]
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "mine.yaml").write_text(
        f"""{{operator: x, country: "KH", plmn: ["45691"], source: test, vectors: [{{text: no}}], balance: {{
        steps: [{{send: BAL, to: "{operator}"}}], answer_via: sms, sender: '\\{operator}',
        match: ['left: (?P<amount>\\S+)'], currency: USD}}}}"""
    )
    settings = devices(rig) + "\nsims: {recipes: own}"
    async with cloud() as c, edge(tmp_path, c.hub.port, settings) as (agent, _):
        await until(lambda: agent.inventory.registered(A), 20)
        c.wish(ReadBalance(channel=A))
        own = rig.line["numbers"][0]
        await until_asked(rig, operator)
        answer = {"to": own, "body": "left: 7.25"}
        await asyncio.to_thread(rig.api.post, f"/subscribers/{operator}/messages", answer)
        await until(lambda: c.told.of("sim.balance"), 20)
        (told,) = c.told.of("sim.balance")
        assert (told["recipe"], told["balance"]["amount"]) == ("mine", "7.25")


async def until_asked(rig, operator):
    async with asyncio.timeout(20):
        while not await asyncio.to_thread(rig.api.messages, operator):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_person_holds_a_sim_back_and_sees_why(tmp_path, rig, capsys):
    data = ["--data-dir", str(tmp_path / "data")]
    async with cloud() as c, edge(tmp_path, c.hub.port, devices(rig)) as (agent, _):
        await until(lambda: agent.inventory.registered(A) and agent.inventory.registered(B), 20)
        assert await asyncio.to_thread(main, ["sim", "modem1", "hold", "--note", "papers", *data]) == 0
        await until(lambda: c.told.of("sim.health"), 10)
        c.wish(PlaceCall(call=CallSid("CA1"), channel=A, to=rig.line["handsets"]["answers"]))
        await until(lambda: c.told.of("command.rejected"), 15)
        assert "papers" in c.told.of("command.rejected")[0]["reason"]
        assert await asyncio.to_thread(main, ["self-test", "modem1", "modem2", "--no-call", *data]) == 1
        assert "papers" in capsys.readouterr().err
        assert await asyncio.to_thread(main, ["sim", "modem1", "trust", "--note", "papers seen", *data]) == 0
        assert await asyncio.to_thread(main, ["self-test", "modem1", "modem2", "--no-call", *data]) == 0
        assert "arrived after" in capsys.readouterr().out
        assert await asyncio.to_thread(main, ["status", "modem1", *data]) == 0
        said = capsys.readouterr().out
        assert "cooldown" in said
        assert "papers" in said
        assert "self-test: passed" in said
        assert await asyncio.to_thread(main, ["sim", "modem1", "release", *data]) == 0
        assert await asyncio.to_thread(main, ["ussd", "modem2", "*99#", *data]) == 0
        assert "Your number is" in capsys.readouterr().out
