"""A request that leaves an entry in the audit log: together with what it writes, or as refused."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace

from cloud.store import audit
from cloud.store.beside import Beside, beside
from cloud.store.database import Database
from cloud.store.records.audit import Entry
from cloud.web.http import Response
from telecore.errors import Refused, Transient

UNAUTHORIZED = 401


async def recorded(db: Database, entry: Entry, act: Callable[[], Awaitable[Response]]) -> Response:
    """Do it. The entry is part of the first transaction that it makes; what makes none, or fails, gets one after.

    Those who could not prove who they are leave none: strangers must not fill the log.
    """
    also = Beside(lambda conn: audit.append(conn, entry))
    token = beside.set(also)
    try:
        response = await act()
        if response.status >= 400:
            await _after(db, also, replace(entry, result=f"answered {response.status}"))
        elif not also.kept:
            await _after(db, also, entry)
    except Refused as error:
        if error.status != UNAUTHORIZED:
            await _after(db, also, replace(entry, result=f"refused {error.status} {error.code}"))
        raise
    except Exception as error:
        with suppress(Transient):
            await _after(db, also, replace(entry, result=f"failed: {type(error).__name__}"))
        raise
    finally:
        also.kept = True
        beside.reset(token)
    return response


async def _after(db: Database, also: Beside, entry: Entry) -> None:
    also.kept = True
    await db.write(lambda conn: audit.append(conn, entry))
