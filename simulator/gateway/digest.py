"""HTTP Digest as a box's web server does it: RFC 7616 with MD5 and qop=auth. Nonces grow stale."""

from __future__ import annotations

import hashlib
import re
from random import Random

_PAIR = re.compile(r'(\w+)=(?:"((?:[^"\\]|\\.)*)"|([^\s,]+))')


class DigestLogin:
    """`uses`: how many requests one nonce is good for."""

    def __init__(self, realm: str, user: str, password: str, *, uses: int = 100, random: Random | None = None) -> None:
        self._realm = realm
        self._user = user
        self._password = password
        self._uses = uses
        self._random = random or Random()
        self._nonces: dict[str, int] = {}

    def forget(self) -> None:
        """All nonces are stale: the box restarted."""
        self._nonces.clear()

    def accepts(self, method: str, target: str, header: str) -> bool | None:
        """Whether the Authorization header is right for this request line; None: right, with a stale nonce."""
        scheme, _, rest = header.partition(" ")
        given = {name: quoted or plain for name, quoted, plain in _PAIR.findall(rest)}
        count = given.get("nc", "")
        if scheme.lower() != "digest" or given.get("username") != self._user or given.get("uri") != target:
            return False
        if given.get("response") != self._expected(method, given) or not re.fullmatch("[0-9a-f]{8}", count):
            return False
        last = self._nonces.get(given.get("nonce", ""))
        if last is None or int(count, 16) <= last or int(count, 16) > self._uses:
            return None
        self._nonces[given["nonce"]] = int(count, 16)
        return True

    def challenge(self, *, stale: bool) -> str:
        """A WWW-Authenticate header with a new nonce."""
        nonce = f"{self._random.getrandbits(64):016x}"
        self._nonces[nonce] = 0
        while len(self._nonces) > 64:
            del self._nonces[next(iter(self._nonces))]
        return f'Digest realm="{self._realm}", nonce="{nonce}", qop="auth", algorithm=MD5{", stale=true" * stale}'

    def _expected(self, method: str, given: dict[str, str]) -> str:
        who = _md5(f"{self._user}:{self._realm}:{self._password}")
        what = _md5(f"{method}:{given.get('uri', '')}")
        parts = (given.get(name, "") for name in ("nonce", "nc", "cnonce", "qop"))
        return _md5(":".join((who, *parts, what)))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
