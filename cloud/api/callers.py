"""Who asks of ``/simferry/v1``: an account by its credentials or a key, and what those open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from cloud.store import accounts
from cloud.store.database import Database
from cloud.store.records import AccountRecord
from cloud.web.auth import Authenticator
from cloud.web.http import Handler, Request, Response
from telecore.ids import AccountSid


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose credentials came along, and which accounts they open: its own and its subaccounts'."""

    account: AccountRecord
    opens: frozenset[AccountSid]


def with_caller(
    db: Database,
    auth: Authenticator,
    handler: Callable[[Request, Caller], Awaitable[Response]],
    *,
    by_key: bool = True,
) -> Handler:
    """Let in whoever has an account; ``by_key``: an API key may, too."""

    async def handle(request: Request) -> Response:
        account = await auth.who(request, by_key=by_key)
        below = await db.read(lambda conn: accounts.below(conn, account.sid))
        return await handler(request, Caller(account, frozenset({account.sid, *below})))

    return handle
