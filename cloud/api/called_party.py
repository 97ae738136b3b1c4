"""``To`` of a call: a number, a browser, or a SIP URI with whatever answers its far end's challenge."""

from __future__ import annotations

from dataclasses import replace

from cloud.api.forms import Form, recipient
from cloud.services.dial_targets import MAX_IDENTITY, is_identity
from telecore.errors import InvalidRequest, InvalidTwiml
from telecore.ids import CLIENT, Address, is_client
from telecore.sip_target import SipTarget, is_sip, parse_sip_target

MISSING, INVALID = 21201, 21211
CREDENTIALS = 13249


def called_party(form: Form) -> tuple[Address, SipTarget | None]:
    """Raises InvalidRequest."""
    text = form.text("To").strip()
    if not is_sip(text):
        form.refuse(["SipAuthUsername", "SipAuthPassword"], "is for a SIP URI in 'To'")
        if is_client(text):
            return _client(text), None
        return recipient(form, missing=MISSING, invalid=INVALID), None
    user, password = form.text("SipAuthUsername"), form.text("SipAuthPassword")
    if password and not user:
        raise InvalidRequest("'SipAuthPassword' needs a 'SipAuthUsername'.", field="SipAuthUsername", code=CREDENTIALS)
    try:
        target = parse_sip_target(text)
    except InvalidTwiml as error:
        raise InvalidRequest(f"'To': {error.message}", field="To", code=error.code) from error
    return Address(target.uri), replace(target, username=user, password=password)


def _client(text: str) -> Address:
    if not is_identity(text.removeprefix(CLIENT)):
        message = (
            f"'To': {text[:64]} is not client: and an identity of at most {MAX_IDENTITY} characters without spaces"
        )
        raise InvalidRequest(message, field="To", code=INVALID)
    return Address(text)
