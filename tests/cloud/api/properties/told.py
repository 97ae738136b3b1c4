"""What any answer must be like, whatever was asked."""

from __future__ import annotations

from typing import Any

import requests
from jsonschema_rs import validator_for

from cloud.api.description.model import Endpoint
from cloud.api.description.openapi import document

SERVED = document("http://127.0.0.1")
_ERROR = validator_for(SERVED["components"]["schemas"]["error"])


def problem(endpoint: Endpoint, response: requests.Response) -> str:
    """Nothing, or what is wrong with it: a fault of ours, a status that is not described, another shape."""
    operation: dict[str, Any] = SERVED["paths"][endpoint.url][endpoint.method.lower()]
    status = response.status_code
    if status >= 500:
        return f"a fault of ours: {status} {response.text[:200]}"
    if str(status) not in operation["responses"]:
        return f"{status} is not described: {response.text[:200]}"
    if not response.headers.get("Twilio-Request-Id", "").startswith("RQ"):
        return "no request id"
    if status < 400:
        return ""
    if response.headers["Content-Type"] != "application/json":
        return f"an error as {response.headers['Content-Type']}"
    errors = [error.message for error in _ERROR.iter_errors(response.json())]
    if response.json().get("status") != status:
        errors.append(f"status {response.json().get('status')} in the body")
    return "; ".join(errors)
