"""Applications, caller ids and numbers to be had → Twilio's JSON."""

from __future__ import annotations

from cloud import numbering
from cloud.api.render import Json, date
from cloud.api.urls import VERSION, record_uri
from cloud.store.records import ApplicationRecord, CallerIdRecord
from telecore.model import Service


def application(record: ApplicationRecord) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "friendly_name": record.friendly_name,
        "voice_url": record.voice.url,
        "voice_method": record.voice.method,
        "voice_fallback_url": record.voice_fallback.url,
        "voice_fallback_method": record.voice_fallback.method,
        "voice_caller_id_lookup": False,
        "status_callback": record.status_callback.url,
        "status_callback_method": record.status_callback.method,
        "sms_url": record.sms.url,
        "sms_method": record.sms.method,
        "sms_fallback_url": record.sms_fallback.url,
        "sms_fallback_method": record.sms_fallback.method,
        "sms_status_callback": record.sms_status_callback,
        "message_status_callback": record.message_status_callback,
        "public_application_connect_enabled": record.public,
        "api_version": VERSION,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": record_uri(record.account, "Applications", record.sid),
    }


def caller_id(record: CallerIdRecord) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "friendly_name": record.friendly_name,
        "phone_number": record.number,
        "date_created": date(record.created_at),
        "date_updated": date(record.updated_at),
        "uri": record_uri(record.account, "OutgoingCallerIds", record.sid),
    }


def available(number: str, offers: frozenset[Service]) -> Json:
    """A number that may be taken. Where a SIM lives nobody knows; its capabilities have keys of their own here."""
    known = numbering.look_up(number)
    nowhere = dict.fromkeys(("lata", "locality", "rate_center", "latitude", "longitude", "region", "postal_code"))
    return {
        "friendly_name": known.national or number,
        "phone_number": number,
        **nowhere,
        "iso_country": known.country or None,
        "address_requirements": "none",
        "beta": False,
        "capabilities": {"voice": Service.VOICE in offers, "SMS": Service.SMS in offers, "MMS": False, "fax": False},
    }
