"""API keys, and second tokens of accounts."""

from __future__ import annotations

from cloud.api.description.model import NOTHING, Endpoint, Family, Json, Standing, differs, one, page
from cloud.api.description.words import a_date, a_sid, a_text, an_iso, ignored, text

_KEY: Json = {"sid": a_sid("SK"), "friendly_name": a_text(), "date_created": a_date(), "date_updated": a_date()}
_TOKEN: Json = {"account_sid": a_sid("AC"), "date_created": an_iso(), "date_updated": an_iso(), "url": a_text()}
SCHEMAS: dict[str, Json] = {
    "key": _KEY,
    "new_key": {**_KEY, "secret": a_text()},
    "secondary_token": {**_TOKEN, "secondary_auth_token": a_text()},
    "promoted_token": {**_TOKEN, "auth_token": a_text()},
}
MAX_NAME = 64
_QUIET = ignored("SuppressEmailNotification", how="ignored: nobody is written to")
_ONE_THING = differs("Keys and SigningKeys are one thing: a key of either is in both lists")


def _keys(name: str, standing: Standing) -> tuple[Endpoint, ...]:
    only, named = name.removesuffix("s"), (text("FriendlyName", upto=MAX_NAME),)
    return (
        Endpoint(
            "POST", name, "Make a key; its secret is told here only.", one("new_key"), named, 201, standing,
            {"FriendlyName": "robot"},
        ),
        Endpoint("GET", name, "List keys.", page(name, "key"), standing=standing),
        Endpoint("GET", only, "One key.", one("key"), standing=standing),
        Endpoint("POST", only, "Rename it.", one("key"), named, standing=standing, example={"FriendlyName": "robot"}),
        Endpoint("DELETE", only, "Revoke it, at once.", NOTHING, status=204, standing=standing),
    )  # fmt: skip


FAMILY = Family("Keys and SigningKeys", _keys("keys", _ONE_THING) + _keys("signing_keys", _ONE_THING))
TOKENS = Family(
    "AuthTokens",
    (
        Endpoint(
            "POST", "secondary_token", "Make a second token; both open the account.", one("secondary_token"),
            _QUIET, status=201, errors=(409,),
        ),
        Endpoint("POST", "promote_token", "The second becomes the only one.", one("promoted_token"), _QUIET),
        Endpoint("DELETE", "secondary_token", "Delete the second.", NOTHING, _QUIET, 204),
    ),
)  # fmt: skip
