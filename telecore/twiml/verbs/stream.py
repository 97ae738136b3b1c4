"""<Stream>: where a call's sound goes, as <Connect>, <Start> and <Stop> name it."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urljoin, urlsplit, urlunsplit

from telecore.errors import InvalidTwiml
from telecore.model import Track
from telecore.twiml.attributes import Attributes
from telecore.twiml.control import StreamSpec
from telecore.twiml.nodes import SCHEMA, Node, Reading

SCHEME, BAD_URL, BAD_TRACK = 31922, 31923, 31941
LONGEST_PARAMETER = 500
"""Characters of a parameter's name and value together."""
TRACKS = {
    "inbound_track": (Track.INBOUND,),
    "outbound_track": (Track.OUTBOUND,),
    "both_tracks": (Track.INBOUND, Track.OUTBOUND),
}
_SOCKETS = {"https": "wss", "http": "ws"}


def read(node: Node, reading: Reading, *, both_ways: bool) -> StreamSpec | None:
    """None, with a warning, when it cannot be begun."""
    attributes = Attributes(node, reading)
    url = _url(attributes.text("url").strip(), node, reading)
    track = attributes.choice("track", "inbound_track", TRACKS, BAD_TRACK)
    if both_ways and track != "inbound_track":
        reading.warn(BAD_TRACK, "<Stream> within <Connect> carries the inbound track only", node)
        track = "inbound_track"
    for name, only in (("audioFormat", "audio/x-mulaw"), ("sampleRate", "8000")):
        if attributes.text(name, only).strip().lower() != only:
            reading.warn(SCHEMA, f"<Stream> {name} can be {only} only, and is", node)
    if attributes.given("connectorName"):
        reading.warn(SCHEMA, "<Stream> connectorName: there are no connectors here", node)
    spec = StreamSpec(
        url=url,
        name=attributes.text("name"),
        tracks=TRACKS[track],
        both_ways=both_ways,
        parameters=_parameters(node, reading),
        status_callback=attributes.url("statusCallback"),
        status_callback_method=attributes.method("statusCallbackMethod"),
    )
    attributes.close()
    return spec if url else None


def the_noun(node: Node, reading: Reading, nouns: Iterable[str], others: Iterable[str] = ()) -> Node | None:
    """The one of these ``nouns`` within a verb. Its ``others``, which cannot be had here, are warned of.

    Raises InvalidTwiml for an element that has no place there.
    """
    streams: list[Node] = []
    for child in node.children:
        if child.name in nouns:
            streams.append(child)
        elif child.name in others:
            reading.warn(SCHEMA, f"<{child.name}> within <{node.name}> is not offered here and was left out", child)
        else:
            raise InvalidTwiml(f"<{child.name}> is not allowed within <{node.name}>", code=SCHEMA, line=child.line)
    if not node.children:
        reading.warn(SCHEMA, f"<{node.name}> holds nothing to {node.name.lower()}", node)
    for extra in streams[1:]:
        reading.warn(SCHEMA, f"<{node.name}> takes one noun; this <{extra.name}> was left out", extra)
    return streams[0] if streams else None


def _url(url: str, node: Node, reading: Reading) -> str:
    """Absolute, from the document's own if need be; empty, with a warning, when none can be asked."""
    code, text = BAD_URL, f"<Stream> url {url[:100]!r} is not a URL"
    try:
        own, whole = urlsplit(url), urlsplit(urljoin(reading.url, url))
        host, _ = whole.hostname, whole.port
    except ValueError:
        host = None
    if url and host:
        scheme = own.scheme.lower() or _SOCKETS.get(whole.scheme, "")
        if scheme not in ("wss", "ws"):
            code, text = SCHEME, f"<Stream> url must begin with wss://, not {scheme}://"
        elif whole.query:
            text = "<Stream> url may have no query; use <Parameter>"
        else:
            return urlunsplit(whole._replace(scheme=scheme))
    reading.warn(code, text, node)
    return ""


def _parameters(node: Node, reading: Reading) -> dict[str, str]:
    found: dict[str, str] = {}
    for child in node.children:
        if child.name != "Parameter":
            reading.warn(SCHEMA, f"<{child.name}> is not allowed within <Stream> and was left out", child)
            continue
        attributes = Attributes(child, reading)
        name, value = attributes.text("name"), attributes.text("value")
        attributes.close()
        if not name or len(name) + len(value) > LONGEST_PARAMETER:
            why = f"is longer than {LONGEST_PARAMETER} characters" if name else "has no name"
            reading.warn(SCHEMA, f"<Parameter> {why} and was left out", child)
        else:
            found[name] = value
    return found
