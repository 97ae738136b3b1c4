"""A messaging service with the numbers of a site."""

from __future__ import annotations

from cloud.store import messaging_services, numbers
from cloud.store.database import Connection
from cloud.store.records import MessagingServiceRecord
from cloud.store.rows import now
from telecore.ids import new_sid
from tests.cloud.services.site import NUMBERS


async def add_service(site, at=(0, 1), **fields) -> MessagingServiceRecord:
    """A service of the site's account with these of its numbers."""
    made = now()
    record = MessagingServiceRecord(new_sid("MG"), site.account.sid, "Clinic", made, made, **fields)

    def write(conn: Connection) -> MessagingServiceRecord:
        kept = messaging_services.insert(conn, record)
        for place in at:
            number = numbers.get_by_number(conn, NUMBERS[place])
            assert number is not None
            messaging_services.add_number(conn, kept, number)
        return kept

    return await site.db.write(write)
