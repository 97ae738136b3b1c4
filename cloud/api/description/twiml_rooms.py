"""TwiML of conferences and queues."""

from __future__ import annotations

from cloud.api.description.model import differs
from cloud.api.description.twiml_model import Attr, Element, attrs, unread

_RECORDED = ("recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent")
_NO_TASKROUTER = differs("there is no TaskRouter")

ROOMS: tuple[Element, ...] = (
    Element(
        "Conference",
        (
            *attrs(
                "muted", "beep", "startConferenceOnEnter", "endConferenceOnExit", "waitUrl", "waitMethod",
                "maxParticipants", "record", "trim", "coach", "participantLabel", "statusCallback",
                "statusCallbackMethod", "statusCallbackEvent", *_RECORDED, "eventCallbackUrl",
            ),
            *unread(differs("ignored: it is mixed at the edge where its legs are"), "region"),
            *unread(differs("ignored: the buffer follows the line"), "jitterBufferSize"),
            *attrs("recordingConfigurationId", standing=differs("no effect; a warning says so")),
        ),
        differs("the hold music is our own"),
        within="Dial",
        example="<Dial><Conference>Room</Conference></Dial>",
    ),
    Element(
        "Queue",
        (
            *attrs("url", "method"),
            *attrs("reservationSid", "postWorkActivitySid", standing=_NO_TASKROUTER),
        ),
        within="Dial",
        example="<Dial><Queue>support</Queue></Dial>",
    ),
    Element(
        "Enqueue",
        (
            *attrs("action", "method", "maxQueueSize", "waitUrl", "waitUrlMethod"),
            Attr("workflowSid", _NO_TASKROUTER),
        ),
        differs("the hold music is our own"),
        example="<Enqueue>support</Enqueue>",
    ),
    Element("Leave", standing=differs("in what a queue's waitUrl answers; elsewhere left out with a warning (12200)"),
            example="<Leave/>"),
    Element("Task", standing=_NO_TASKROUTER, within="Enqueue", runs=False),
)  # fmt: skip
