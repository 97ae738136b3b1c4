"""An authenticated request to the API: whose account, which record, which parameters."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import NoReturn, Protocol, TypeVar

from cloud.api.compat import TWILIO, in_its_words, sids_of_uuids
from cloud.api.forms import Form
from cloud.api.paging import Paging, read_paging
from cloud.store.records import AccountRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Handler, Pairs, Request, Response
from telecore.errors import NotFound, Refused
from telecore.ids import AccountSid, sid_of_uuid


@dataclass(frozen=True, slots=True)
class Ask:
    """``caller``: whose credentials came along, which is the account or its parent."""

    account: AccountSid
    caller: AccountSid
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


def _raise(error: Refused, account: AccountRecord, request: Request) -> NoReturn:
    """In the words that the account expects."""
    told = in_its_words(error, account.compat, request.method)
    raise told from (None if told is error else error)


def signed_in(auth: Authenticator, handler: Callable[[Ask], Awaitable[Response]]) -> Handler:
    """Let in whoever has an account; it is his own, for the path names none (versions 1 and 2 of Twilio's APIs)."""

    async def handle(request: Request) -> Response:
        account = await auth.who(request)
        try:
            return await handler(Ask(account.sid, account.sid, request.path, request.fields, request.params()))
        except Refused as error:
            _raise(error, account, request)

    return handle


def guarded(auth: Authenticator, handler: Callable[[Ask], Awaitable[Response]], *, by_key: bool = True) -> Handler:
    """Let in who may act for the account in the path; ``by_key``: an API key may, too.

    An account that asked for Somleng's habits may write SIDs as UUIDs, and has its errors in Somleng's words.
    """

    async def handle(request: Request) -> Response:
        sid = sid_of_uuid(request.fields["account"], "AC")
        account, caller = await auth.account(request, sid, by_key=by_key)
        fields = request.fields if account.compat == TWILIO else sids_of_uuids(request.path, request.fields)
        try:
            return await handler(Ask(account.sid, caller.sid, request.path, fields, request.params()))
        except Refused as error:
            _raise(error, account, request)

    return handle
