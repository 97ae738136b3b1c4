"""Accounts over a real spool: read, remembered, topped up once and never twice."""

import asyncio
import contextlib
import logging
import traceback
from dataclasses import replace

import pytest

from edge_agent.config import SimConfig, SimsConfig
from edge_agent.contracts import Channel, UssdReply, UssdState
from edge_agent.sims.accounts import Accounts
from edge_agent.sims.recipe import BalanceRecipe, Recipe, Step
from edge_agent.sims.recipes import Recipes, load_recipes
from edge_agent.spool import Spool
from telecore.errors import (
    Busy,
    DeviceLost,
    DeviceRefused,
    InvalidRequest,
    NoNetwork,
    NotFound,
    Refused,
    StorageFailed,
    TimedOut,
)
from telecore.ids import ChannelId, CommandId, Iccid, Imsi
from telecore.model import ChannelState, ChannelStatus, Sim

CHANNEL = ChannelId("site-1/modem1")
ICCID = Iccid("8985591000000000010")
VOUCHER = "1012345678"
RECIPES = load_recipes()
DAY = 86400.0
START = 1_768_435_200.0  # 2026-01-15
SAID = "Your balance is {} USD. Valid until 31.12.2026."


class FakeUssd:
    """Answers in turn; an exception is raised, a text ends the session."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []
        self.cancelled = 0
        self.gate = None

    async def request(self, code):
        self.asked.append(code)
        if self.gate is not None:
            await self.gate.wait()
        answer = self.answers.pop(0)
        if isinstance(answer, BaseException):
            raise answer
        return answer if isinstance(answer, UssdReply) else UssdReply(UssdState.DONE, answer)

    async def cancel(self):
        self.cancelled += 1


class FakeSms:
    def __init__(self):
        self.sent = []

    async def submit(self, sms, first, on_segment):
        self.sent.append((sms.to, sms.body))


class Site:
    """One SIM, and whatever the operator answers."""

    def __init__(self, spool, recipes=None, config=None, **sim):
        self.spool = spool
        self.now = START
        self.ussd, self.sms = FakeUssd(), FakeSms()
        card = Sim(ICCID, imsi=Imsi(sim.get("imsi", "456910000000001")))
        self.status = ChannelStatus(CHANNEL, ChannelState.REGISTERED, 0.0, sim=card)
        self.told = []
        self.accounts = Accounts(
            spool,
            self,
            recipes or RECIPES,
            config or SimsConfig(),
            told=lambda iccid, balance: self.told.append(balance),
            wall=lambda: self.now,
            look_s=0.02,
        )

    def channel(self, channel):
        return Channel(CHANNEL, ussd=self.ussd, sms=self.sms) if channel == CHANNEL else None

    def statuses(self):
        return (self.status,)

    async def events(self, kind):
        return [row for _, row in await self.spool.read(0, 1000) if row["kind"] == kind]


@pytest.fixture
async def spool(tmp_path):
    opened = await Spool.open(tmp_path / "spool.db", now=lambda: START)
    yield opened
    await opened.close()


@contextlib.asynccontextmanager
async def running(site):
    task = asyncio.create_task(site.accounts.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])
        if not task.cancelled():
            task.result()


async def until(check):
    async with asyncio.timeout(3):
        while not check():  # noqa: ASYNC110
            await asyncio.sleep(0.005)


async def test_a_balance_is_asked_understood_told_and_kept(spool):
    site = Site(spool)
    site.ussd.answers = [SAID.format("5.00")]
    event = await site.accounts.read(CHANNEL, CommandId("c1"))
    assert site.ussd.asked == ["*100#"]
    assert (event.balance.amount, event.balance.currency, event.balance.expires_on) == ("5.00", "USD", "2026-12-31")
    assert (event.recipe, event.command, event.said) == ("simferry", "c1", SAID.format("5.00"))
    assert site.told == [event.balance]
    (row,) = await site.events("sim.balance")
    assert row["command"] == "c1"
    assert (await spool.sim_facts())[ICCID]["balance"]["amount"] == "5.00"


async def test_burn_and_days_left_survive_a_restart_and_a_top_up(spool):
    site = Site(spool)
    site.ussd.answers = [SAID.format(amount) for amount in ("5.00", "4.00", "13.00")]
    await site.accounts.read(CHANNEL)
    site.now += DAY
    event = await site.accounts.read(CHANNEL)
    assert (event.balance.burn_per_day, event.balance.days_left) == ("1", 4.0)
    again = Site(spool)
    again.now = site.now + DAY
    again.ussd.answers = site.ussd.answers
    event = await again.accounts.read(CHANNEL)
    assert again.told[0].amount == "4.00", "what is on disk is told first"
    assert (event.balance.amount, event.balance.days_left) == ("13.00", 13.0)


@pytest.mark.parametrize(
    ("answer", "note"),
    [
        ("Welcome! Dial *55# to win", "not understood; the operator said: Welcome!"),
        (UssdReply(UssdState.TIMEOUT, ""), "the network did not answer"),
        (UssdReply(UssdState.NOT_SUPPORTED, ""), "the network does not know this code"),
        (DeviceLost("gone"), "gone"),
        (DeviceRefused("cme", 30), "cme 30"),
    ],
)
async def test_what_is_not_understood_is_unknown_and_never_zero(spool, answer, note):
    site = Site(spool)
    site.ussd.answers = [SAID.format("2.00"), answer]
    await site.accounts.read(CHANNEL)
    event = await site.accounts.read(CHANNEL)
    assert event.balance.amount is None
    assert note in event.balance.note
    assert "the last amount known is 2.00" in event.balance.note
    assert event.balance.expires_on == "2026-12-31", "a date stays true"
    assert event.balance.days_left is None


async def test_a_menu_is_walked_and_left(spool):
    recipe = Recipe(
        "menu", "x", "KH", "test", plmn=("45691",),
        balance=BalanceRecipe(steps=("*123#", Step("1", when="1 Balance")), match=(r"is (?P<amount>\S+)",)),
    )  # fmt: skip
    site = Site(spool, Recipes(own=(recipe,)))
    menu = UssdReply(UssdState.REPLY_WANTED, "1 Balance\n2 Top up")
    site.ussd.answers = [menu, UssdReply(UssdState.REPLY_WANTED, "Your balance is 3.10\n0 Back")]
    assert (await site.accounts.read(CHANNEL)).balance.amount == "3.10"
    assert (site.ussd.asked, site.ussd.cancelled) == (["*123#", "1"], 1)
    site.ussd.answers = [UssdReply(UssdState.REPLY_WANTED, "1 Take a loan\n2 Balance")]
    assert (await site.accounts.read(CHANNEL)).balance.amount is None
    assert (site.ussd.asked, site.ussd.cancelled) == (["*123#", "1", "*123#"], 2), "a changed menu is not answered"


async def test_asked_by_sms_and_answered_by_sms(spool):
    balance = BalanceRecipe(
        steps=(Step("BAL", to="1313"),), match=(r"is (?P<amount>\S+)",), answer_via="sms", sender="1313|Operator"
    )
    site = Site(spool, Recipes(own=(Recipe("sms", "x", "KH", "test", balance, plmn=("45691",)),)))
    reading = asyncio.create_task(site.accounts.read(CHANNEL))
    await until(lambda: site.sms.sent == [("1313", "BAL")])
    site.accounts.sms_received(CHANNEL, "+85512000001", "my balance is 99")
    site.accounts.sms_received(ChannelId("site-1/modem2"), "1313", "it is 99")
    await asyncio.sleep(0)
    assert not reading.done()
    site.accounts.sms_received(CHANNEL, "Operator", "it is 1.25")
    assert (await reading).balance.amount == "1.25"


async def test_an_answer_that_never_comes_is_unknown(spool):
    balance = BalanceRecipe(steps=("*1#",), match=("(?P<amount>.)",), answer_via="push", timeout_s=0.05)
    site = Site(spool, Recipes(own=(Recipe("push", "x", "KH", "test", balance, plmn=("45691",)),)))
    site.ussd.answers = ["Win a car!", "wait", "wait"]
    assert "no answer within" in (await site.accounts.read(CHANNEL)).balance.note
    reading = asyncio.create_task(site.accounts.read(CHANNEL))
    await until(lambda: len(site.ussd.asked) == 2)
    site.accounts.ussd_received(CHANNEL, "5")
    assert (await reading).balance.amount == "5"


async def test_it_is_not_asked_during_a_call_nor_twice_at_once_nor_without_a_recipe(spool):
    site = Site(spool)
    site.status = replace(site.status, busy_legs=1)
    with pytest.raises(Busy, match="in a call"):
        await site.accounts.read(CHANNEL)
    site.status = replace(site.status, busy_legs=0)
    site.ussd.gate = asyncio.Event()
    site.ussd.answers = [SAID.format("1.00")]
    first = asyncio.create_task(site.accounts.read(CHANNEL))
    await until(lambda: site.ussd.asked)
    with pytest.raises(Busy, match="already"):
        await site.accounts.top_up(CHANNEL, VOUCHER)
    site.ussd.gate.set()
    assert (await first).balance.amount == "1.00"
    with pytest.raises(NoNetwork):
        await site.accounts.read(ChannelId("site-1/modem9"))
    with pytest.raises(NotFound, match="no recipe is enabled"):
        await Site(spool, imsi="999990000000001").accounts.read(CHANNEL)
    with pytest.raises(NotFound, match="recipe: none"):
        await Site(spool, config=SimsConfig(by_iccid={ICCID: SimConfig(recipe="none")})).accounts.read(CHANNEL)
    with pytest.raises(NotFound, match="no recipe 'x'"):
        await Site(spool, config=SimsConfig(recipe="x")).accounts.read(CHANNEL)


async def test_a_voucher_is_spent_once(spool, caplog):
    caplog.set_level(logging.DEBUG)
    site = Site(spool)
    site.ussd.answers = [f"Recharged 10.00 USD with {VOUCHER}."]
    event = await site.accounts.top_up(CHANNEL, "10-1234 5678", CommandId("c1"))
    assert site.ussd.asked == [f"*101*{VOUCHER}#"]
    assert (event.outcome, event.said) == ("done", "Recharged 10.00 USD with ***.")
    for again in (site, Site(spool)):
        with pytest.raises(Refused, match="was spent by this site") as caught:
            await again.accounts.top_up(CHANNEL, VOUCHER)
        assert VOUCHER not in str(caught.value)
    assert len(site.ussd.asked) == 1
    assert VOUCHER not in caplog.text
    assert VOUCHER not in str(await spool.sim_facts()) + str(await site.events("sim.topped_up"))


@pytest.mark.parametrize(
    "answer",
    [TimedOut("no answer"), DeviceLost("gone"), UssdReply(UssdState.TIMEOUT, ""), "Please wait for an SMS"],
)
async def test_an_unknown_outcome_is_never_repeated(spool, answer):
    site = Site(spool)
    site.ussd.answers = [answer]
    assert (await site.accounts.top_up(CHANNEL, VOUCHER)).outcome == "unknown"
    for again in (site, Site(spool)):
        with pytest.raises(Refused, match="nobody knows whether it was taken"):
            await again.accounts.top_up(CHANNEL, VOUCHER)
    assert len(site.ussd.asked) == 1


async def test_it_is_remembered_before_it_is_sent(spool):
    site = Site(spool)
    site.ussd.gate = asyncio.Event()
    spending = asyncio.create_task(site.accounts.top_up(CHANNEL, VOUCHER))
    await until(lambda: site.ussd.asked)
    (kept,) = (await spool.sim_facts())[ICCID]["top_up"]
    assert kept["outcome"] == "unknown"
    spending.cancel()  # as a power cut does
    await asyncio.wait([spending])
    with pytest.raises(Refused, match="nobody knows"):
        await Site(spool).accounts.top_up(CHANNEL, VOUCHER)


async def test_what_cannot_be_remembered_is_not_sent(spool, monkeypatch):
    site = Site(spool)
    with monkeypatch.context() as disk:
        disk.setattr(spool, "put_sim_fact", full)
        with pytest.raises(StorageFailed):
            await site.accounts.top_up(CHANNEL, VOUCHER)
    assert site.ussd.asked == []
    site.ussd.answers = ["Recharged 10.00"]
    assert (await site.accounts.top_up(CHANNEL, VOUCHER)).outcome == "done"


async def test_a_disk_that_fills_up_after_it_was_sent_does_not_make_it_a_refusal(spool, monkeypatch):
    site = Site(spool)
    site.ussd.answers = ["Recharged 10.00"]
    with monkeypatch.context() as disk:
        disk.setattr(spool, "append", full)
        assert (await site.accounts.top_up(CHANNEL, VOUCHER)).outcome == "done"
    with pytest.raises(Refused):
        await Site(spool).accounts.top_up(CHANNEL, VOUCHER)


async def full(*args):
    raise StorageFailed("the disk is full")


async def test_a_voucher_that_was_not_sent_or_was_refused_may_be_tried_again(spool):
    site = Site(spool)
    site.ussd.answers = [DeviceRefused("cme", 30, f"*101*{VOUCHER}#"), "This voucher is not valid.", "Recharged 10.00"]
    with pytest.raises(DeviceRefused) as caught:
        await site.accounts.top_up(CHANNEL, VOUCHER)
    assert VOUCHER not in "".join(traceback.format_exception(caught.value))
    assert (await site.accounts.top_up(CHANNEL, VOUCHER)).outcome == "refused"
    assert (await site.accounts.top_up(CHANNEL, VOUCHER)).outcome == "done"


@pytest.mark.parametrize("voucher", ["", "12345", "1012345678#", "10123456789", "*100#", "١٢٣٤٥٦٧٨٩٠", "1012345678\n*"])
async def test_what_is_no_voucher_is_not_sent(spool, voucher):
    site = Site(spool)
    with pytest.raises(InvalidRequest) as caught:
        await site.accounts.top_up(CHANNEL, voucher)
    assert not voucher or voucher not in str(caught.value)
    assert site.ussd.asked == []


async def test_a_recipe_without_top_up_says_so(spool):
    bare = replace(RECIPES.named("simferry"), top_up=None)
    with pytest.raises(InvalidRequest, match="does not say how"):
        await Site(spool, Recipes(own=(bare,))).accounts.top_up(CHANNEL, VOUCHER)


async def test_the_schedule_asks_each_six_hours_and_after_a_top_up(spool):
    site = Site(spool)
    site.ussd.answers = [SAID.format(amount) for amount in range(1, 9)]
    async with running(site):
        site.now += 1801
        await until(lambda: len(site.told) == 1)
        site.now += 5.9 * 3600
        await asyncio.sleep(0.1)
        assert len(site.told) == 1
        site.now += 0.2 * 3600
        await until(lambda: len(site.told) == 2)
        site.ussd.answers.insert(0, "Recharged 10.00")
        await site.accounts.top_up(CHANNEL, VOUCHER)
        await asyncio.sleep(0.05)
        assert len(site.told) == 2
        site.now += 11
        await until(lambda: len(site.told) == 3)


async def test_the_schedule_waits_for_the_end_of_a_call_and_for_the_network(spool):
    site = Site(spool)
    site.ussd.answers = [SAID.format(1)]
    site.status = replace(site.status, state=ChannelState.SEARCHING)
    async with running(site):
        site.now += 2000
        await asyncio.sleep(0.1)
        site.status = replace(site.status, state=ChannelState.REGISTERED, busy_legs=1)
        await asyncio.sleep(0.1)
        assert site.ussd.asked == []
        site.status = replace(site.status, busy_legs=0)
        await asyncio.sleep(0.1)
        assert site.ussd.asked == [], "not at once: it may be in the next call"
        site.now += 901
        await until(lambda: site.told)


async def test_reminders(spool):
    config = SimsConfig(balance_every_h=0, by_iccid={ICCID: SimConfig(valid_until="2026-02-01")})
    site = Site(spool, config=config)
    async with running(site):
        await until(site.accounts.reminders)
        assert site.accounts.reminders() == {CHANNEL: ()}
        assert site.told[0].expires_on == "2026-02-01"
        assert site.told[0].amount is None
        site.now += 4 * DAY
        await until(lambda: site.accounts.reminders()[CHANNEL])
        (reminder,) = site.accounts.reminders()[CHANNEL]
        assert (reminder.code, "13 days" in reminder.text) == ("sim_expiring", True)
        site.now += 60 * DAY
        await until(lambda: len(site.accounts.reminders()[CHANNEL]) == 2)
        expired, idle = site.accounts.reminders()[CHANNEL]
        assert "ended on 2026-02-01" in expired.text
        assert (idle.code, "64 days" in idle.text) == ("keep_alive", True)
        await spool.put_sim_fact(ICCID, "last_charged", 1.0)
        await spool.put_sim_fact(ICCID, "health", {"charged": site.now})
        await until(lambda: len(site.accounts.reminders()[CHANNEL]) == 1)
    assert site.ussd.asked == []


async def test_a_balance_that_falls_proves_a_use(spool):
    site = Site(spool)
    site.ussd.answers = [SAID.format("5.00"), SAID.format("4.90")]
    await site.accounts.read(CHANNEL)
    assert "last_charged" not in (await spool.sim_facts())[ICCID]
    site.now += DAY
    await site.accounts.read(CHANNEL)
    assert (await spool.sim_facts())[ICCID]["last_charged"] == site.now
