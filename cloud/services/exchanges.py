"""Requests to customers' applications as values: what is asked, what came of it, and how that went."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from telecore.ids import AccountSid, new_id

DOCUMENT_LIMIT = 64 * 1024
KEPT = 4096
"""Bytes of an answer that are kept for its author to look at."""


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """``params`` are form fields of a POST or go to the query of a GET. ``secret`` signs; empty: unsigned.

    ``lane`` keeps what a caller hears apart from what may wait; ``token`` is the same each time one thing is told.
    ``subject`` is the SID of what is told; ``replay`` of the exchange that this one does again.
    """

    url: str
    account: AccountSid
    method: str = "POST"
    params: Mapping[str, str] = field(default_factory=dict)
    secret: str = ""
    token: str = field(default_factory=new_id)
    lane: str = "live"
    limit: int = DOCUMENT_LIMIT
    headers: Mapping[str, str] = field(default_factory=dict)
    subject: str = ""
    replay: str = ""


@dataclass(frozen=True, slots=True)
class FetchedDocument:
    """An answer with a 2xx status (or 304, where it was asked for). ``url`` is where it came from in the end."""

    url: str
    status: int
    content_type: str
    body: bytes
    charset: str = "utf-8"
    etag: str = ""
    last_modified: str = ""
    max_age_s: int = 0

    @property
    def text(self) -> str:
        try:
            return self.body.decode(self.charset, "replace")
        except (LookupError, UnicodeError):  # of codecs such as idna, which replace nothing
            return self.body.decode("utf-8", "replace")


@dataclass(frozen=True, slots=True)
class WebhookFailure:
    """No document. ``code`` is Twilio's, ``status`` HTTP's where there was one, ``url`` the one first asked."""

    code: int
    text: str
    url: str
    status: int | None = None


Answer = FetchedDocument | WebhookFailure


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it went over the wire, and its answer. A redirect or a retry is an exchange of its own.

    ``url`` has the query that was asked; ``sent`` and ``got`` are headers; ``body`` the first bytes of the answer,
    ``size`` all that were read. ``code`` and ``fault`` say what went wrong, 0 and nothing when all is well.
    """

    ask: WebhookRequest
    url: str
    at: datetime
    duration_ms: int
    sent: Mapping[str, str]
    status: int | None = None
    got: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    size: int = 0
    code: int = 0
    fault: str = ""


Watch = Callable[[Exchange], None]
"""Is told of each exchange at once; must neither wait nor raise."""


class Seen:
    """What is seen of one request while it runs."""

    def __init__(self, hop: WebhookRequest, url: str, sent: Mapping[str, str]) -> None:
        self.hop = hop
        self.url = url
        self.sent = sent
        self.at = datetime.now(UTC)
        self.body = bytearray()
        self.status: int | None = None
        self.got: Mapping[str, str] = {}
        self.code = 0
        self.fault = ""
        self._began = time.monotonic()

    def failed(self, code: int, text: str) -> None:
        self.code, self.fault = code, text

    def exchange(self) -> Exchange:
        return Exchange(
            ask=self.hop,
            url=self.url,
            at=self.at,
            duration_ms=round((time.monotonic() - self._began) * 1000),
            sent=self.sent,
            status=self.status,
            got=self.got,
            body=bytes(self.body[:KEPT]),
            size=len(self.body),
            code=self.code,
            fault=self.fault,
        )
