"""The tunnel's own certificate, and a warning before it ends: after that no edge connects."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cloud.store.records import WarningRecord
from cloud.store.rows import now
from telecore.errors import InvalidRequest, RemoteProtocolError
from telecore.ids import EdgeId
from telecore.x509 import not_after

log = logging.getLogger(__name__)
CODE = "certificate_expiring"
SOON = timedelta(days=14)
EVERY_S = 3600.0
_TOLD_EVERY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Judgement:
    """``severity``: warning, or error for one that is over."""

    severity: str
    text: str


def read_certificate(path: Path) -> bytes:
    """The first one of a PEM file, in DER. Blocks. Raises InvalidRequest."""
    try:
        _, begin, rest = path.read_text(encoding="ascii").partition("-----BEGIN CERTIFICATE-----")
        body, end, _ = rest.partition("-----END CERTIFICATE-----")
        return ssl.PEM_cert_to_DER_cert(begin + body + end)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"the tunnel's certificate {path} cannot be read: {error}") from error


def judge(ends: datetime, at: datetime, *, newer: bool) -> Judgement | None:
    """``newer``: another one lies in the file, which a restart would take."""
    left = ends - at
    if left >= SOON:
        return None
    to_do = "restart the controller to use the newer one that lies there" if newer else "replace it, then restart"
    when = f"{ends:%Y-%m-%d %H:%M} UTC"
    if left <= timedelta():
        return Judgement("error", f"the tunnel's certificate ended at {when} and no edge can connect: {to_do}")
    return Judgement("warning", f"the tunnel's certificate ends at {when}, in {left.days} days: {to_do}")


class OwnCertificate:
    """Of the file as it was when the tunnel began to use it. ``show`` gets the operator's warnings. May block.

    Raises InvalidRequest.
    """

    def __init__(
        self,
        path: Path,
        show: Callable[[tuple[WarningRecord, ...]], None],
        *,
        clock: Callable[[], datetime] = now,
    ) -> None:
        self._path = path
        self._show = show
        self._clock = clock
        self._ends = _ends(read_certificate(path), path)
        self._said = ""
        self._said_at = self._since = clock()

    async def watch_for_ever(self, every_s: float = EVERY_S) -> None:
        while True:
            await self.look()
            await asyncio.sleep(every_s)

    async def look(self) -> None:
        """Once. Says it in the log when it begins, grows worse, and once a day."""
        at = self._clock()
        found = judge(self._ends, at, newer=await asyncio.to_thread(self._newer))
        if found is None:
            self._said = ""
            self._show(())
            return
        if not self._said:
            self._since = at
        if found.severity != self._said or at - self._said_at >= _TOLD_EVERY:
            log.log(logging.ERROR if found.severity == "error" else logging.WARNING, "%s", found.text)
            self._said, self._said_at = found.severity, at
        self._show((WarningRecord(EdgeId(""), CODE, "this cloud", found.severity, found.text, self._since),))

    def _newer(self) -> bool:
        try:
            return _ends(read_certificate(self._path), self._path) > self._ends
        except InvalidRequest:
            return False


def _ends(certificate: bytes, path: Path) -> datetime:
    try:
        return not_after(certificate)
    except RemoteProtocolError as error:
        raise InvalidRequest(f"the tunnel's certificate {path} cannot be read: {error}") from error
