"""What Twilio's own Python client can send and expects back, read from its source."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import twilio.rest
from twilio.twiml import TwiML, lower_camel, messaging_response, voice_response

PRODUCTS = ("api", "verify", "lookups", "messaging", "accounts", "monitor")
_VERSIONS = {"v2010": "2010-04-01"}
_HEADERS = frozenset({"Content-Type", "Accept", "If-Match", "X-Twilio-Webhook-Enabled"})


@dataclass(frozen=True)
class Operation:
    """``path`` has ``{}`` for each piece; ``fields`` are those of the record that comes back."""

    product: str
    method: str
    path: str
    params: frozenset[str]
    fields: frozenset[str]


@cache
def operations() -> tuple[Operation, ...]:
    root = Path(twilio.rest.__file__).parent
    found: dict[tuple[str, str, str], Operation] = {}
    for product in PRODUCTS:
        for file in sorted((root / product).rglob("*.py")):
            for one in _of_module(product, file):
                before = found.get((product, one.method, one.path))
                params = one.params | (before.params if before else frozenset())
                found[product, one.method, one.path] = Operation(product, one.method, one.path, params, one.fields)
    return tuple(found.values())


def _of_module(product: str, file: Path) -> Iterator[Operation]:
    version = next((_VERSIONS.get(part, part) for part in file.parts if re.fullmatch(r"v\d+", part)), "")
    tree = ast.parse(file.read_text())
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    fields = frozenset(
        str(call.args[0].value)
        for node in classes
        if node.name.endswith("Instance")
        for call in ast.walk(node)
        if isinstance(call, ast.Call)
        and ast.unparse(call.func) == "payload.get"
        and isinstance(call.args[0], ast.Constant)
    )
    for node in classes:
        path = _path(node)
        if path is None:
            continue
        for function in node.body:
            if isinstance(function, ast.FunctionDef):
                method = _method(function)
                if method:
                    yield Operation(product, method, f"/{version}{path}", _params(function), fields)


def _path(node: ast.ClassDef) -> str | None:
    for found in ast.walk(node):
        if isinstance(found, ast.Assign) and ast.unparse(found.targets[0]) == "self._uri":
            constants = [piece.value for piece in ast.walk(found.value) if isinstance(piece, ast.Constant)]
            return re.sub(r"\{\w+\}", "{}", str(constants[0]))
    return None


def _method(function: ast.FunctionDef) -> str:
    for found in ast.walk(function):
        if isinstance(found, ast.Call) and ast.unparse(found.func).startswith("self._version."):
            for keyword in found.keywords:
                if keyword.arg == "method" and isinstance(keyword.value, ast.Constant):
                    return str(keyword.value.value)
    return ""


def _params(function: ast.FunctionDef) -> frozenset[str]:
    keys = {
        str(key.value)
        for call in ast.walk(function)
        if isinstance(call, ast.Call) and ast.unparse(call.func) == "values.of"
        for key in getattr(call.args[0], "keys", [])
        if isinstance(key, ast.Constant)
    }
    return frozenset(keys) - _HEADERS - {"PageToken", "Page", "PageSize"}


@cache
def elements(kind: str) -> dict[str, frozenset[str]]:
    """``voice`` or ``messaging``: name of a TwiML element → the attributes that the client's builder knows for it."""
    module = {"voice": voice_response, "messaging": messaging_response}[kind]
    tree = ast.parse(inspect.getsource(module))
    makers = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    names = {maker: _element_name(node) for maker, node in makers.items()}
    found: dict[str, frozenset[str]] = {name: frozenset() for name in names.values() if name != "Response"}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in makers:
            contents = {argument.arg for argument in _constructor(makers[call.func.id]).args.args}
            given = {keyword.arg for keyword in call.keywords if keyword.arg} - contents
            found[names[call.func.id]] |= {lower_camel(TwiML.MAP.get(name, name)) for name in given}
    return found


def _constructor(node: ast.ClassDef) -> ast.FunctionDef:
    return next(item for item in node.body if isinstance(item, ast.FunctionDef) and item.name == "__init__")


def _element_name(node: ast.ClassDef) -> str:
    for found in ast.walk(_constructor(node)):
        if isinstance(found, ast.Assign) and ast.unparse(found.targets[0]) == "self.name":
            return str(ast.literal_eval(found.value))
    raise ValueError(node.name)
