"""Access tokens of browsers: JWTs as Twilio's helper libraries make them (RFC 7519, HS256), signed with an account's
auth token, so that a new one makes all earlier ones worthless."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import Any

from cloud.services.dial_targets import is_identity
from cloud.store.records import Hook
from telecore.errors import NotAllowed
from telecore.ids import AccountSid, is_sid

INVALID, EXPIRED, TOO_LONG = 20101, 20104, 20157
MAX_LIFE_S = 86400
MAX_TOKEN = 8192
_HEADER = {"typ": "JWT", "alg": "HS256", "cty": "twilio-fpa;v=1"}


@dataclass(frozen=True, slots=True)
class Grant:
    """Who a browser is and what it may. ``expires``: seconds of the epoch; ``voice``: what its own calls run, unless
    there is an ``application``, whose URLs count."""

    account: AccountSid
    identity: str
    expires: float
    voice: Hook = Hook()
    incoming: bool = True
    application: str = ""

    @property
    def dials(self) -> bool:
        """Whether it may call."""
        return bool(self.voice.url or self.application)


def mint(grant: Grant, secret: str, *, now: float, jti: str) -> str:
    """The token of a grant."""
    payload = {
        "jti": f"{grant.account}-{jti}",
        "iss": grant.account,
        "sub": grant.account,
        "iat": int(now),
        "exp": int(grant.expires),
        "grants": {
            "identity": grant.identity,
            "voice": {
                "incoming": {"allow": grant.incoming},
                "outgoing": _outgoing(grant),
            },
        },
    }
    signed = f"{_encode(_HEADER)}.{_encode(payload)}"
    return f"{signed}.{_b64(_mac(signed, secret))}"


def account_of(token: str) -> AccountSid:
    """Whose it says it is; nothing is proved yet. Raises NotAllowed."""
    issuer = _payload(token).get("iss")
    if not isinstance(issuer, str) or not is_sid(issuer, "AC"):
        raise NotAllowed("The access token's issuer is not an account", code=INVALID)
    return AccountSid(issuer)


def read(token: str, secrets: tuple[str, ...], *, now: float) -> Grant:
    """What it grants, if one of these secrets signed it and its time is not over. Raises NotAllowed."""
    payload = _payload(token)
    signed, _, proof = token.rpartition(".")
    if not any(hmac.compare_digest(_b64(_mac(signed, secret)), proof) for secret in secrets if secret):
        raise NotAllowed("The access token is not signed by its account", code=INVALID)
    expires = payload.get("exp")
    if isinstance(expires, bool) or not isinstance(expires, int | float) or expires > now + MAX_LIFE_S + 60:
        raise NotAllowed(f"The access token has no end within {MAX_LIFE_S} s", code=TOO_LONG)
    if expires <= now:
        raise NotAllowed("The access token is expired", code=EXPIRED)
    grants = _object(payload.get("grants"))
    voice = _object(grants.get("voice"))
    outgoing, incoming = _object(voice.get("outgoing")), _object(voice.get("incoming"))
    identity, url = grants.get("identity"), outgoing.get("url")
    if not isinstance(identity, str) or not is_identity(identity):
        raise NotAllowed("The access token names no identity that could be called", code=INVALID)
    method = "GET" if outgoing.get("method") == "GET" else "POST"
    hook = Hook(url if isinstance(url, str) else "", method)
    application = outgoing.get("application_sid")
    application = application if isinstance(application, str) else ""
    return Grant(account_of(token), identity, float(expires), hook, incoming.get("allow") is True, application)


def _outgoing(grant: Grant) -> dict[str, str]:
    if grant.application:
        return {"application_sid": grant.application}
    return {"url": grant.voice.url, "method": grant.voice.method}


def _payload(token: str) -> dict[str, Any]:
    pieces = token.split(".")
    if len(token) > MAX_TOKEN or len(pieces) != 3 or not token.isascii():
        raise NotAllowed("The access token is not a JWT", code=INVALID)
    if _decode(pieces[0]).get("alg") != "HS256":
        raise NotAllowed("The access token is not signed with HS256", code=INVALID)
    return _decode(pieces[1])


def _decode(piece: str) -> dict[str, Any]:
    try:
        value = json.loads(base64.urlsafe_b64decode(piece + "=" * (-len(piece) % 4)))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise NotAllowed("The access token is not a JWT", code=INVALID) from error
    return _object(value)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _encode(value: dict[str, Any]) -> str:
    return _b64(json.dumps(value, separators=(",", ":")).encode())


def _b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _mac(signed: str, secret: str) -> bytes:
    return hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()
