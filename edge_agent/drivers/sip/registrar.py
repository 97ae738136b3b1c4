"""Lines that register with us: their bindings, expiry and withdrawal (RFC 3261 §10.3). No clock of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from edge_agent.drivers.sip.hop import Hop
from edge_agent.drivers.sip.message import Received, integer
from edge_agent.drivers.sip.uri import NameAddr, parse_name_addr
from telecore.errors import RemoteProtocolError

USUAL_S = 3600
SHORTEST_S = 10
LONGEST_S = 7200


@dataclass(frozen=True, slots=True)
class Binding:
    """Where one line is. ``hop``: where its REGISTER came from, so where its calls go; ``contact``: its own word."""

    contact: str
    hop: Hop
    expires_at: float
    user_agent: str
    call_id: str
    cseq: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What is answered, and whether the line's binding is another one than before."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    changed: bool = False


class Registrar:
    """Bindings by the user part of a line: one each, the newest (a gateway's line is at one place)."""

    def __init__(self) -> None:
        self._bindings: dict[str, Binding] = {}

    @property
    def bindings(self) -> Mapping[str, Binding]:
        return self._bindings

    def get(self, user: str, now: float) -> Binding | None:
        binding = self._bindings.get(user)
        return binding if binding is not None and binding.expires_at > now else None

    def expired(self, now: float) -> list[str]:
        """Users whose bindings ended by now; they are forgotten."""
        users = [user for user, binding in self._bindings.items() if binding.expires_at <= now]
        for user in users:
            del self._bindings[user]
        return users

    def take(self, user: str, received: Received, now: float) -> Outcome:
        """A REGISTER of this line, already proved. One without a Contact only asks."""
        headers, envelope = received.message.headers, received.envelope
        known = self._bindings.get(user)
        if known and known.call_id == envelope.call_id and envelope.cseq.number < known.cseq:
            return Outcome(500)  # §10.3, step 7
        values = headers.listed("contact")
        if not values:
            return self._listing(user, now, changed=False)
        usual = integer(headers.get("expires"))
        if "*" in values:
            if usual != 0 or len(values) > 1:
                return Outcome(400)
            return self._withdraw(user, now)
        try:
            contacts = [parse_name_addr(value) for value in values]
        except RemoteProtocolError:
            return Outcome(400)
        return self._bind(user, received, contacts, usual, now)

    def _bind(self, user: str, received: Received, contacts: list[NameAddr], usual: int | None, now: float) -> Outcome:
        lasting = [(contact, seconds) for contact in contacts if (seconds := _seconds(contact, usual)) > 0]
        if not lasting:
            return self._withdraw(user, now)
        contact, seconds = lasting[-1]
        if seconds < SHORTEST_S:
            return Outcome(423, (("min-expires", str(SHORTEST_S)),))
        envelope, known = received.envelope, self._bindings.get(user)
        self._bindings[user] = Binding(
            str(contact.uri),
            received.hop,
            now + min(seconds, LONGEST_S),
            received.message.headers.get("user-agent") or "",
            envelope.call_id,
            envelope.cseq.number,
        )
        moved = known is None or known.hop != received.hop or known.contact != str(contact.uri)
        return self._listing(user, now, changed=moved)

    def _withdraw(self, user: str, now: float) -> Outcome:
        was = self._bindings.pop(user, None)
        return self._listing(user, now, changed=was is not None)

    def _listing(self, user: str, now: float, *, changed: bool) -> Outcome:
        binding = self.get(user, now)
        if binding is None:
            return Outcome(200, (), changed)
        left = max(1, round(binding.expires_at - now))
        return Outcome(200, (("contact", f"<{binding.contact}>;expires={left}"), ("expires", str(left))), changed)


def _seconds(contact: NameAddr, usual: int | None) -> int:
    own = integer(contact.params.get("expires"))
    return own if own is not None else usual if usual is not None else USUAL_S
