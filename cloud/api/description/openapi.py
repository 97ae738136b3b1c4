"""The tables as an OpenAPI 3.1 document."""

from __future__ import annotations

from cloud.api.description.model import Endpoint, Json, Param
from cloud.api.description.tables import FAMILIES, SCHEMAS
from cloud.web.http import FORM

ERROR: Json = {
    "type": "object",
    "properties": {
        "code": {"type": "integer"},
        "message": {"type": "string"},
        "more_info": {"type": "string"},
        "status": {"type": "integer"},
    },
    "required": ["code", "message", "more_info", "status"],
    "additionalProperties": False,
}
ENVELOPE: dict[str, Json] = {
    "page": {"type": "integer"},
    "page_size": {"type": "integer"},
    "start": {"type": "integer"},
    "end": {"type": "integer"},
    "uri": {"type": "string"},
    "first_page_uri": {"type": "string"},
    "next_page_uri": {"type": ["string", "null"]},
    "previous_page_uri": {"type": ["string", "null"]},
}
META: dict[str, Json] = {
    "page": {"type": "integer"},
    "page_size": {"type": "integer"},
    "key": {"type": "string"},
    "url": {"type": "string"},
    "first_page_url": {"type": "string"},
    "next_page_url": {"type": ["string", "null"]},
    "previous_page_url": {"type": ["string", "null"]},
}
EVERYWHERE = (400, 404, 405, 413, 429, 500, 503)
"""What any endpoint may answer when it does not succeed."""


def document(server: str) -> Json:
    """``server``: the URL under which clients reach it."""
    paths: Json = {}
    for family in FAMILIES:
        for endpoint in family.endpoints:
            paths.setdefault(endpoint.url, {})[endpoint.method.lower()] = _operation(family.name, endpoint)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Simferry",
            "version": "1",
            "description": "Calls and SMS through SIM cards, as Twilio's API has them; x-standing compares.",
        },
        "servers": [{"url": server}],
        "security": [{"basic": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "basic": {"type": "http", "scheme": "basic", "description": "the account's SID and its token"}
            },
            "schemas": {**{name: closed(fields) for name, fields in SCHEMAS.items()}, "error": ERROR},
            "responses": {
                "error": {"description": "Refused.", "content": _json({"$ref": "#/components/schemas/error"})}
            },
        },
    }


def closed(fields: Json) -> Json:
    """An object with all of these fields, and no others."""
    return {"type": "object", "properties": fields, "required": list(fields), "additionalProperties": False}


def _operation(tag: str, endpoint: Endpoint) -> Json:
    taken = {} if endpoint.method == "POST" else {"parameters": [_query(param) for param in endpoint.params]}
    pieces = [{"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in endpoint.pieces]
    failures = (
        {*EVERYWHERE, *endpoint.errors}
        | (set() if endpoint.open else {401, 403})
        | ({415} if endpoint.method == "POST" else set())
    )
    return {
        "tags": [tag],
        "operationId": f"{endpoint.method.lower()} {endpoint.url}",
        "summary": endpoint.summary,
        "x-standing": str(endpoint.standing),
        **({"security": []} if endpoint.open else {}),
        "parameters": [*pieces, *taken.get("parameters", [])],
        **({"requestBody": _body(endpoint)} if endpoint.method == "POST" else {}),
        "responses": {
            str(endpoint.status): _success(endpoint),
            **{str(status): {"$ref": "#/components/responses/error"} for status in sorted(failures)},
        },
    }


def _query(param: Param) -> Json:
    repeated = {"style": "form", "explode": True} if param.repeated else {}
    return {
        "name": param.name,
        "in": "query",
        "required": param.needed,
        "schema": param.schema,
        "x-standing": str(param.standing),
        **repeated,
    }


def _body(endpoint: Endpoint) -> Json:
    properties = {param.name: {**param.schema, "x-standing": str(param.standing)} for param in endpoint.params}
    needed = [param.name for param in endpoint.params if param.needed]
    schema: Json = {"type": "object", "properties": properties, **({"required": needed} if needed else {})}
    encoding = {param.name: {"style": "form", "explode": True} for param in endpoint.params if param.repeated}
    content: Json = {"schema": schema, **({"encoding": encoding} if encoding else {})}
    return {"required": bool(needed), "content": {"application/json" if endpoint.json else FORM: content}}


def _success(endpoint: Endpoint) -> Json:
    answer, ref = endpoint.answer, {"$ref": f"#/components/schemas/{endpoint.answer.schema}"}
    listed: Json = {answer.key: {"type": "array", "items": ref}}
    schemas = {
        "one": ref,
        "page": closed({**listed, **ENVELOPE}),
        "meta": closed({"meta": closed(META), **listed}),
        "list": closed(listed),
        "whole": closed({**listed, "uri": {"type": "string"}}),
    }
    if answer.shape in schemas:
        return {"description": endpoint.summary, "content": _json(schemas[answer.shape])}
    if answer.shape == "any":
        return {"description": endpoint.summary, "content": _json({"type": "object"})}
    if answer.shape == "sound":
        return {"description": endpoint.summary, "content": {"audio/x-wav": {}, "audio/mpeg": {}}}
    return {"description": endpoint.summary}


def _json(schema: Json) -> Json:
    return {"application/json": {"schema": schema}}
