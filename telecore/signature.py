"""X-Twilio-Signature, as Twilio makes it and its clients check it."""

from __future__ import annotations

import hmac
from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from urllib.parse import parse_qs, urlsplit, urlunsplit

HEADER = "X-Twilio-Signature"
_PORTS = {"http": 80, "https": 443, "ws": 80, "wss": 443}


def sign(auth_token: str, url: str, params: Sequence[tuple[str, str]] = ()) -> str:
    """Base64 of HMAC-SHA1 over the URL as it is requested, then each POST parameter's name and value.

    Names are sorted by their bytes, the values of a repeated name too, equal ones once. For GET, JSON bodies (see
    ``with_body_hash``) and WebSockets there are no ``params``. A fragment is not part of the request and is left out.
    """
    plain = url.partition("#")[0] + "".join(name + value for name, value in sorted(set(params)))
    return b64encode(hmac.digest(auth_token.encode(), plain.encode(), "sha1")).decode()


def verify(auth_token: str, url: str, params: Sequence[tuple[str, str]], signature: str) -> bool:
    """Whether the signature is right for the URL, with or without the scheme's own port, as Twilio's clients ask."""
    given = signature.encode()
    matches = [hmac.compare_digest(sign(auth_token, form, params).encode(), given) for form in _spellings(url)]
    return any(matches)


def with_body_hash(url: str, body: bytes) -> str:
    """The URL for a JSON body: ``bodySHA256`` is appended to its query, and only the URL is signed."""
    before, hash_sign, fragment = url.partition("#")
    joint = "&" if "?" in before else "?"
    return f"{before}{joint}bodySHA256={sha256(body).hexdigest()}{hash_sign}{fragment}"


def verify_body_hash(url: str, body: bytes) -> bool:
    """Whether the ``bodySHA256`` in the URL's query is that of the body."""
    claimed = parse_qs(urlsplit(url).query).get("bodySHA256", [""])[0]
    return hmac.compare_digest(claimed.encode(), sha256(body).hexdigest().encode())


def _spellings(url: str) -> tuple[str, str]:
    """The URL without a port and with one. ``ValueError`` if its port is not a number."""
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    bare = host if parts.port is None else host.rpartition(":")[0]
    port = parts.port or _PORTS.get(parts.scheme, 443)
    return (
        urlunsplit(parts._replace(netloc=f"{userinfo}{at}{bare}")),
        urlunsplit(parts._replace(netloc=f"{userinfo}{at}{bare}:{port}")),
    )
