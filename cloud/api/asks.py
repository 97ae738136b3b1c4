"""An authenticated request to the API: whose account, which record, which parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol, TypeVar

from cloud.api.forms import Form
from cloud.api.paging import Paging, read_paging
from cloud.web.auth import Authenticator
from cloud.web.http import Handler, Pairs, Request, Response
from telecore.errors import NotFound
from telecore.ids import AccountSid


@dataclass(frozen=True, slots=True)
class Ask:
    account: AccountSid
    path: str
    fields: Mapping[str, str]
    params: Pairs

    @property
    def form(self) -> Form:
        return Form(self.params)

    @property
    def sid(self) -> str:
        return self.fields["sid"]

    def paging(self) -> Paging:
        """Raises InvalidRequest."""
        return read_paging(self.path, self.params)

    def missing(self) -> NotFound:
        """What to raise when the path leads to nothing of this account's."""
        return NotFound(f"The requested resource {self.path} was not found")


class Owned(Protocol):
    @property
    def account(self) -> AccountSid: ...


R = TypeVar("R", bound=Owned)


def own(ask: Ask, record: R | None) -> R:
    """The record, if there is one and it is this account's. Raises NotFound either way, so as not to tell which."""
    if record is None or record.account != ask.account:
        raise ask.missing()
    return record


def signed_in(auth: Authenticator, handler: Callable[[Ask], Awaitable[Response]]) -> Handler:
    """Let in whoever has an account; it is his own, for the path names none (versions 1 and 2 of Twilio's APIs)."""

    async def handle(request: Request) -> Response:
        account = await auth.who(request)
        return await handler(Ask(account.sid, request.path, request.fields, request.params()))

    return handle


def guarded(auth: Authenticator, handler: Callable[[Ask], Awaitable[Response]], *, by_key: bool = True) -> Handler:
    """Let in who may act for the account in the path; ``by_key``: an API key may, too."""

    async def handle(request: Request) -> Response:
        account = await auth.account(request, request.fields["account"], by_key=by_key)
        return await handler(Ask(account.sid, request.path, request.fields, request.params()))

    return handle
