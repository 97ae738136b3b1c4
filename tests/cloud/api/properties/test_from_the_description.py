"""Requests made up from the OpenAPI document that is served, as it allows and as it does not (schemathesis).

``SIMFERRY_EXAMPLES`` says how many for each endpoint; ``SIMFERRY_SEED`` begins elsewhere.
"""

from __future__ import annotations

import os

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cloud.api.description.model import Endpoint
from cloud.api.description.tables import ENDPOINTS
from tests.cloud.api.properties.told import SERVED, problem
from tests.fakes.cloud_thread import CloudThread

EXAMPLES = int(os.environ.get("SIMFERRY_EXAMPLES", "5"))
SEED = int(os.environ.get("SIMFERRY_SEED", "2026"))
SCHEMA = schemathesis.openapi.from_dict(SERVED)
NAMES = [f"{endpoint.method} {endpoint.url}" for endpoint in ENDPOINTS]


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=NAMES)
def test_whatever_is_asked_is_answered_as_described(
    endpoint: Endpoint, cloud: CloudThread, session: requests.Session
) -> None:
    """On records that are there: no fault of ours, no status or shape that the document does not have."""
    operation = SCHEMA[endpoint.url][endpoint.method]
    one = cloud.seed()
    pieces = one.pieces(endpoint)
    cases: st.SearchStrategy[Case] = st.one_of(
        operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=pieces),
        operation.as_strategy(generation_mode=GenerationMode.NEGATIVE, path_parameters=pieces)
        if endpoint.takes or endpoint.pieces
        else operation.as_strategy(generation_mode=GenerationMode.POSITIVE, path_parameters=pieces),
    )
    who = None if endpoint.open else (one.account.sid, one.account.auth_token)

    @seed(SEED)
    @settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(cases)
    def ask(case: Case) -> None:
        response = case.call(base_url=cloud.url, session=session, auth=who, timeout=20)
        raw = response.request
        told = problem(endpoint, _as_requests(response))
        assert told == "", f"{raw.method} {raw.url} {raw.body!r}: {told}"
        case.validate_response(
            response, checks=[status_code_conformance, content_type_conformance, response_schema_conformance]
        )

    ask()


def _as_requests(response: schemathesis.Response) -> requests.Response:
    made = requests.Response()
    made.status_code = response.status_code
    made._content = response.content
    made.headers.update({name: values[0] for name, values in response.headers.items()})
    return made
