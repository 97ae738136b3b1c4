"""AvailablePhoneNumbers: what nobody has."""

from __future__ import annotations

from cloud.api.description.model import Answer, Endpoint, Family, Json, Params, differs, one, page
from cloud.api.description.words import a_flag, a_map, a_text, a_uri, a_word, flag, ignored, nothing, text

SCHEMAS: dict[str, Json] = {
    "available_country": {
        "country_code": a_text(),
        "country": a_text(),
        "beta": a_flag(),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
    "available_phone_number": {
        "friendly_name": a_text(),
        "phone_number": a_text(),
        **dict.fromkeys(
            ("lata", "locality", "rate_center", "latitude", "longitude", "region", "postal_code"), nothing()
        ),
        "iso_country": a_text(null=True),
        "address_requirements": a_word("none"),
        "beta": a_flag(),
        "capabilities": a_map(),
    },
}

_NOWHERE = differs("finds nothing: where a SIM lives nobody knows")
_NONE = differs("finds nothing: no SIM here does that")
FILTERS: Params = (
    text("AreaCode", differs("of any country: how the national number begins")),
    text("Contains"),
    flag("VoiceEnabled"),
    flag("SmsEnabled"),
    flag("MmsEnabled", standing=_NONE),
    flag("FaxEnabled", standing=_NONE),
    *(
        text(name, _NOWHERE)
        for name in ("InPostalCode", "InRegion", "InRateCenter", "InLata", "InLocality", "NearNumber", "NearLatLong")
    ),
    *ignored(
        "ExcludeAllAddressRequired", "ExcludeLocalAddressRequired", "ExcludeForeignAddressRequired", "Beta", "Distance"
    ),
)  # fmt: skip
_LIST = page("available_phone_numbers", "available_phone_number")
_OF_SIMS = differs("those of your SIMs and trunks, or your parent's, that nobody has")
_EXAMPLES = ({"VoiceEnabled": "true", "SmsEnabled": "true"},)

FAMILY = Family(
    "AvailablePhoneNumbers",
    (
        Endpoint(
            "GET", "available_countries", "Countries in which there are SIMs of yours.",
            Answer("whole", "available_country", "countries"), standing=_OF_SIMS,
        ),
        Endpoint("GET", "available_country", "One country.", one("available_country")),
        Endpoint("GET", "available_local", "Local numbers.", _LIST, FILTERS, standing=_OF_SIMS, examples=_EXAMPLES),
        Endpoint("GET", "available_mobile", "Mobile numbers.", _LIST, FILTERS, standing=_OF_SIMS, examples=_EXAMPLES),
        Endpoint(
            "GET", "available_toll_free", "Toll-free numbers.", _LIST, FILTERS, standing=_OF_SIMS, examples=_EXAMPLES
        ),
    ),
)  # fmt: skip
