"""What went wrong with a customer's documents and servers: one row he can read, one line in our log."""

from __future__ import annotations

import logging

from cloud.services.urls import shown_url
from cloud.store import notifications
from cloud.store.database import Connection, Database
from cloud.store.records import Hook
from telecore.errors import Transient
from telecore.ids import AccountSid

log = logging.getLogger(__name__)

_NOWHERE = Hook()


class Debugger:
    """Twilio's debugger. Never raises for a store that fails: what is told here must not end a call."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def note(
        self,
        account: AccountSid,
        subject: str,
        code: int,
        text: str,
        hook: Hook = _NOWHERE,
        *,
        level: str = "error",
        once: bool = False,
    ) -> None:
        """``subject`` is the SID of what it happened to; ``hook`` the URL at fault.

        ``once``: what is tried again may fail again in the same way, and the customer reads of it one time.
        """
        where = f" at {shown_url(hook.url)}" if hook.url else ""
        log.log(logging.ERROR if level == "critical" else logging.WARNING, "%s: %s %s%s", subject, code, text, where)

        def write(conn: Connection) -> None:
            if not (once and notifications.known(conn, subject, code, text, hook.url)):
                notifications.add(conn, account, subject, code, text, hook=hook, level=level)

        try:
            await self._db.write(write)
        except Transient as error:
            log.warning("%s: the note about it could not be kept: %s", subject, error)
