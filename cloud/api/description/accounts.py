"""Accounts and subaccounts."""

from __future__ import annotations

from cloud.api.description.model import Endpoint, Family, Json, differs, one, page
from cloud.api.description.words import a_date, a_map, a_sid, a_text, a_uri, a_word, text, word

STATUS = ("active", "suspended", "closed")
MAX_NAME = 64

SCHEMAS: dict[str, Json] = {
    "account": {
        "sid": a_sid("AC"),
        "friendly_name": a_text(),
        "auth_token": a_text(),
        "status": a_word(*STATUS),
        "type": a_word("Trial", "Full"),
        "owner_account_sid": a_sid("AC"),
        "date_created": a_date(),
        "date_updated": a_date(),
        "uri": a_uri(),
        "subresource_uris": a_map(),
    },
}

FAMILY = Family(
    "Accounts",
    (
        Endpoint(
            "GET", "accounts", "The account and its subaccounts.", page("accounts", "account"),
            (text("FriendlyName"), word("Status", *STATUS)),
        ),
        Endpoint(
            "POST", "accounts", "Make a subaccount.", one("account"),
            (text("FriendlyName", upto=MAX_NAME), word("Status", *STATUS, standing=differs("read, and of no effect"))),
            201, example={"FriendlyName": "Ward 4"}, errors=(403,),
        ),
        Endpoint("GET", "account", "One account.", one("account")),
        Endpoint(
            "POST", "account", "Rename, suspend, open or close it.", one("account"),
            (
                text("FriendlyName", upto=MAX_NAME),
                word("Status", *STATUS, standing=differs("of a subaccount only")),
            ),
            example={"FriendlyName": "Clinic"},
        ),
    ),
)  # fmt: skip
