"""What a Dinstar box keeps and is asked by, as JSON."""

from __future__ import annotations

import json
from dataclasses import dataclass

from aiohttp import web

Row = dict[str, object]


@dataclass(slots=True)
class SentSms:
    """One message that was handed in. `ref`: TP-MR of its first part, `last` of its last."""

    port: int
    number: str
    user_id: int
    time: str
    status: str = "SENDING"
    count: int = 1
    succeeded: int = 0
    ref: int = 0
    last: int = -1
    imsi: str = ""

    def row(self) -> Row:
        """As `query_sms_result` shows it."""
        return {
            "port": self.port,
            "user_id": self.user_id,
            "number": self.number,
            "time": self.time,
            "status": self.status,
            "count": self.count,
            "succ_count": self.succeeded,
            "ref_id": self.ref,
            "imsi": self.imsi,
        }


async def object_of(request: web.Request) -> Row:
    """The body as a JSON object; an empty one when it is none."""
    try:
        value = json.loads(await request.read())
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def integers(value: object) -> list[int]:
    """The whole numbers of a list."""
    return [item for item in value if isinstance(item, int)] if isinstance(value, list) else []


def texts(value: object) -> list[str]:
    """The texts of a list."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []
