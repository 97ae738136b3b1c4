"""How each line stands, and which of its changes are worth an event."""

from edge_agent.contracts import Channel, RadioStatus
from edge_agent.inventory import Inventory
from telecore.events import ChannelChanged, InventoryReported
from telecore.ids import E164, ChannelId, Iccid
from telecore.model import ChannelState, DeviceIdentity, LineCall, Service, SignalLevel, Sim
from telecore.sim_health import Health, HealthState

CHANNEL = ChannelId("site-1/modem1")
SIM = Sim(Iccid("8985500000000000001"))
MODEM = DeviceIdentity("SIMCOM", "SIM7600", "LE20B04")
REGISTERED = RadioStatus(ChannelState.REGISTERED, SIM, SignalLevel(-71))


class Bench:
    def __init__(self):
        self.now = 1_795_600_000.0
        self.changes = 0
        self.legs = {}
        self.inventory = Inventory(
            busy=lambda channel: self.legs.get(channel, 0), changed=self.changed, wall=lambda: self.now
        )

    def changed(self):
        self.changes += 1


def test_a_channel_is_known_before_its_device_speaks():
    bench = Bench()
    bench.inventory.expect(CHANNEL, ChannelState.ABSENT, "not opened yet", E164("+85510000001"))
    (status,) = bench.inventory.statuses()
    assert (status.state, status.reason) == (ChannelState.ABSENT, "not opened yet")
    assert bench.inventory.known(CHANNEL)
    assert not bench.inventory.known(ChannelId("site-1/other"))
    assert not bench.inventory.registered(CHANNEL)
    assert bench.inventory.number(CHANNEL) == "+85510000001"


def test_a_change_of_state_is_an_event_and_a_change_of_signal_is_not():
    bench = Bench()
    (changed,) = bench.inventory.radio(CHANNEL, REGISTERED)
    assert isinstance(changed, ChannelChanged)
    since = changed.status.since
    bench.now += 60
    assert bench.inventory.radio(CHANNEL, REGISTERED) == []
    assert bench.changes == 1
    assert bench.inventory.radio(CHANNEL, RadioStatus(ChannelState.REGISTERED, SIM, SignalLevel(-90))) == []
    assert bench.changes == 2
    in_call = RadioStatus(ChannelState.REGISTERED, SIM, SignalLevel(-90), call=LineCall.CONNECTED)
    assert bench.inventory.radio(CHANNEL, in_call) == []
    assert bench.changes == 3
    (status,) = bench.inventory.statuses()
    assert (status.signal, status.call) == (SignalLevel(-90), LineCall.CONNECTED)
    assert status.since == since
    (lost,) = bench.inventory.radio(CHANNEL, RadioStatus(ChannelState.SEARCHING, SIM, None, "no cell"))
    assert lost.status.since == bench.now
    assert lost.status.reason == "no cell"


def test_the_configured_number_helps_a_sim_that_does_not_know_its_own():
    bench = Bench()
    bench.inventory.expect(CHANNEL, ChannelState.ABSENT, "", E164("+85510000001"))
    (changed,) = bench.inventory.radio(CHANNEL, REGISTERED)
    assert changed.status.sim.msisdn == "+85510000001"
    own = Sim(Iccid("8985500000000000002"), msisdn=E164("+85510000002"))
    other = ChannelId("site-1/modem2")
    bench.inventory.radio(other, RadioStatus(ChannelState.REGISTERED, own))
    assert bench.inventory.number(other) == "+85510000002"


def test_a_device_in_service_tells_who_it_is_once():
    bench = Bench()
    channel = Channel(CHANNEL, sms=object(), voice=object())
    (reported,) = bench.inventory.opened(channel, MODEM)
    assert isinstance(reported, InventoryReported)
    bench.inventory.closed(CHANNEL)
    assert bench.inventory.channel(CHANNEL) is None
    assert bench.inventory.opened(channel, MODEM) == []
    (status,) = bench.inventory.statuses()
    assert status.offers == {Service.SMS, Service.VOICE}
    assert status.device == MODEM
    assert bench.inventory.sms(CHANNEL) is channel.sms


def test_a_trunk_has_numbers_without_a_sim_and_may_be_without_voice_for_a_while():
    bench = Bench()
    first, second = E164("+85523000001"), E164("+85523000002")
    trunk = Channel(CHANNEL, sms=object(), voice=object(), numbers=(first, second), capacity=8)
    bench.inventory.opened(trunk, MODEM)
    bench.inventory.radio(CHANNEL, RadioStatus(ChannelState.REGISTERED, without=frozenset({Service.VOICE})))
    (status,) = bench.inventory.statuses()
    assert (status.own_numbers, status.capacity) == ((first, second), 8)
    assert (status.offers, status.down) == ({Service.SMS, Service.VOICE}, {Service.VOICE})
    assert bench.inventory.registered(CHANNEL)
    assert bench.inventory.number(CHANNEL) == first
    (told,) = bench.inventory.radio(CHANNEL, RadioStatus(ChannelState.REGISTERED))
    assert told.status.down == frozenset()
    bench.inventory.radio(CHANNEL, RadioStatus(ChannelState.REGISTERED, without=frozenset({Service.SMS, Service.USSD})))
    assert not bench.inventory.registered(CHANNEL)
    assert bench.inventory.statuses()[0].down == {Service.SMS}


def test_legs_and_segments_are_counted_and_a_new_day_begins_at_nothing():
    bench = Bench()
    bench.inventory.radio(CHANNEL, REGISTERED)
    bench.inventory.set_sent({CHANNEL: 3})
    bench.inventory.sent(CHANNEL)
    bench.legs[CHANNEL] = 2
    (status,) = bench.inventory.statuses()
    assert (status.busy_legs, status.sent_today) == (2, 4)
    assert 0 <= bench.now - bench.inventory.midnight() < 90_000
    bench.now += 86_400
    (status,) = bench.inventory.statuses()
    assert status.sent_today == 0


def test_a_channel_that_flaps_is_told_as_flapping_and_not_as_a_storm_of_events():
    bench = Bench()
    lost = RadioStatus(ChannelState.SEARCHING, SIM, None, "no cell")
    told = 0
    for _ in range(30):
        bench.now += 20
        told += len(bench.inventory.radio(CHANNEL, REGISTERED)) + len(bench.inventory.radio(CHANNEL, lost))
    assert told == 11
    assert bench.inventory.flapping() == {CHANNEL: 30}
    (status,) = bench.inventory.statuses()
    assert status.state is ChannelState.SEARCHING
    bench.now += 3601
    assert bench.inventory.flapping() == {}
    assert len(bench.inventory.radio(CHANNEL, REGISTERED)) == 1


def test_the_same_health_told_again_changes_nothing():
    bench = Bench()
    bench.inventory.health(CHANNEL, Health(HealthState.COOLDOWN, 1.0, "rests", 0, until=100.0))
    assert bench.changes == 1
    bench.inventory.health(CHANNEL, Health(HealthState.COOLDOWN, 1.0, "rests", 0, until=100.4))
    assert bench.changes == 1
    bench.inventory.health(CHANNEL, Health(HealthState.COOLDOWN, 1.0, "rests", 0, until=1000.0))
    bench.inventory.health(CHANNEL, Health(HealthState.PROBATION, 2.0, "", 25))
    assert bench.changes == 3
