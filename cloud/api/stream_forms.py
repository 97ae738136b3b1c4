"""What may be asked of streams, read from parameters."""

from __future__ import annotations

from cloud.api.forms import Form
from cloud.services.requests import NewStream
from cloud.services.urls import InvalidUrl, canonical_socket
from telecore.errors import InvalidRequest
from telecore.twiml.control import StreamSpec
from telecore.twiml.verbs.stream import BAD_TRACK, BAD_URL, LONGEST_PARAMETER, SCHEME, TRACKS

MOST_PARAMETERS = 99
MISSING_URL, BAD_METHOD, BAD_CALLBACK = 21205, 21209, 21502
LONGEST_NAME = 256


def new_stream(form: Form) -> NewStream:
    """Raises InvalidRequest."""
    name = form.text("Name")
    if len(name) > LONGEST_NAME:
        raise InvalidRequest(f"'Name' may have up to {LONGEST_NAME} characters", field="Name")
    track = form.word("Track", tuple(TRACKS), "inbound_track", code=BAD_TRACK)
    callback = form.hook("StatusCallback", "StatusCallbackMethod", url_code=BAD_CALLBACK, method_code=BAD_METHOD)
    spec = StreamSpec(
        url=_url(form),
        name=name,
        tracks=TRACKS[track],
        parameters=_parameters(form),
        status_callback=callback.url,
        status_callback_method=callback.method,
    )
    return NewStream(spec)


def stop_stream(form: Form) -> None:
    """``Status`` must be there, and can only be ``stopped``. Raises InvalidRequest."""
    if form.word("Status", ("stopped",)) != "stopped":
        raise InvalidRequest("'Status' is required and must be stopped", field="Status")


def _url(form: Form) -> str:
    url = form.text("Url").strip()
    if not url:
        raise InvalidRequest("A 'Url' is required.", field="Url", code=MISSING_URL)
    if not url.lower().startswith(("wss:", "ws:")):
        raise InvalidRequest("'Url' must begin with wss://", field="Url", code=SCHEME)
    try:
        whole = canonical_socket(url)
    except InvalidUrl as error:
        raise InvalidRequest(f"'Url' is not a valid URL: {error.message}", field="Url", code=BAD_URL) from error
    if "?" in whole:
        raise InvalidRequest("'Url' may have no query; use Parameter1.Name", field="Url", code=BAD_URL)
    return whole


def _parameters(form: Form) -> dict[str, str]:
    found: dict[str, str] = {}
    for number in range(1, MOST_PARAMETERS + 1):
        field = f"Parameter{number}"
        name, value = form.text(f"{field}.Name"), form.text(f"{field}.Value")
        if len(name) + len(value) > LONGEST_PARAMETER:
            message = f"'{field}' may have up to {LONGEST_PARAMETER} characters in name and value"
            raise InvalidRequest(message, field=f"{field}.Value")
        if value and not name:
            raise InvalidRequest(f"'{field}.Value' has no name", field=f"{field}.Name")
        if name:
            found[name] = value
    return found
