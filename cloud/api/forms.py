"""Parameters → values. Whatever is wrong names its field and carries Twilio's code; unknown fields are ignored."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from cloud.services.urls import InvalidUrl, canonical
from cloud.store.records import Between, Hook
from cloud.web.http import Pairs
from telecore.errors import InvalidRequest
from telecore.ids import Address
from telecore.numbers import is_e164, is_short_code

_SEPARATORS = str.maketrans("", "", " .-()/\u00a0")
_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no", ""})
METHODS = ("GET", "POST")


class Form:
    """The parameters of one request. A field that was given empty counts as absent, unless ``given`` is asked."""

    def __init__(self, pairs: Pairs) -> None:
        self._values: dict[str, list[str]] = {}
        for name, value in pairs:
            self._values.setdefault(name, []).append(value)

    def given(self, name: str) -> bool:
        """Whether the field is there at all, empty or not."""
        return name in self._values

    def text(self, name: str, default: str = "") -> str:
        """The last value given, as Twilio takes it."""
        return self._values.get(name, [default])[-1] or default

    def many(self, name: str) -> tuple[str, ...]:
        """All values of a repeated key; one value may also hold several, separated by spaces."""
        return tuple(word for value in self._values.get(name, []) for word in value.split())

    def integer(self, name: str, default: int, low: int, high: int, *, code: int = 20001) -> int:
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit() and len(text) < 12 and low <= int(text) <= high):
            raise InvalidRequest(f"'{name}' must be a whole number from {low} to {high}", field=name, code=code)
        return int(text)

    def friendly_name(self, default: str = "", most: int = 64) -> str:
        """``FriendlyName``. Raises InvalidRequest 20002 for one that is too long."""
        name = self.text("FriendlyName", default)
        if len(name) > most:
            message = f"'FriendlyName' may have up to {most} characters"
            raise InvalidRequest(message, field="FriendlyName", code=20002)
        return name

    def boolean(self, name: str, default: bool = False) -> bool:
        text = self.text(name).lower()
        if not self.given(name) or text in _TRUE | _FALSE:
            return text in _TRUE if self.given(name) else default
        raise InvalidRequest(f"'{name}' must be true or false", field=name)

    def word(self, name: str, options: Iterable[str], default: str = "", *, code: int = 20001) -> str:
        """One of these words."""
        text = self.text(name, default)
        if text and text not in options:
            raise InvalidRequest(f"'{name}' must be one of {', '.join(options)}", field=name, code=code)
        return text

    def method(self, name: str, default: str = "POST", *, code: int = 21209) -> str:
        text = self.text(name, default).upper()
        if text not in METHODS:
            raise InvalidRequest(f"'{name}' must be GET or POST", field=name, code=code)
        return text

    def url(self, name: str, *, code: int) -> str:
        """An http(s) URL exactly as it was written: it is asked and signed in that form."""
        text = self.text(name).strip()
        try:
            if text:
                canonical(text)
        except InvalidUrl as error:
            raise InvalidRequest(f"'{name}' is not a valid URL: {error.message}", field=name, code=code) from error
        return text

    def number(self, name: str) -> str | None:
        """A number to filter by; None when there is none."""
        return plain_number(self.text(name)) or None

    def hook(self, url: str, method: str, *, url_code: int, method_code: int) -> Hook:
        return Hook(self.url(url, code=url_code), self.method(method, code=method_code))

    def between(self, name: str) -> Between:
        """The span that ``Name``, ``Name>`` (on or after) and ``Name<`` (before) describe together."""
        day = self.moment(name)
        since, before = self.moment(f"{name}>"), self.moment(f"{name}<")
        if day is None:
            return Between(since, before)
        midnight = day.replace(hour=0, minute=0, second=0, microsecond=0)
        return Between(max(filter(None, (midnight, since))), min(filter(None, (midnight + timedelta(days=1), before))))

    def span(self, since: str, before: str) -> Between:
        """The span from one field's moment on and before another's."""
        return Between(self.moment(since), self.moment(before))

    def urgent(self) -> bool:
        """``Priority``, ours: a ``warning`` goes before what is ``normal``, and above quotas."""
        return self.word("Priority", ("normal", "warning"), "normal") == "warning"

    def refuse(self, names: Iterable[str], why: str, *, code: int = 20001) -> None:
        """These would change what the request means and cannot be done: say so rather than leave them out."""
        for name in names:
            if self.text(name):
                raise InvalidRequest(f"'{name}' {why}", field=name, code=code)

    def moment(self, name: str, *, code: int = 20001) -> datetime | None:
        """A day or a moment, ISO 8601; UTC unless it says otherwise."""
        text = self.text(name)
        if not text:
            return None
        try:
            moment = datetime.fromisoformat(text)
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            moment + timedelta(days=1)  # the day it begins must have an end
        except (ValueError, OverflowError) as error:
            raise InvalidRequest(
                f"'{name}' must be YYYY-MM-DD or an ISO 8601 date and time", field=name, code=code
            ) from error
        return moment


def plain_number(text: str) -> str:
    """The number without what people write between its digits. A ``+`` that the form made a space is restored."""
    restored = "+" + text[1:] if text.startswith(" ") and text[1:2].isdigit() else text
    return restored.translate(_SEPARATORS)


def recipient(form: Form, *, missing: int, invalid: int) -> Address:
    """``To``: E.164, or a short code of the SIM's country."""
    text = form.text("To")
    if not text.strip():
        raise InvalidRequest("A 'To' phone number is required.", field="To", code=missing)
    number = plain_number(text)
    if not is_e164(number) and not is_short_code(number):
        raise InvalidRequest(f"The 'To' number {text[:64]} is not a valid phone number.", field="To", code=invalid)
    return Address(number)
