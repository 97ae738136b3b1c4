"""What may be asked of channels, read from a form or a JSON object. Whatever is wrong names its field."""

from __future__ import annotations

import re

from cloud.api.forms import Form
from cloud.web.http import Pairs, Request
from telecore.commands import CancelUssd, ReadBalance, RequestUssd, RestartChannel, RunSelfTest, SetSimHealth, TopUp
from telecore.errors import InvalidRequest
from telecore.ids import ChannelId
from telecore.sim_health import HealthState

JSON = "application/json"
MAX_USSD = 182
"""Characters of seven bits that fit into a USSD string (23.038 §6.1.2.3)."""
MAX_NOTE = 300
HELD = (
    HealthState.HEALTHY,
    HealthState.PROBATION,
    HealthState.DEGRADED,
    HealthState.COOLDOWN,
    HealthState.SUSPECT_BLOCKED,
    HealthState.EXHAUSTED,
    HealthState.RETIRED,
)
"""What a person may say of a SIM; the other states are the card's or the network's to tell."""
GIVE_BACK = "auto"
_VOUCHER = re.compile(r"[0-9A-Za-z]{4,32}")
_CHANNEL = re.compile(r"[a-z0-9-]{1,63}/[a-z0-9-]{1,63}(?:/[0-9]{1,4})?")


def params_of(request: Request) -> Pairs:
    """The parameters of a form, or the members of a JSON object. Raises InvalidRequest."""
    if not request.body or request.content_type != JSON:
        return request.params()
    members = request.json()
    for name, value in members.items():
        if not isinstance(value, str | int | bool):
            raise InvalidRequest(f"'{name[:40]}' must be text, a whole number, or true or false", field=name)
    return tuple((name, _text(value)) for name, value in members.items())


def _text(value: str | int | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def ussd(channel: ChannelId, form: Form) -> RequestUssd:
    """``code``: what to dial, or the reply within a menu. Raises InvalidRequest."""
    code = form.text("code")
    if not code.strip() or len(code) > MAX_USSD or not code.isprintable():
        raise InvalidRequest(f"'code' must be 1 to {MAX_USSD} printable characters", field="code")
    return RequestUssd(channel=channel, code=code)


def cancel_ussd(channel: ChannelId, form: Form) -> CancelUssd:
    return CancelUssd(channel=channel)


def balance(channel: ChannelId, form: Form) -> ReadBalance:
    return ReadBalance(channel=channel)


def top_up(channel: ChannelId, form: Form) -> TopUp:
    """``voucher``; spaces and hyphens that are printed between its digits do not count. Raises InvalidRequest."""
    voucher = re.sub(r"[\s-]", "", form.text("voucher"))
    if not _VOUCHER.fullmatch(voucher):
        raise InvalidRequest("'voucher' must be 4 to 32 digits or letters", field="voucher")
    return TopUp(channel=channel, voucher=voucher)


def self_test(channel: ChannelId, form: Form) -> RunSelfTest:
    """``receiver``: another channel of the same edge; ``sms`` and ``call``: what to try. Raises InvalidRequest."""
    receiver = form.text("receiver")
    if not _CHANNEL.fullmatch(receiver):
        raise InvalidRequest("'receiver' must name a channel, such as site-1/modem2", field="receiver")
    if receiver == channel or receiver.partition("/")[0] != channel.partition("/")[0]:
        raise InvalidRequest("'receiver' must be another channel of the same edge", field="receiver")
    sms, call = form.boolean("sms", default=True), form.boolean("call", default=True)
    if not sms and not call:
        raise InvalidRequest("One of 'sms' and 'call' must be true", field="sms")
    return RunSelfTest(channel=channel, receiver=ChannelId(receiver), sms=sms, call=call)


def health(channel: ChannelId, form: Form) -> SetSimHealth:
    """``state``: how to hold the SIM, or ``auto`` to give it back; ``note``: why. Raises InvalidRequest."""
    if not form.text("state"):
        raise InvalidRequest("'state' is required", field="state")
    state = form.word("state", [*(state.value for state in HELD), GIVE_BACK])
    note = form.text("note").strip()
    if len(note) > MAX_NOTE:
        raise InvalidRequest(f"'note' may have up to {MAX_NOTE} characters", field="note")
    return SetSimHealth(channel=channel, state=None if state == GIVE_BACK else HealthState(state), note=note)


def restart(channel: ChannelId, form: Form) -> RestartChannel:
    return RestartChannel(channel=channel)
