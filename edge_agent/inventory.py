"""What is plugged in, and how each line stands: channels, their SIMs, their modems."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime

from edge_agent.contracts import Channel, RadioStatus, SmsService
from telecore.events import ChannelChanged, Event, InventoryReported
from telecore.ids import E164, ChannelId
from telecore.model import ChannelState, ChannelStatus, DeviceIdentity, Service
from telecore.sim_health import Balance, Health, StoreLevel, Usage

FLAPS = 6
"""So many losses of the network within an hour are flapping: told once, as a warning."""
_LOSSES = 64
_HOUR_S = 3600.0


class Inventory:
    """The channels of this site by id.

    ``busy`` counts live legs. ``changed`` is called when anything that a heartbeat tells is different.
    """

    def __init__(
        self,
        *,
        busy: Callable[[ChannelId], int],
        changed: Callable[[], None],
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._numbers: dict[ChannelId, E164] = {}
        self._busy = busy
        self._changed = changed
        self._wall = wall
        self._status: dict[ChannelId, ChannelStatus] = {}
        self._open: dict[ChannelId, Channel] = {}
        self._sent: dict[ChannelId, int] = {}
        self._day = ""
        self._lost: dict[ChannelId, deque[float]] = {}

    def expect(self, channel: ChannelId, state: ChannelState, reason: str, number: E164 | None = None) -> None:
        """A channel that is configured, before its device has said anything. ``number``: for a SIM that is silent."""
        self._status.setdefault(channel, ChannelStatus(channel, state, self._wall(), reason=reason))
        if number is not None:
            self._numbers[channel] = number

    def opened(self, channel: Channel, identity: DeviceIdentity) -> list[Event]:
        """A device brought this channel into service."""
        self._open[channel.id] = channel
        now = self._known(channel.id)
        self._status[channel.id] = replace(
            now,
            device=identity,
            offers=offers(channel),
            numbers=channel.numbers,
            capacity=channel.capacity,
            sip_domains=channel.sip_domains,
        )
        self._changed()
        return [InventoryReported(channel=channel.id, device=identity)] if now.device != identity else []

    def closed(self, channel: ChannelId) -> None:
        """The device is gone; what is known of it stays."""
        if self._open.pop(channel, None) is not None:
            self._changed()

    def radio(self, channel: ChannelId, radio: RadioStatus) -> list[Event]:
        """A radio told how it stands; an event unless only the signal moved, or the call on it."""
        before = self._known(channel)
        number = self._numbers.get(channel)
        sim = replace(radio.sim, msisdn=number) if radio.sim and number and not radio.sim.msisdn else radio.sim
        after = replace(
            before,
            state=radio.state,
            since=before.since if radio.state is before.state else self._wall(),
            sim=sim,
            signal=radio.signal,
            reason=radio.reason,
            access=radio.access,
            down=radio.without & before.offers,
            call=radio.call,
        )
        if after == before:
            return []
        self._status[channel] = after
        self._changed()
        if replace(after, signal=before.signal, call=before.call) == before:
            return []
        if before.state is ChannelState.REGISTERED and after.state is not before.state:
            self._lost.setdefault(channel, deque(maxlen=_LOSSES)).append(self._wall())
        if channel in self.flapping():
            return []  # the heartbeat goes on telling it; a storm of events would tell nobody anything
        return [ChannelChanged(status=self._fresh(after))]

    def flapping(self) -> dict[ChannelId, int]:
        """The channels that lost their network again and again within the last hour, and how often."""
        now = self._wall()
        lost = {channel: sum(0 <= now - at < _HOUR_S for at in times) for channel, times in self._lost.items()}
        return {channel: times for channel, times in lost.items() if times >= FLAPS}

    def stored(self, channel: ChannelId, level: StoreLevel) -> None:
        """How full the storage of received SMS is."""
        before = self._known(channel)
        if before.store != level:
            self._status[channel] = replace(before, store=level)
            self._changed()

    def health(self, channel: ChannelId, health: Health) -> None:
        """How far its SIM is trusted."""
        before = self._known(channel)
        if before.health is None or _differs(before.health, health):
            self._status[channel] = replace(before, health=health)
            self._changed()

    def account(self, channel: ChannelId, balance: Balance | None, usage: Usage | None) -> None:
        """What is on the SIM's account, and what it has carried. None: as before."""
        before = self._known(channel)
        after = replace(before, balance=balance or before.balance, usage=usage or before.usage)
        if after != before:
            self._status[channel] = after
            self._changed()

    def sent(self, channel: ChannelId) -> None:
        """The network took a segment."""
        self._roll()
        self._sent[channel] = self._sent.get(channel, 0) + 1

    def set_sent(self, counts: dict[ChannelId, int]) -> None:
        """What was sent today before this process began."""
        self._roll()
        self._sent = dict(counts)

    def midnight(self) -> float:
        """When this site's day began."""
        now = datetime.fromtimestamp(self._wall()).astimezone()
        return now.replace(hour=0, minute=0, second=0, microsecond=0).timestamp()

    def statuses(self) -> tuple[ChannelStatus, ...]:
        """Every channel, in the order of their names."""
        self._roll()
        return tuple(self._fresh(self._status[channel]) for channel in sorted(self._status))

    def channel(self, channel: ChannelId) -> Channel | None:
        """An open channel."""
        return self._open.get(channel)

    def channels(self) -> Iterable[Channel]:
        return self._open.values()

    def known(self, channel: ChannelId) -> bool:
        """Whether it belongs to this site, open or not."""
        return channel in self._status

    def sms(self, channel: ChannelId) -> SmsService | None:
        found = self._open.get(channel)
        return found.sms if found else None

    def registered(self, channel: ChannelId) -> bool:
        """Whether its SIM is registered, and SMS go by it."""
        status = self._status.get(channel)
        return status is not None and status.state is ChannelState.REGISTERED and Service.SMS not in status.down

    def registered_channels(self) -> frozenset[ChannelId]:
        """Those whose SIM is registered now."""
        return frozenset(channel for channel in self._status if self.registered(channel))

    def number(self, channel: ChannelId) -> E164 | None:
        """The SIM's own number, as configured or as the SIM says; of several the first."""
        status = self._status.get(channel)
        return self._numbers.get(channel) or next(iter(status.own_numbers if status else ()), None)

    def _known(self, channel: ChannelId) -> ChannelStatus:
        return self._status.get(channel) or ChannelStatus(channel, ChannelState.SEARCHING, self._wall())

    def _fresh(self, status: ChannelStatus) -> ChannelStatus:
        channel = status.channel
        return replace(status, busy_legs=self._busy(channel), sent_today=self._sent.get(channel, 0))

    def _roll(self) -> None:
        day = time.strftime("%Y-%m-%d", time.localtime(self._wall()))
        if day != self._day:
            self._day = day
            self._sent.clear()


def _differs(old: Health, new: Health) -> bool:
    """``until`` is reckoned anew at each look and wavers a little."""
    wavers = old.until is not None and new.until is not None and abs(old.until - new.until) < _WAVER_S
    return replace(new, until=old.until) != old if wavers else new != old


_WAVER_S = 5.0


def offers(channel: Channel) -> frozenset[Service]:
    """The services a channel has."""
    has = {Service.VOICE: channel.voice, Service.SMS: channel.sms, Service.USSD: channel.ussd}
    return frozenset(service for service, found in has.items() if found is not None)
