"""Browsers that are on the line: who each of them is, and what is said to it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from telecore.ids import AccountSid, CallSid

if TYPE_CHECKING:
    from cloud.services.access_token import Grant
    from cloud.services.client_leg import ClientLeg

MOST_PER_IDENTITY = 10
"""As many as one call rings (Twilio's limit, too)."""


class Out(Protocol):
    """The browser's end of its socket. All calls return at once."""

    def send(self, text: str) -> None: ...
    def send_frame(self, frame: bytes) -> None: ...
    def close(self, code: int, reason: str) -> None: ...


class Handset:
    """One browser. ``name`` is its own, the same after a reconnect; ``leg``: the call it is in.

    ``dials``: a call of its own is being made; ``resumes``: the call it says it was in when its socket was cut.
    """

    def __init__(self, grant: Grant, name: str, out: Out, resumes: CallSid | None = None) -> None:
        self.grant = grant
        self.name = name
        self.resumes = resumes
        self.leg: ClientLeg | None = None
        self.dials = False
        self.gone = False
        self.ringing: dict[CallSid, ClientLeg] = {}
        self._out = out

    @property
    def busy(self) -> bool:
        return self.leg is not None or self.dials

    def say(self, kind: str, **fields: object) -> None:
        """A message of the handset's protocol (docs/client.md)."""
        self._out.send(json.dumps({"type": kind, **fields}))

    def play(self, frame: bytes) -> None:
        """20 ms of µ-law for its ear."""
        self._out.send_frame(frame)

    def close(self, code: int, reason: str) -> None:
        self._out.close(code, reason)


class Handsets:
    """All that are on the line, by account and identity."""

    def __init__(self) -> None:
        self._all: dict[tuple[AccountSid, str], dict[str, Handset]] = {}

    def add(self, handset: Handset) -> None:
        """A browser has come, or come back: its earlier socket is closed."""
        key = handset.grant.account, handset.grant.identity
        here = self._all.setdefault(key, {})
        earlier = here.pop(handset.name, None)
        if earlier is not None:
            earlier.close(4001, "this handset has connected again")
        elif len(here) >= MOST_PER_IDENTITY:
            here.pop(oldest := next(iter(here))).close(4002, f"more than {MOST_PER_IDENTITY} handsets; not {oldest}")
        here[handset.name] = handset

    def remove(self, handset: Handset) -> None:
        key = handset.grant.account, handset.grant.identity
        here = self._all.get(key, {})
        if here.get(handset.name) is handset:
            del here[handset.name]
        if not here:
            self._all.pop(key, None)

    def of(self, account: AccountSid, identity: str) -> list[Handset]:
        return list(self._all.get((account, identity), {}).values())

    def counts(self, account: AccountSid) -> Mapping[str, tuple[int, bool]]:
        """By identity: how many handsets, and whether one of them is in a call."""
        return {
            identity: (len(here), any(handset.busy for handset in here.values()))
            for (owner, identity), here in sorted(self._all.items())
            if owner == account
        }
