"""Messaging services → Twilio's JSON of version 1: dates in ISO 8601, whole URLs."""

from __future__ import annotations

from cloud.api.messaging_forms import USECASES
from cloud.api.render import iso
from cloud.api.urls import PATHS
from cloud.store.records import MessagingServiceRecord, NumberRecord, ServiceNumberRecord
from telecore.model import Service

Json = dict[str, object]

_PARTS = {
    "phone_numbers": "PhoneNumbers",
    "short_codes": "ShortCodes",
    "alpha_senders": "AlphaSenders",
}
_WORDS = {Service.SMS: "SMS", Service.VOICE: "Voice"}


def service(public_url: str, record: MessagingServiceRecord) -> Json:
    url = f"{public_url}{PATHS['messaging_services']}/{record.sid}"
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "friendly_name": record.friendly_name,
        "inbound_request_url": record.inbound.url or None,
        "inbound_method": record.inbound.method,
        "fallback_url": record.fallback.url or None,
        "fallback_method": record.fallback.method,
        "status_callback": record.status_callback or None,
        "sticky_sender": record.sticky_sender,
        "smart_encoding": record.smart_encoding,
        "area_code_geomatch": record.area_code_geomatch,
        "use_inbound_webhook_on_number": record.use_inbound_webhook_on_number,
        "validity_period": record.validity_s,
        "usecase": record.usecase,
        "mms_converter": record.mms_converter,
        "fallback_to_long_code": record.fallback_to_long_code,
        "synchronous_validation": record.synchronous_validation,
        "scan_message_content": record.scan_message_content,
        "us_app_to_person_registered": False,
        "stop_reply": record.stop_reply,
        "start_reply": record.start_reply,
        "help_reply": record.help_reply,
        "date_created": iso(record.created_at),
        "date_updated": iso(record.updated_at),
        "url": url,
        "links": {name: f"{url}/{path}" for name, path in _PARTS.items()},
    }


def number(
    public_url: str,
    record: ServiceNumberRecord,
    number: NumberRecord,
    country: str,
    offers: frozenset[Service] | None,
) -> Json:
    """``offers``: what its channel can do, None when it is in none."""
    words = [_WORDS[found] for found in _WORDS if offers is None or found in offers]
    return {
        "sid": record.number,
        "account_sid": record.account,
        "service_sid": record.service,
        "phone_number": number.number,
        "country_code": country,
        "capabilities": words,
        "date_created": iso(record.created_at),
        "date_updated": iso(record.updated_at),
        "url": f"{public_url}{PATHS['messaging_services']}/{record.service}/PhoneNumbers/{record.number}",
    }


def usecases() -> list[Json]:
    """What a service may be for. It is kept and changes nothing."""
    return [{"usecase": word, "friendly_name": word.capitalize(), "purpose": ""} for word in USECASES]
