"""What the action of a <Refer> is told."""

from __future__ import annotations

import pytest

from telecore.twiml.control import ReferOutcome
from telecore.twiml.verbs.refer import action_params


@pytest.mark.parametrize(
    ("outcome", "params"),
    [
        (ReferOutcome(), {}),
        (ReferOutcome(405), {"ReferSipResponseCode": "405"}),
        (ReferOutcome(202), {"ReferSipResponseCode": "202"}),
        (
            ReferOutcome(202, 200),
            {"ReferSipResponseCode": "202", "NotifySipResponseCode": "200", "ReferCallStatus": "in-progress"},
        ),
        (
            ReferOutcome(202, 180),
            {"ReferSipResponseCode": "202", "NotifySipResponseCode": "180", "ReferCallStatus": "ringing"},
        ),
        (
            ReferOutcome(202, 486),
            {"ReferSipResponseCode": "202", "NotifySipResponseCode": "486", "ReferCallStatus": "busy"},
        ),
        (
            ReferOutcome(202, 404),
            {"ReferSipResponseCode": "202", "NotifySipResponseCode": "404", "ReferCallStatus": "failed"},
        ),
    ],
)
def test_what_the_action_is_told(outcome: ReferOutcome, params: dict[str, str]) -> None:
    assert action_params(outcome) == params
