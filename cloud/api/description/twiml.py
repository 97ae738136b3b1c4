"""TwiML: each verb, noun and attribute of Twilio's, and how it stands here."""

from __future__ import annotations

from cloud.api.description.model import differs, impossible
from cloud.api.description.speech_markup import SPEECH_MARKUP
from cloud.api.description.twiml_model import Attr, Element, attrs, unread
from cloud.api.description.twiml_rooms import ROOMS
from cloud.api.description.twiml_streams import STREAMS

_NO_EFFECT = differs("no effect; a warning says so")
_SILENT = differs("ignored: it changes nothing that can be heard")
_NOT_OFFERED = differs("not offered: the document is refused (12200) and the fallback URL asked")
_CALLBACK = ("recordingStatusCallback", "recordingStatusCallbackMethod", "recordingStatusCallbackEvent")
_STATUS = ("statusCallback", "statusCallbackMethod", "statusCallbackEvent")
_AMD = (
    "machineDetection", "machineDetectionTimeout", "machineDetectionSpeechThreshold",
    "machineDetectionSpeechEndThreshold",
    "machineDetectionSilenceTimeout", "amdStatusCallback", "amdStatusCallbackMethod",
)  # fmt: skip
_SPEECH = differs("speech where cloud.yaml names a recogniser of the language; else a note (13335), and only keys")

VOICE: tuple[Element, ...] = (
    Element("Say", attrs("voice", "language", "loop")),
    Element("Play", attrs("loop", "digits"), example="<Play>https://app.example/a.wav</Play>"),
    Element("Pause", attrs("length"), example="<Pause/>"),
    Element(
        "Gather",
        (
            Attr("input", _SPEECH),
            *attrs("action", "method", "timeout", "finishOnKey", "numDigits", "actionOnEmptyResult", "bargeIn"),
            *attrs(
                "speechTimeout", "maxSpeechTime", "hints", "partialResultCallback", "partialResultCallbackMethod",
                "language", standing=_SPEECH,
            ),
            *attrs("speechModel", "enhanced", "profanityFilter", standing=_NO_EFFECT),
            *attrs("debug", standing=_SILENT),
        ),
        example="<Gather><Say>text</Say></Gather>",
    ),
    Element(
        "Record",
        (
            *attrs("action", "method", "timeout", "finishOnKey", "maxLength", "playBeep", "trim", *_CALLBACK),
            *attrs(
                "transcribe", "transcribeCallback",
                standing=differs("where cloud.yaml names a recogniser; else it fails, and a note says so"),
            ),
            Attr("recordingTrack", differs("inbound only; a warning says so of another")),
            Attr("recordingConfigurationId", _NO_EFFECT),
        ),
        example="<Record/>",
    ),
    Element(
        "Dial",
        (
            *attrs(
                "action", "method", "timeout", "timeLimit", "answerOnBridge", "hangupOnStar", "record", "trim",
                "recordingTrack", "ringTone", "sequential", *_CALLBACK,
            ),
            Attr("callerId", differs("a number of one of your SIMs: it chooses the SIM")),
            *attrs("referUrl", "referMethod", standing=impossible("a SIM's call cannot be referred; warned of")),
            Attr("recordingConfigurationId", _NO_EFFECT),
            *unread(_SILENT, "events", "passports"),
        ),
        example="<Dial>+85512000001</Dial>",
    ),
    Element(
        "Number",
        (
            *attrs("url", "method", "sendDigits", *_STATUS, *_AMD),
            *unread(impossible("a SIM has the carrier it has"), "byoc", "phoneNumberType"),
        ),
        within="Dial",
        example="<Dial><Number>+85512000001</Number></Dial>",
    ),
    Element(
        "Sip",
        (
            *attrs("url", "method", "sendDigits", "username", "password", *_STATUS, *_AMD),
        ),
        differs("to domains that a trunk of an edge reaches"),
        within="Dial",
        example="<Dial><Sip>sip:ann@example.com</Sip></Dial>",
    ),
    *ROOMS,
    *STREAMS,
    Element(
        "Client", attrs("url", "method", *_STATUS),
        differs("a browser with an access token of ours, at /client or in a page of yours"), within="Dial",
        example="<Dial><Client>ann</Client></Dial>",
    ),
    Element(
        "Identity", within="Client",
        example="<Dial><Client><Identity>ann</Identity></Client></Dial>",
    ),
    Element(
        "Parameter", attrs("name", "value"), within="Client",
        example='<Dial><Client><Identity>ann</Identity><Parameter name="a" value="b"/></Client></Dial>',
    ),
    Element(
        "Sms", attrs("to", "from", "action", "method", "statusCallback"),
        example='<Sms to="+85512000001">text</Sms>',
    ),
    Element("Redirect", attrs("method"), example="<Redirect>https://app.example/next</Redirect>"),
    Element("Reject", attrs("reason"), example="<Reject/>"),
    Element(
        "Refer", attrs("action", "method"),
        differs("of calls that come or go by SIP, blind; a modem's call cannot be, and a warning says so (12200)"),
        example="<Refer><Sip>sip:ann@example.com</Sip></Refer>",
    ),
    Element("Hangup", example="<Hangup/>"),
    *SPEECH_MARKUP,
    *(
        Element(name, standing=_NOT_OFFERED, within="Dial", runs=False)
        for name in ("Application",)
    ),
    Element("Sim", standing=impossible("SIMs of Twilio's own network"), within="Dial", runs=False),
    Element("WhatsApp", standing=impossible("calls over WhatsApp"), within="Dial", runs=False),
    *(
        Element(name, standing=_NOT_OFFERED, runs=False)
        for name in ("Echo",)
    ),
    Element("Pay", standing=impossible("payment cards, which need a certified processor"), runs=False),
    Element("Prompt", standing=impossible("part of Pay"), runs=False),
)  # fmt: skip

MESSAGING: tuple[Element, ...] = (
    Element(
        "Message", attrs("to", "from", "action", "method", "statusCallback"),
        example='<Message to="+85512000001">text</Message>', messaging=True,
    ),
    Element(
        "Sms", attrs("to", "from", "action", "method", "statusCallback"), example="<Sms>text</Sms>", messaging=True,
    ),
    Element("Body", within="Message", messaging=True),
    Element(
        "Media", standing=impossible("a SIM sends no MMS", 21620), within="Message", runs=False, messaging=True
    ),
    Element("Redirect", attrs("method"), example="<Redirect>https://app.example/next</Redirect>", messaging=True),
)  # fmt: skip

UNKNOWN: dict[str, str] = {
    "Config": "within <VirtualAgent>",
    "Language": "within <ConversationRelay>",
    "ApplicationSid": "within <Application>",
    "Header": "within <Headers>", "Headers": "within <Sip>", "Uri": "within <Sip>",
}  # fmt: skip
"""Elements that stand in others that are not offered."""

ELEMENTS = VOICE + MESSAGING
