"""Media streams of calls."""

from __future__ import annotations

from cloud.api.description.model import Endpoint, Family, Json, Params, differs, one
from cloud.api.description.words import a_date, a_sid, a_text, a_uri, a_word, hook, text, word
from cloud.api.stream_forms import LONGEST_NAME, MOST_PARAMETERS
from telecore.twiml.verbs.stream import LONGEST_PARAMETER, TRACKS

SCHEMAS: dict[str, Json] = {
    "stream": {
        "sid": a_sid("MZ"),
        "account_sid": a_sid("AC"),
        "call_sid": a_sid("CA"),
        "name": a_text(null=True),
        "status": a_word("in-progress", "stopped"),
        "date_updated": a_date(),
        "uri": a_uri(),
    },
}

_PARAMETERS: Params = tuple(
    text(f"Parameter{number}.{part}", upto=LONGEST_PARAMETER)
    for number in range(1, MOST_PARAMETERS + 1)
    for part in ("Name", "Value")
)
FAMILY = Family(
    "Media streams",
    (
        Endpoint(
            "POST", "call_streams", "Let an application hear a call that is in progress.", one("stream"),
            (
                text(
                    "Url", differs("wss://; ws:// only to addresses of the operator's own list"), needed=True,
                    pattern="^wss?://",
                ),
                text("Name", upto=LONGEST_NAME), word("Track", *TRACKS, default="inbound_track"),
                *hook("StatusCallback"), *_PARAMETERS,
            ),
            example={"Url": "wss://app.example/media", "Parameter1.Name": "k", "Parameter1.Value": "v"},
                    ),
        Endpoint(
            "POST", "call_stream", "Stop it, by its SID or name.", one("stream"),
            (word("Status", "stopped", needed=True),),
            example={"Status": "stopped"},
        ),
    ),
)  # fmt: skip
