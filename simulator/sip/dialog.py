"""A dialog: who talks to whom, by which way, with which numbers (RFC 3261 §12)."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.sip.agent import Headers, UserAgent, new_tag
from simulator.sip.message import Address, Message, parameter, read_address, read_uri
from simulator.sip.sockets import numeric


@dataclass(slots=True)
class Dialog:
    """`local` and `remote`: values of From and To with their tags. `address`: where messages came from."""

    call_id: str
    local: str
    remote: str
    target: str
    address: Address
    user: str
    routes: tuple[str, ...] = ()
    cseq: int = 0
    remote_cseq: int = 0

    @property
    def key(self) -> tuple[str, str]:
        """As in `UserAgent.dialogs`."""
        return self.call_id, parameter(self.local, "tag")

    def destination(self) -> Address:
        """The first route, or the far end's Contact; where its messages come from when that is a name."""
        uri = read_uri(read_address(self.routes[0]).uri if self.routes else self.target)
        there = (uri.host, uri.port or 5060)
        return there if numeric(there) else self.address

    def request(
        self,
        agent: UserAgent,
        method: str,
        *,
        more: Headers | None = None,
        body: bytes = b"",
        number: int | None = None,
    ) -> Message:
        """A request within it; `number`: of the INVITE that an ACK is for."""
        if number is None:
            self.cseq += 1
        headers: Headers = [agent.via(), ("Max-Forwards", "70"), *(("Route", route) for route in self.routes)]
        headers += [("From", self.local), ("To", self.remote), ("Call-ID", self.call_id)]
        headers += [("CSeq", f"{self.cseq if number is None else number} {method}")]
        headers += [("Contact", agent.contact(self.user)), *(more or []), ("User-Agent", agent.manner.product)]
        return Message(tuple(headers), body, method=method, uri=self.target)


def accepted(request: Message, source: Address, user: str) -> Dialog:
    """The dialog of an INVITE that came in."""
    contact = request.all("contact")
    return Dialog(
        call_id=request.call_id,
        local=f"{request.get('to')};tag={new_tag()}",
        remote=request.get("from"),
        target=read_address(contact[0]).uri if contact else read_address(request.get("from")).uri,
        address=source,
        user=user,
        routes=tuple(request.all("record-route")),
        cseq=1,
        remote_cseq=request.cseq[0],
    )


def confirmed(request: Message, response: Message, to: Address, user: str) -> Dialog:
    """The dialog of an INVITE of ours that was answered."""
    contact = response.all("contact")
    return Dialog(
        call_id=request.call_id,
        local=request.get("from"),
        remote=response.get("to"),
        target=read_address(contact[0]).uri if contact else request.uri,
        address=to,
        user=user,
        routes=tuple(reversed(response.all("record-route"))),
        cseq=request.cseq[0],
    )
