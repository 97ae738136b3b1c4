"""Messages that wait for their SIM: which of them go, and what one that cannot go holds up."""

from __future__ import annotations

from sqlalchemy import text

from cloud.services import messages as service
from cloud.store import messages
from telecore.model import ChannelState, MessageStatus
from telecore.sim_health import Health, HealthState
from tests.cloud.services.site import HANDSET, channel_changed
from tests.cloud.services.test_messages import wanted


async def waiting_for(site, messages_, *asked):
    """Made while the edge is away."""
    site.link = False
    made = [await messages_.create(site.account.sid, wanted(**one)) for one in asked]
    site.link = True
    return made


async def test_a_warning_does_not_wait_behind_what_its_sim_is_too_poor_for(site, messages_, monkeypatch):
    """The SIM that comes back is used up: ordinary messages stay, warnings are tried, in their order."""
    monkeypatch.setattr(service, "_PIECE", 4)
    other, asked = "+85512999999", []
    for n in range(10):
        asked.append({"body": f"ordinary {n}", "to": (HANDSET, other)[n % 2]})
    asked[7:7] = [{"body": f"warning {n}", "to": (other, HANDSET)[n % 2], "urgent": True} for n in range(6)]
    await waiting_for(site, messages_, *asked)
    await site.send(channel_changed(health=Health(HealthState.EXHAUSTED, 0.0, "", 0)))
    assert await messages_.route_waiting() == 6
    assert [command.body for command in await site.commands()] == [f"warning {n}" for n in range(6)]
    assert await messages_.route_waiting() == 0
    await site.send(channel_changed())
    assert await messages_.route_waiting() == 10
    assert [command.body for command in (await site.commands())[6:]] == [f"ordinary {n}" for n in range(10)]


async def test_what_waits_for_a_sim_that_is_away_is_not_gone_through(site, messages_, routing, monkeypatch):
    """A thousand may wait, and each channel that comes back anywhere asks again."""
    await waiting_for(site, messages_, *({"body": str(n), "urgent": n % 5 == 0} for n in range(30)))
    await site.send(channel_changed(0, ChannelState.SEARCHING))
    asked, really = [], routing.for_message

    def for_message(conn, sid, *given, **named):
        asked.append(sid)
        return really(conn, sid, *given, **named)

    monkeypatch.setattr(routing, "for_message", for_message)
    assert await messages_.route_waiting() == 0
    assert len(asked) == 4  # two of each rank


async def test_one_whose_secret_text_cannot_be_opened_fails_and_what_is_behind_it_goes(site, db, messages_):
    first, second = await waiting_for(site, messages_, {"body": "******"}, {"body": "behind"})
    await db.write(lambda conn: messages.update(conn, first.sid, secret_body="Your code is 739182"))
    await db.write(
        lambda conn: conn.execute(text("UPDATE messages SET secret_body = secret_body || 'A' WHERE secret_body != ''"))
    )
    assert await messages_.route_waiting() == 2
    assert [command.message for command in await site.commands()] == [second.sid]
    failed = await db.read(lambda conn: messages.get(conn, first.sid))
    assert (failed.status, failed.error_code) == (MessageStatus.FAILED, 20500)
