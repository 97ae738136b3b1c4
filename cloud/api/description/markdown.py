"""docs/twilio.md, from the tables."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from cloud.api.description.absent import ABSENT
from cloud.api.description.model import Endpoint
from cloud.api.description.tables import FAMILIES, LEFT_OUT
from cloud.api.description.twiml import ELEMENTS, UNKNOWN
from cloud.api.description.twiml_model import Element

_HEAD = """\
<!-- Made by `python -m cloud.api.description > docs/twilio.md`. Change the tables in cloud/api/description instead. -->
# How it stands to Twilio

For each endpoint, parameter, verb and attribute: **same**, **differs** (how), **not possible on a SIM**, or **ours**,
which Twilio has not. Tests hold this true: of what is served, of what a handler reads, and of what Twilio's own clients
can send.
The OpenAPI document of a running cloud is at `/simferry/v1/openapi.json`.

"""


def document() -> str:
    return _HEAD + "\n".join([*_rest(), *_absent(), *_twiml()]) + "\n"


def _rest() -> Iterator[str]:
    yield "## REST"
    for family in FAMILIES:
        yield f"\n### {family.name}\n"
        for endpoint in family.endpoints:
            yield from _endpoint(endpoint)


def _endpoint(endpoint: Endpoint) -> Iterator[str]:
    yield f"- `{endpoint.method} {endpoint.url}`: {endpoint.summary} *{endpoint.standing}*"
    yield from _grouped((param.name, str(param.standing)) for param in endpoint.params)


def _grouped(parts: Iterable[tuple[str, str]]) -> Iterator[str]:
    """One line for each standing, with the names that have it."""
    groups: dict[str, list[str]] = {}
    for name, standing in parts:
        groups.setdefault(standing, []).append(f"`{name}`")
    for standing, names in groups.items():
        yield f"  - {', '.join(names)}: {standing}"


def _absent() -> Iterator[str]:
    yield "\n### Fields left out\n"
    for schema, fields in LEFT_OUT.items():
        yield f"- of a {schema.replace('_', ' ')}:"
        yield from _grouped(fields.items())
    yield "\n### Not served\n"
    yield "These answer 404 (20404). `*` stands for anything, `{}` for a piece of a path.\n"
    yield "| requests | |"
    yield "|---|---|"
    for row in ABSENT:
        yield f"| `{row.requests}` | {row.standing} |"


def _twiml() -> Iterator[str]:
    yield "\n## TwiML\n"
    for messaging, title in ((False, "Voice"), (True, "Messaging")):
        yield f"### {title}\n"
        for element in ELEMENTS:
            if element.messaging is messaging:
                yield from _element(element)
        yield ""
    inside = "; ".join(f"`<{name}>` ({where})" for name, where in UNKNOWN.items())
    yield f"Not reached, as what they stand in is not offered: {inside}."


def _element(element: Element) -> Iterator[str]:
    yield f"- `{element.title}`: *{element.standing}*"
    yield from _grouped((attr.name, str(attr.standing)) for attr in element.attributes)
