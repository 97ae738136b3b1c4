"""Twilio's two official clients behind one way of asking, so that one story is told with both.

``await official.ask("messages.create", to=…)`` is ``client.messages.create(to=…)`` in Python and
``client.messages.create({to: …})`` in Node. What comes back are the record's fields by their names on the wire; what is
refused raises ``Refused`` with the code and the status that the client saw.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

from tests.conformance import told

HERE = Path(__file__).parent
PEERS = HERE.parents[1] / ".peers" / "npm"
PRODUCTS = ("api", "verify", "lookups", "messaging", "accounts", "monitor")
_WITHIN_S = 40.0
_STEP = re.compile(r"(\w+)(\(([^()]*)\))?")

Record = dict[str, Any]


class Refused(Exception):
    """What the client raised."""

    def __init__(self, code: int | None, status: int | None, message: str) -> None:
        super().__init__(f"{code} ({status}): {message}")
        self.code = code
        self.status = status


class Official(Protocol):
    name: str

    async def ask(self, path: str, *args: object, **params: object) -> Any:
        """Raises Refused."""

    async def signed(self, url: str, params: Mapping[str, str], signature: str) -> bool: ...


@dataclass(frozen=True)
class Step:
    name: str
    called: bool
    args: tuple[str, ...]


def steps(path: str) -> list[Step]:
    """``calls(CA…).recordings.list`` → its steps."""
    out = []
    for name, brackets, inside in _STEP.findall(path):
        out.append(Step(name, bool(brackets), (inside,) if inside else ()))
    return out


class Noting(TwilioHttpClient):
    """The client's own way to HTTP; what was asked and answered is noted."""

    def request(self, method: str, url: str, *args: Any, **how: Any) -> Response:
        answer: Response = super().request(method, url, *args, **how)
        told.note(method.upper(), unquote(urlsplit(url).path), answer.status_code)
        return answer


class PythonClient:
    name = "python"

    def __init__(self, base: str, account: str, token: str) -> None:
        self._token = token
        self._client = Client(account, token, http_client=Noting())
        for product in PRODUCTS:
            getattr(self._client, product).base_url = base

    async def ask(self, path: str, *args: object, **params: object) -> Any:
        return await asyncio.to_thread(self._ask, path, args, params)

    def _ask(self, path: str, args: tuple[object, ...], params: dict[str, object]) -> Any:
        here: Any = self._client
        for step in steps(path):
            here = getattr(here, step.name)
            if step.called:
                here = here(*step.args)
        try:
            return _plain(here(*args, **params))
        except TwilioRestException as error:
            raise Refused(error.code, error.status, str(error.msg)) from error
        except TwilioException as error:
            raise _of_a_page(error) from error

    async def signed(self, url: str, params: Mapping[str, str], signature: str) -> bool:
        return bool(RequestValidator(self._token).validate(url, params, signature))

    async def close(self) -> None:
        session = self._client.http_client.session
        if session is not None:
            session.close()


def _of_a_page(error: TwilioException) -> Refused:
    """The client tells of a list that was refused with the answer alone."""
    answer = next((part for part in error.args if isinstance(part, Response)), None)
    body = json.loads(answer.content) if answer is not None else {}
    return Refused(body.get("code"), body.get("status"), str(error))


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, datetime | date):
        return value.isoformat()
    if hasattr(value, "_version"):
        fields = {"from" if name in ("_from", "from_") else name: item for name, item in vars(value).items()}
        return {name: _plain(item) for name, item in fields.items() if not name.startswith("_")}
    return value


class NodeClient:
    """The client in a process of its own."""

    name = "node"

    def __init__(self, process: asyncio.subprocess.Process, token: str) -> None:
        self._process = process
        self._token = token
        self._turn = asyncio.Lock()

    @classmethod
    async def start(cls, base: str, account: str, token: str) -> NodeClient:
        process = await asyncio.create_subprocess_exec(
            "node", str(HERE / "node" / "client.js"), base, account, token,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment(),
            limit=8 * 1024 * 1024,
        )  # fmt: skip
        return cls(process, token)

    async def ask(self, path: str, *args: object, **params: object) -> Any:
        walked = [{"name": camel(one.name), "called": one.called, "args": one.args} for one in steps(path)]
        given = [*args, *([{camel(name.rstrip("_")): value for name, value in params.items()}] if params else [])]
        return _snake(await self._said({"path": walked, "args": given}))

    async def signed(self, url: str, params: Mapping[str, str], signature: str) -> bool:
        return bool(await self._said({"validate": [self._token, signature, url, dict(params)]}))

    async def _said(self, asked: object) -> Any:
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        async with self._turn, asyncio.timeout(_WITHIN_S):
            stdin.write(json.dumps(asked).encode() + b"\n")
            await stdin.drain()
            answer = json.loads(await stdout.readline())
        if "error" in answer:
            error = answer["error"]
            raise Refused(error.get("code"), error.get("status"), error["message"])
        return answer["value"]

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            await asyncio.wait_for(self._process.wait(), 10)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


def missing_node() -> str:
    """Why there is no Node client here; nothing when there is."""
    if shutil.which("node") is None:
        return "no node"
    return "" if (PEERS / "node_modules" / "twilio").is_dir() else "no npm packages: scripts/peers npm"


def environment() -> dict[str, str]:
    """Of a Node process that finds the packages of the lock."""
    return {**os.environ, "NODE_PATH": str(PEERS / "node_modules"), "NODE_NO_WARNINGS": "1"}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _snake(value: Any) -> Any:
    """Node's names of fields as they are on the wire. What a field holds is left as it is."""
    if isinstance(value, list):
        return [_snake(item) for item in value]
    if isinstance(value, dict):
        return {re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower(): item for name, item in value.items()}
    return value
