"""Whatever goes wrong → the one body that says so."""

from __future__ import annotations

from contextvars import ContextVar

from cloud.web.http import Response, json_response
from cloud.web.routing import MethodNotAllowed
from telecore.errors import Refused, UsedUp
from telecore.ids import new_sid

MORE_INFO = "https://www.twilio.com/docs/errors/"


class TooMany(UsedUp):
    """Asked too often."""


class InWords(Refused):
    """A refusal whose code is told as text."""


REQUEST_ID = "Twilio-Request-Id"
request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The id of the request being answered, for its header and for logs."""


def own_headers() -> dict[str, str]:
    """What every answer has."""
    return {
        REQUEST_ID: request_id.get() or new_sid("RQ"),
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",
        "Server": "simferry",
    }


def error_response(status: int, code: int | str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Twilio's shape. Never ``title`` and ``type`` beside these: clients would take it for RFC 9457."""
    body = {"code": code, "message": message, "more_info": f"{MORE_INFO}{code}", "status": status}
    return json_response(body, status, headers)


def refusal(error: Refused) -> Response:
    headers: dict[str, str] = {}
    if error.status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="Twilio API"'
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(error.allowed)
    if isinstance(error, UsedUp):
        headers["Retry-After"] = str(max(1, round(error.retry_after_s)))
    code = str(error.code) if isinstance(error, InWords) else error.code
    return error_response(error.status, code, error.message, headers)


def too_large(limit: int) -> Response:
    return error_response(413, 20413, f"The request is larger than {limit} bytes")


def unavailable() -> Response:
    headers = {"Retry-After": "5"}
    return error_response(503, 20503, "The request cannot be served now; try again later", headers)


def internal() -> Response:
    return error_response(500, 20500, "An internal error has occurred; it was logged under the request id")


def bad_http(status: int, message: str) -> Response:
    return error_response(status, 20001, message)
