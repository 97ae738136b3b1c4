"""URLs as customers give them, made fit to be asked and signed."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

from telecore.errors import InvalidRequest

MAX_LENGTH = 4000
_KEPT = "%/:?#[]@!$&'()*+,;=-._~"


class InvalidUrl(InvalidRequest):
    """It is not one that could be asked."""

    code = 11100


def canonical(url: str) -> str:
    """The form that is both asked and signed: no fragment, no credentials lost, only characters that may travel.

    Raises InvalidUrl.
    """
    if len(url) > MAX_LENGTH:
        raise InvalidUrl(f"the URL is longer than {MAX_LENGTH} characters")
    try:
        parts = urlsplit(url.strip())
        host, _ = parts.hostname, parts.port
        netloc = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    except ValueError as error:  # UnicodeError is one
        raise InvalidUrl("the URL is not valid") from error
    if parts.scheme.lower() not in {"http", "https"} or not host:
        raise InvalidUrl("the URL must begin with http:// or https:// and name a host")
    if any(character <= " " or character == "\x7f" for character in netloc):
        raise InvalidUrl("the URL's host has characters that no host has")
    path = quote(parts.path, safe=_KEPT) or "/"
    return urlunsplit((parts.scheme.lower(), netloc, path, quote(parts.query, safe=_KEPT), ""))


def canonical_socket(url: str) -> str:
    """The same of a WebSocket's URL. Raises InvalidUrl."""
    scheme, colon, rest = url.strip().partition(":")
    if scheme.lower() not in {"ws", "wss"} or not colon:
        raise InvalidUrl("the URL must begin with wss://")
    return "ws" + canonical(f"http{scheme[2:]}:{rest}").removeprefix("http")


def shown_url(url: str, *, whole: bool = False) -> str:
    """As a log may show it: without credentials; ``whole``: with its query. Of what is no URL, that it is none."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "(no URL)"
    query = parts.query if whole else ""
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def with_query(url: str, params: Mapping[str, str]) -> str:
    """The URL with these fields after its own query."""
    if not params:
        return url
    return f"{url}{'&' if '?' in url else '?'}{urlencode(params)}"
