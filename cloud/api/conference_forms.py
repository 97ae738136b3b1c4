"""What may be asked of conferences and who is in them, read from parameters."""

from __future__ import annotations

from xml.sax.saxutils import escape, quoteattr

from cloud.api.call_forms import events, new_call
from cloud.api.forms import Form
from cloud.services.conference_desk import UpdateConference, UpdateParticipant
from cloud.services.requests import NewCall
from cloud.store.conferences import ConferenceFilter
from cloud.store.participants import ParticipantFilter
from cloud.store.records import Hook
from cloud.web.http import Pairs
from telecore.errors import InvalidRequest
from telecore.stays import MAX_PARTICIPANTS, ConferenceSpec
from telecore.twiml.verbs.conference import EVENTS, LABEL_RULE, MAX_NAME, is_label

BAD_URL, BAD_METHOD, BAD_LABEL = 21205, 21209, 16024
STATUSES = ("init", "in-progress", "completed")
BEEPS = ("true", "false", "onEnter", "onExit")
RECORDS = ("true", "false", "record-from-start", "do-not-record")
RECORDING_EVENTS = ("in-progress", "completed", "absent")
_OF_DOCUMENT = frozenset({"Url", "Method", "Twiml", "ApplicationSid"})


def conference_filter(form: Form) -> ConferenceFilter:
    return ConferenceFilter(
        name=form.text("FriendlyName") or None,
        status=form.word("Status", STATUSES) or None,
        created=form.between("DateCreated"),
        updated=form.between("DateUpdated"),
    )


def participant_filter(form: Form) -> ParticipantFilter:
    return ParticipantFilter(_maybe(form, "Muted"), _maybe(form, "Hold"), _maybe(form, "Coaching"))


def update_conference(form: Form) -> UpdateConference:
    """Raises InvalidRequest."""
    completed = form.word("Status", ("completed",)) == "completed"
    return UpdateConference(completed, _hook(form, "Announce"))


def update_participant(form: Form) -> UpdateParticipant:
    """Raises InvalidRequest."""
    coach = form.text("CallSidToCoach")
    if _maybe(form, "Coaching") and form.given("CallSidToCoach") and not coach:
        raise InvalidRequest("'CallSidToCoach' names nobody", field="CallSidToCoach")
    return UpdateParticipant(
        muted=_maybe(form, "Muted"),
        hold=_maybe(form, "Hold"),
        hold_hook=_hook(form, "Hold", silence=True),
        wait_hook=_hook(form, "Wait", silence=True),
        announce=_hook(form, "Announce"),
        beep_on_exit=_maybe(form, "BeepOnExit"),
        end_on_exit=_maybe(form, "EndConferenceOnExit"),
        coaching=_maybe(form, "Coaching"),
        coach=coach or None,
    )


def new_participant(form: Form, pairs: Pairs, name: str) -> tuple[ConferenceSpec, NewCall]:
    """Who is to be called, and how he is to be in the conference of this name. Raises InvalidRequest."""
    spec = _spec(form, name)
    own = tuple(pair for pair in pairs if pair[0] not in _OF_DOCUMENT)
    return spec, new_call(Form((*own, ("Twiml", document_of(spec)))))


def document_of(spec: ConferenceSpec) -> str:
    """The TwiML of somebody who is called into a conference."""
    attributes = {
        "muted": spec.muted,
        "beep": spec.beep,
        "startConferenceOnEnter": spec.start_on_enter,
        "endConferenceOnExit": spec.end_on_exit,
        "waitUrl": spec.wait_url,
        "waitMethod": spec.wait_method,
        "maxParticipants": spec.max_participants,
        "record": "record-from-start" if spec.record else "do-not-record",
        "trim": "trim-silence" if spec.trim_silence else "do-not-trim",
        "coach": spec.coach or None,
        "participantLabel": spec.label or None,
        "statusCallback": spec.status_callback or None,
        "statusCallbackMethod": spec.status_callback_method,
        "statusCallbackEvent": " ".join(spec.status_callback_events) or None,
        "recordingStatusCallback": spec.recording_status_callback or None,
        "recordingStatusCallbackMethod": spec.recording_status_callback_method,
        "recordingStatusCallbackEvent": " ".join(spec.recording_status_callback_events),
    }
    written = "".join(f" {name}={quoteattr(_text(value))}" for name, value in attributes.items() if value is not None)
    return f"<Response><Dial><Conference{written}>{escape(spec.name)}</Conference></Dial></Response>"


def _spec(form: Form, name: str) -> ConferenceSpec:
    coach = form.text("CallSidToCoach")
    if form.boolean("Coaching") and not coach:
        raise InvalidRequest("'CallSidToCoach' is required for Coaching", field="CallSidToCoach")
    return ConferenceSpec(
        name=_name(name),
        muted=form.boolean("Muted"),
        beep=form.word("Beep", BEEPS, "true"),
        start_on_enter=form.boolean("StartConferenceOnEnter", True),
        end_on_exit=form.boolean("EndConferenceOnExit"),
        wait_url=form.url("WaitUrl", code=BAD_URL) if form.given("WaitUrl") else None,
        wait_method=form.method("WaitMethod", code=BAD_METHOD),
        max_participants=form.integer("MaxParticipants", MAX_PARTICIPANTS, 2, MAX_PARTICIPANTS),
        record=form.word("ConferenceRecord", RECORDS, "do-not-record") in ("true", "record-from-start"),
        trim_silence=form.word("ConferenceTrim", ("trim-silence", "do-not-trim"), "trim-silence") == "trim-silence",
        coach=coach,
        label=_label(form),
        status_callback=form.url("ConferenceStatusCallback", code=21502),
        status_callback_method=form.method("ConferenceStatusCallbackMethod", code=BAD_METHOD),
        status_callback_events=events(form, "ConferenceStatusCallbackEvent", EVENTS, ("start", "end")),
        recording_status_callback=form.url("ConferenceRecordingStatusCallback", code=21502),
        recording_status_callback_method=form.method("ConferenceRecordingStatusCallbackMethod", code=BAD_METHOD),
        recording_status_callback_events=events(form, "ConferenceRecordingStatusCallbackEvent", RECORDING_EVENTS),
    )


def _name(name: str) -> str:
    stripped = name.strip()
    if not stripped or len(stripped) > MAX_NAME or not stripped.isprintable():
        raise InvalidRequest(f"A conference's name has 1 to {MAX_NAME} printable characters", field="FriendlyName")
    return stripped


def _label(form: Form) -> str:
    label = form.text("Label").strip()
    if not is_label(label):
        raise InvalidRequest(f"'Label' has {LABEL_RULE}", field="Label", code=BAD_LABEL)
    return label


def _maybe(form: Form, name: str) -> bool | None:
    return form.boolean(name) if form.text(name) else None


def _hook(form: Form, name: str, *, silence: bool = False) -> Hook | None:
    """``NameUrl`` and ``NameMethod``. With ``silence`` an empty URL is a value of its own."""
    url = form.url(f"{name}Url", code=BAD_URL)
    method = form.method(f"{name}Method", code=BAD_METHOD)
    return Hook(url, method) if url or (silence and form.given(f"{name}Url")) else None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
