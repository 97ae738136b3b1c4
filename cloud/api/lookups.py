"""Lookup: what a number's digits tell by its country's numbering plan. Nobody is asked, and nothing is pretended."""

from __future__ import annotations

from cloud import numbering
from cloud.api.asks import Ask, signed_in
from cloud.api.forms import Form, plain_number
from cloud.api.render import Json
from cloud.api.urls import PATHS
from cloud.numbering import Numbered
from cloud.web.auth import Authenticator
from cloud.web.http import Response, Route, json_response
from telecore.errors import InvalidRequest

NOTHING_KNOWN = 60600
"""No information returned on the requested phone number."""
MALFORMED = 60618

_PACKAGES: dict[str, tuple[str, ...]] = {
    "caller_name": ("caller_name", "caller_type"),
    "sim_swap": ("last_sim_swap", "carrier_name", "mobile_country_code", "mobile_network_code"),
    "call_forwarding": ("call_forwarding_enabled",),
    "line_status": ("status",),
    "identity_match": ("summary_score",),
    "reassigned_number": ("last_verified_date", "is_number_reassigned"),
    "sms_pumping_risk": ("sms_pumping_risk_score", "carrier_risk_category"),
    "phone_number_quality_score": ("score",),
    "pre_fill": ("first_name",),
}
"""What only networks and registries know → its fields, all of which are null here."""
_LINE = "line_type_intelligence"
_ALSO = frozenset({"validation", _LINE})
_TYPES = ("carrier", "caller-name")


class LookupsApi:
    def __init__(self, auth: Authenticator, public_url: str) -> None:
        self._auth = auth
        self._url = public_url.rstrip("/")

    def routes(self) -> list[Route]:
        return [
            Route("GET", PATHS["lookup"], signed_in(self._auth, self.fetch)),
            Route("GET", PATHS["lookup_v1"], signed_in(self._auth, self.fetch_v1)),
        ]

    async def fetch(self, ask: Ask) -> Response:
        """Of a number that is none too: why it is none."""
        fields = _words(ask.form, "Fields")
        unknown = [word for word in fields if word not in _PACKAGES and word not in _ALSO]
        if unknown:
            raise InvalidRequest(f"'Fields' {unknown[0][:40]} is not known", field="Fields", code=MALFORMED)
        found = _looked_up(ask)
        packages: Json = {
            name: {**dict.fromkeys(parts), "error_code": NOTHING_KNOWN} if name in fields else None
            for name, parts in _PACKAGES.items()
        }
        return json_response(
            {
                "calling_country_code": found.calling_code or None,
                "country_code": found.country or None,
                "phone_number": found.e164,
                "national_format": found.national or None,
                "valid": found.valid,
                "validation_errors": list(found.faults),
                **packages,
                _LINE: _line(found) if _LINE in fields else None,
                "url": f"{self._url}{ask.path}",
            }
        )

    async def fetch_v1(self, ask: Ask) -> Response:
        """Version 1 knows valid numbers only. Raises NotFound."""
        types = _words(ask.form, "Type")
        unknown = [word for word in types if word not in _TYPES]
        if unknown:
            raise InvalidRequest(f"'Type' {unknown[0][:40]} is not one of {', '.join(_TYPES)}", field="Type")
        found = _looked_up(ask)
        if not found.valid:
            raise ask.missing()
        line, nobody = _line(found), {"caller_name": None, "caller_type": None, "error_code": NOTHING_KNOWN}
        carrier = {
            "mobile_country_code": None,
            "mobile_network_code": None,
            "name": line["carrier_name"],
            "type": line["type"],
            "error_code": line["error_code"],
        }
        return json_response(
            {
                "caller_name": nobody if "caller-name" in types else None,
                "country_code": found.country or None,
                "phone_number": found.e164,
                "national_format": found.national,
                "carrier": carrier if "carrier" in types else None,
                "add_ons": None,
                "url": f"{self._url}{ask.path}",
            }
        )


def _looked_up(ask: Ask) -> Numbered:
    """Raises InvalidRequest."""
    country = ask.form.text("CountryCode").upper()
    if country and not numbering.is_country(country):
        message = f"'CountryCode' {country[:10]} is not a country's two letters (ISO 3166)"
        raise InvalidRequest(message, field="CountryCode", code=MALFORMED)
    return numbering.look_up(plain_number(ask.fields["number"]), country)


def _line(found: Numbered) -> Json:
    """By the plan: the kind of line, and the operator whom the range was given to."""
    operator = numbering.operator_of(found.e164) if found.valid else ""
    return {
        "mobile_country_code": None,
        "mobile_network_code": None,
        "carrier_name": operator or None,
        "type": found.line or None if found.valid else None,
        "error_code": None if found.valid and found.line else NOTHING_KNOWN,
    }


def _words(form: Form, name: str) -> tuple[str, ...]:
    return tuple(word for value in form.many(name) for word in value.lower().split(",") if word)
