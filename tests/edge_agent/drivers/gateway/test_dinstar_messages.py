"""SMS through the agent's own Messages and Spool, over a Dinstar box: both ways, with reports and lost answers."""

from contextlib import asynccontextmanager

import pytest

from edge_agent.drivers.gateway.dinstar import DinstarManagement
from simulator.gateway.web_box import WebTrouble
from tests.fakes.dinstar import dinstar_box, dinstar_settings
from tests.fakes.sms_site import carrying
from tests.fakes.tongues import ANSWERS, LINE0, until


@asynccontextmanager
async def site_of(path, **options):
    async with dinstar_box() as (towers, box):
        tongue = DinstarManagement(dinstar_settings(box, **options))
        async with carrying(path / "spool.db", tongue) as site:
            if options.get("hooks", True):
                box.hooks.url = f"http://127.0.0.1:{tongue.hooks_port}/"
            yield site, towers, box


@pytest.mark.parametrize("hooks", [False, True], ids=["polled", "pushed"])
async def test_messages_both_ways_with_their_reports(tmp_path, hooks):
    async with site_of(tmp_path, hooks=hooks) as (site, towers, _):
        await site.send("short")
        await site.send("ភាសា " * 40, line=1)
        delivered = await site.until_told("message.delivered", 2)
        assert {row["message"] for row in delivered} == {"SM1", "SM2"}
        submitted = {row["message"]: row for row in await site.told("message.submitted")}
        assert (submitted["SM1"]["segments"], submitted["SM2"]["segments"]) == (1, 3)
        towers.network.handsets[ANSWERS].send(LINE0, "back; with | signs 🙂")
        (received,) = await site.until_told("message.received")
        assert (received["body"], received["sender"]) == ("back; with | signs 🙂", ANSWERS)
        assert sorted(towers.inbox(ANSWERS)) == sorted(["short", "ភាសា " * 40])
        assert await site.told("message.failed") == []


async def test_a_refused_message_and_one_that_was_not_delivered(tmp_path):
    async with site_of(tmp_path) as (site, towers, _):
        towers.fault("report_status", 1, status=0x45)
        await site.send("not delivered", line=1)
        (failed,) = await site.until_told("message.failed")
        assert (failed["message"], failed["code"], failed["after_submit"]) == ("SM1", 30003, True)


async def test_an_answer_that_is_lost_ends_in_a_delivered_message_and_one_sms(tmp_path):
    async with site_of(tmp_path, hooks=False) as (site, towers, box):
        box.web.upset("/api/send_sms", WebTrouble.LOST)
        await site.send("once")
        await site.until_told("message.delivered")
        assert towers.inbox(ANSWERS) == ["once"]


async def test_a_message_that_nobody_knows_of_is_uncertain_and_never_sent_again(tmp_path):
    async with site_of(tmp_path, hooks=False) as (site, towers, box):
        box.web.upset("/api/send_sms", WebTrouble.CUT)
        await site.send("perhaps")
        (failed,) = await site.until_told("message.failed")
        assert failed["uncertain"] is True
        assert towers.lines[0].sim.counters.submits == 0


async def test_a_box_that_restarts_in_the_middle_of_traffic(tmp_path):
    async with site_of(tmp_path, hooks=False) as (site, towers, box):
        for number in range(4):
            towers.network.handsets[ANSWERS].send(LINE0, f"in {number}")
        await site.send("out")
        await site.until_told("message.delivered")
        await box.stop()
        box.forget()
        await box.start()
        towers.network.handsets[ANSWERS].send(LINE0, "in 4")
        await until(lambda: "in 4" in site.core.bodies())
        received = await site.until_told("message.received", 5)
        assert sorted(row["body"] for row in received) == [f"in {number}" for number in range(5)]
