"""What may be asked of applications, read from parameters."""

from __future__ import annotations

from cloud.api.forms import Form
from cloud.api.number_forms import BAD_CALLBACK, HOOKS, hook_changes
from cloud.store.records import ApplicationRecord

CALLBACKS = {
    "sms_status_callback": "SmsStatusCallback",
    "message_status_callback": "MessageStatusCallback",
}


def application_changes(form: Form, record: ApplicationRecord | None) -> dict[str, object]:
    """Fields to set, by name. What is not given stays; an empty URL clears. Raises InvalidRequest."""
    changes = hook_changes(form, HOOKS, record)
    for name, parameter in CALLBACKS.items():
        if form.given(parameter):
            changes[name] = form.url(parameter, code=BAD_CALLBACK)
    if form.given("FriendlyName"):
        changes["friendly_name"] = form.friendly_name()
    if form.given("PublicApplicationConnectEnabled"):
        changes["public"] = form.boolean("PublicApplicationConnectEnabled")
    return changes
