"""Queues and who waits in them."""

from __future__ import annotations

from cloud.api.description.model import NOTHING, Endpoint, Family, Json, differs, one, page
from cloud.api.description.words import a_date, a_map, a_sid, a_text, a_uri, a_whole, hook, text, whole
from cloud.tunnel.queue_steps import DEFAULT_SIZE
from telecore.stays import MAX_QUEUE
from telecore.twiml.verbs.enqueue import MAX_NAME

SCHEMAS: dict[str, Json] = {
    "queue": {
        "sid": a_sid("QU"),
        "account_sid": a_sid("AC"),
        "friendly_name": a_text(),
        "max_size": a_whole(),
        "current_size": a_whole(),
        "average_wait_time": a_whole(),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
    "member": {
        "call_sid": a_sid("CA"),
        "queue_sid": a_sid("QU"),
        "position": a_whole(),
        "wait_time": a_whole(),
        "date_enqueued": a_date(),
        "uri": a_uri(),
    },
}

_TAKEN = differs("a name that is there is refused with 20409")

FAMILY = Family(
    "Queues",
    (
        Endpoint(
            "POST", "queues", "Make a queue.", one("queue"),
            (text("FriendlyName", _TAKEN, upto=MAX_NAME, needed=True), whole("MaxSize", 1, MAX_QUEUE, DEFAULT_SIZE)),
            201, example={"FriendlyName": "Nurses"}, errors=(409,),
        ),
        Endpoint("GET", "queues", "List queues, newest first.", page("queues", "queue")),
        Endpoint("GET", "queue", "One queue, and how many wait in it.", one("queue")),
        Endpoint(
            "POST", "queue", "Change its name or size.", one("queue"),
            (text("FriendlyName", _TAKEN, upto=MAX_NAME), whole("MaxSize", 1, MAX_QUEUE)),
            example={"MaxSize": "7"}, errors=(409,),
        ),
        Endpoint("DELETE", "queue", "Remove it when nobody waits in it.", NOTHING, status=204),
        Endpoint("GET", "members", "Who waits, newest first.", page("queue_members", "member")),
        Endpoint("GET", "member", "One who waits, by CallSid or Front.", one("member")),
        Endpoint(
            "POST", "member", "Take one out with a document.", one("member"), hook("Url", "Method"),
            example={"Url": "https://app.example/dequeued"},
        ),
    ),
)  # fmt: skip
