"""What the HTTP interface shows of the lab, as JSON values."""

from __future__ import annotations

from dataclasses import asdict

from simulator.calls import Call
from simulator.faults import Fault
from simulator.gateway.gateway import Gateway
from simulator.gateway.line import Line
from simulator.lab import Lab
from simulator.modem.modem import Modem
from simulator.network import Network
from simulator.population import CELLS, OPERATORS
from simulator.sim import Sim
from simulator.subscriber import Behaviour, Handset
from simulator.timing import iso

Json = dict[str, object]


def behaviour(what: Behaviour) -> Json:
    """Its keys as in `PUT /subscribers/{number}`; of `speak_wav` only whether there is one."""
    return {
        "on_call": what.on_call,
        "answer_after_s": what.answer_after_s,
        "hangup_after_s": what.hangup_after_s,
        "press": [{"after_s": press.after_s, "digits": press.digits} for press in what.press],
        "speak_wav": None if what.speak is None else f"{len(what.speak) / 16000:.2f} s",
        "on_sms": what.on_sms,
        "sms_delay_s": what.sms_delay_s,
    }


def handset(phone: Handset) -> Json:
    """A handset as a subscriber."""
    call = phone.call
    return {
        "number": phone.number,
        "kind": "handset",
        "behaviour": behaviour(phone.behaviour),
        "balance": None,
        "call": None if call is None else call.id,
        "messages": len(phone.inbox.messages),
        "in_browser": phone.watcher is not None,
    }


def sim(network: Network, card: Sim) -> Json:
    """A SIM as a subscriber."""
    return {
        "number": card.number,
        "kind": "sim",
        "behaviour": None,
        "balance": network.accounts.balance(card) / 100,
        "currency": card.operator.currency,
        "device": card.device,
    }


def modem(device: Modem, at: str, pcm: str | None) -> Json:
    """A modem as in the simulator's line of JSON; `pcm` is null where no port carries sound."""
    return {
        "name": device.device,
        "at": at,
        "pcm": pcm,
        "number": device.number,
        "iccid": device.sim.iccid,
        "imsi": device.sim.imsi,
        "imei": device.imei,
        "profile": device.profile.name,
    }


def call(network: Network, what: Call) -> Json:
    """A call; `digits_heard` is what the handset in it heard."""
    ears = network.recordings.of(what.id)
    return {
        "id": what.id,
        "from": what.caller.number,
        "to": what.to,
        "state": what.state.value,
        "cause": what.cause,
        "started_at": iso(what.started_at),
        "ringing_at": iso(what.ringing_at),
        "answered_at": iso(what.answered_at),
        "ended_at": iso(what.ended_at),
        "digits_heard": "" if ears is None else ears.digits_heard,
    }


def fault(trouble: Fault) -> Json:
    """A fault in force."""
    return {"id": trouble.id, "kind": trouble.kind, "target": trouble.target, **trouble.options}


def network(lab: Lab) -> Json:
    """Operators, cells, and SIMs with what was counted on them."""
    net = lab.network
    waiting: dict[str, int] = {}
    for parcel in net.smsc.parcels.values():
        waiting[parcel.to] = waiting.get(parcel.to, 0) + 1
    return {
        "operators": [asdict(operator) for operator in OPERATORS],
        "cells": [asdict(cell) for cell in CELLS],
        "sims": [
            *(_sim_in_network(net, modem) | {"stored": _stored(modem)} for modem in lab.modems),
            *(_sim_in_network(net, line) for line in lab.lines),
        ],
        "gateways": [_gateway(box) for box in lab.gateways],
        "smsc": {"undelivered": len(net.smsc.parcels), "by_recipient": waiting},
        "faults": [fault(trouble) for trouble in net.faults.all()],
    }


def _gateway(box: Gateway) -> Json:
    return {
        "name": box.name,
        "family": box.plan.family,
        "up": box.up,
        "lines": [
            {
                "name": line.name,
                "number": line.number,
                "enabled": line.enabled,
                "rssi": line.rssi,
                "call": line.call_state.value,
                "with": line.call_number,
                "sip_registered": box.switch.registered(line),
            }
            for line in box.lines
        ],
    }


def _stored(modem: Modem) -> Json:
    return {memory: len(slots) for memory, slots in modem.store.slots.items()}


def _sim_in_network(net: Network, device: Modem | Line) -> Json:
    card, lock = device.sim, device.lock()
    return sim(net, card) | {
        "iccid": card.iccid,
        "imsi": card.imsi,
        "imei": device.imei,
        "operator": card.operator.name,
        "valid_until": card.valid_until.isoformat(),
        "registration": device.registration,
        "registered": device.registration in (1, 5),
        "pin_state": None if lock is None else lock.value,
        "counters": asdict(card.counters),
    }
