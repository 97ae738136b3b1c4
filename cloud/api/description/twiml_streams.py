"""TwiML of media streams."""

from __future__ import annotations

from cloud.api.description.model import differs
from cloud.api.description.twiml_model import Attr, Element, attrs, unread

_CONNECT = '<Connect><Stream url="wss://app.example/"/></Connect>'
_PARAMETER = '<Connect><Stream url="wss://app.example/"><Parameter name="k" value="v"/></Stream></Connect>'
_NOT_OFFERED = differs("not offered: the document is refused (12200) and the fallback URL asked")

STREAMS: tuple[Element, ...] = (
    Element("Connect", attrs("action", "method"), example=_CONNECT),
    Element(
        "Start",
        unread(differs("ignored: it changes nothing that can be heard"), "action", "method"),
        example='<Start><Stream url="wss://app.example/"/></Start>',
    ),
    Element("Stop", example='<Stop><Stream name="a"/></Stop>'),
    Element(
        "Stream",
        (
            *attrs("name", "statusCallback", "statusCallbackMethod"),
            Attr("url", differs("wss://; ws:// only to addresses of the operator's own list")),
            Attr("track", differs("of <Start>; <Connect> carries the inbound track, as Twilio's")),
            *attrs("audioFormat", "sampleRate", standing=differs("audio/x-mulaw at 8000 only; others warned of")),
            Attr("connectorName", differs("no connectors; warned of (12200)")),
        ),
        within="Connect",
        example=_CONNECT,
    ),
    Element("Parameter", attrs("name", "value"), within="Stream", example=_PARAMETER),
    Element(
        "Recording",
        (
            *attrs(
                "channels", "track", "trim", "recordingStatusCallback", "recordingStatusCallbackMethod",
                "recordingStatusCallbackEvent",
            ),
            *attrs("recordingConfigurationId", standing=differs("no effect; a warning says so")),
        ),
        within="Start",
        example="<Start><Recording/></Start>",
    ),
    *(
        Element(name, standing=_NOT_OFFERED, within="Connect", runs=False)
        for name in (
            "AiSession", "Autopilot", "Conversation", "ConversationRelay", "ConversationRelaySession", "Room",
            "VirtualAgent",
        )
    ),
    *(
        Element(name, standing=differs("left out; a warning says so (12200)"), within="Start", runs=False)
        for name in ("Siprec", "Transcription")
    ),
)  # fmt: skip
