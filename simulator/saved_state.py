"""What survives a restart: balances, counters, received messages, messages under way, the modems' memories."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

from simulator.lab import Lab
from simulator.modem.sms_store import Status, Stored
from simulator.pdu import Concat, UserData
from simulator.sim import Counters, Sim
from simulator.smsc import Parcel
from simulator.timing import Handle

log = logging.getLogger(__name__)

VERSION = 1
SETTLE_S = 0.2
REST = 20  # a snapshot that took 10 ms is followed by 200 ms without one
Json = dict[str, Any]


class StateError(Exception):
    """The file is not a state of this simulator; the text says why in one sentence."""


class StateFile:
    """Writes the lab's state some 200 ms after each change, and at the end."""

    def __init__(self, path: Path, lab: Lab) -> None:
        self._path = path
        self._lab = lab
        self._timer: Handle | None = None
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._written = 0
        self._pause = SETTLE_S
        self._writing: asyncio.Task[None] | None = None

    def load(self) -> None:
        """Restore what the file has, if it is there; raises StateError."""
        try:
            data = json.loads(self._path.read_text("utf-8"))
            restore(self._lab, data)
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StateError(f"{self._path} is not a saved state of the simulator: {error}") from error
        self._lab.network.watchers.append(self._changed)

    def save(self) -> None:
        """Write now."""
        self._write(next(self._numbers), json.dumps(snapshot(self._lab), ensure_ascii=False))

    def _changed(self) -> None:
        if self._timer is None:
            self._timer = self._lab.network.timers.after(self._pause, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self._changed()
            return
        clock = self._lab.network.timers.monotonic
        start = clock()
        text = json.dumps(snapshot(self._lab), ensure_ascii=False)
        self._pause = max(SETTLE_S, REST * (clock() - start))
        self._writing = asyncio.get_running_loop().create_task(
            asyncio.to_thread(self._write, next(self._numbers), text)
        )

    def _write(self, number: int, text: str) -> None:
        fresh = self._path.with_name(self._path.name + ".new")
        with self._lock:
            if number < self._written:
                return  # a newer state is there already
            self._written = number
            try:
                fresh.write_text(text, "utf-8", errors="surrogatepass")
                fresh.replace(self._path)
            except OSError as error:
                log.warning("the state could not be saved: %s", error)


def snapshot(lab: Lab) -> Json:
    """Everything worth keeping, as JSON values."""
    network = lab.network
    inboxes = {number: network.inbox(number) for number in (*network.sims, *network.handsets)}
    return {
        "version": VERSION,
        "sims": {number: _sim_json(sim) for number, sim in network.sims.items()},
        "inboxes": {number: inbox.snapshot() for number, inbox in inboxes.items() if inbox is not None},
        "parcels": [_parcel_json(parcel) for parcel in network.smsc.parcels.values()],
        "memories": {modem.device: _memory_json(modem.store.slots) for modem in lab.modems},
        "used_vouchers": sorted(network.accounts.used_vouchers),
        "next_message": network.message_ids.last,
    }


def restore(lab: Lab, data: Mapping[str, Any]) -> None:
    """Put a snapshot back; what is about numbers that are no longer there is left out."""
    if data["version"] != VERSION:
        raise ValueError(f"version {data['version']} is unknown")
    network = lab.network
    for number, values in data["sims"].items():
        if number in network.sims:
            _restore_sim(network.sims[number], values)
    for number, values in data["inboxes"].items():
        inbox = network.inbox(number)
        if inbox is not None:
            inbox.restore(values)
    for modem in lab.modems:
        for memory, slots in data["memories"].get(modem.device, {}).items():
            for index, values in slots.items():
                stored = Stored(Status(values["status"]), bytes.fromhex(values["pdu"]), values["length"])
                modem.store.slots[memory][int(index)] = stored
    network.accounts.used_vouchers = set(data.get("used_vouchers", ()))
    network.message_ids.last = data["next_message"]
    for values in data["parcels"]:
        network.smsc.accept(_parcel(values))


def _sim_json(sim: Sim) -> Json:
    kept = ("balance", "pin", "pin_asked", "pin_tries", "puk_tries", "last_reference")
    values: Json = {name: getattr(sim, name) for name in kept}
    return values | {"valid_until": sim.valid_until.isoformat(), "counters": asdict(sim.counters)}


def _restore_sim(sim: Sim, values: Json) -> None:
    sim.balance = int(values["balance"])
    sim.pin, sim.pin_asked = str(values["pin"]), bool(values["pin_asked"])
    sim.pin_tries, sim.puk_tries = int(values["pin_tries"]), int(values["puk_tries"])
    sim.last_reference = int(values["last_reference"])
    sim.valid_until = date.fromisoformat(values["valid_until"])
    sim.counters = Counters(**values["counters"])


def _parcel_json(parcel: Parcel) -> Json:
    content = parcel.content
    return asdict(parcel) | {
        "content": {
            "coding": content.coding,
            "text": content.text,
            "data": content.data.hex(),
            "header": content.header.hex(),
        }
    }


def _parcel(values: Json) -> Parcel:
    content, concat = values["content"], values["concat"]
    restored = UserData(
        content["coding"], content["text"], bytes.fromhex(content["data"]), bytes.fromhex(content["header"])
    )
    return Parcel(**{**values, "content": restored, "concat": Concat(**concat) if concat else None})


def _memory_json(slots: Mapping[str, Mapping[int, Stored]]) -> Json:
    return {
        memory: {
            str(index): {
                "status": int(message.status),
                "pdu": message.pdu.hex(),
                "length": message.tpdu_length,
            }
            for index, message in stored.items()
        }
        for memory, stored in slots.items()
    }
