"""Verify → Twilio's JSON of version 2. The code itself is in none of it."""

from __future__ import annotations

from cloud.api.render import iso
from cloud.api.urls import PATHS
from cloud.services.verify import Sent
from cloud.store.records import AttemptRecord, BucketRecord, RateLimitRecord, VerificationRecord, VerifyServiceRecord

Json = dict[str, object]

_PARTS = {
    "verifications": "Verifications",
    "verification_checks": "VerificationCheck",
    "rate_limits": "RateLimits",
}


def _of_service(public_url: str, sid: str) -> str:
    return f"{public_url}{PATHS['verify_services']}/{sid}"


def service(public_url: str, record: VerifyServiceRecord) -> Json:
    url = _of_service(public_url, record.sid)
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "friendly_name": record.friendly_name,
        "code_length": record.code_length,
        "lookup_enabled": record.lookup_enabled,
        "psd2_enabled": record.psd2_enabled,
        "skip_sms_to_landlines": record.skip_sms_to_landlines,
        "dtmf_input_required": record.dtmf_input_required,
        "tts_name": record.tts_name or None,
        "do_not_share_warning_enabled": record.do_not_share_warning_enabled,
        "custom_code_enabled": record.custom_code_enabled,
        "push": None,
        "totp": None,
        "whatsapp": None,
        "passkeys": None,
        "default_template_sid": None,
        "verify_event_subscription_enabled": False,
        "date_created": iso(record.created_at),
        "date_updated": iso(record.updated_at),
        "url": url,
        "links": {name: f"{url}/{path}" for name, path in _PARTS.items()},
    }


def verification(public_url: str, sent: Sent) -> Json:
    record = sent.record
    return {
        **_common(record),
        "lookup": {"carrier": None},
        "send_code_attempts": [
            {"attempt_sid": found.sid, "channel": found.channel, "time": iso(found.created_at)}
            for found in sent.attempts
        ],
        "sna": None,
        "url": f"{_of_service(public_url, record.service)}/Verifications/{record.sid}",
    }


def check(record: VerificationRecord, valid: bool) -> Json:
    return {**_common(record), "valid": valid, "sna_attempts_error_codes": []}


def _common(record: VerificationRecord) -> Json:
    return {
        "sid": record.sid,
        "service_sid": record.service,
        "account_sid": record.account,
        "to": record.recipient,
        "channel": record.channel,
        "status": record.status,
        "valid": record.status == "approved",
        "amount": record.amount or None,
        "payee": record.payee or None,
        "date_created": iso(record.created_at),
        "date_updated": iso(record.updated_at),
    }


def attempt(public_url: str, record: AttemptRecord) -> Json:
    return {
        "sid": record.sid,
        "account_sid": record.account,
        "service_sid": record.service,
        "verification_sid": record.verification,
        "conversion_status": "converted" if record.converted else "unconverted",
        "channel": record.channel,
        "price": None,
        "channel_data": {"to": record.recipient, "country": record.country, "carrier_sid": record.carrier or None},
        "date_created": iso(record.created_at),
        "date_updated": iso(record.updated_at),
        "url": f"{public_url}{PATHS['verify_attempts']}/{record.sid}",
    }


def summary(public_url: str, total: int, converted: int) -> Json:
    return {
        "total_attempts": total,
        "total_converted": converted,
        "total_unconverted": total - converted,
        "conversion_rate_percentage": f"{100 * converted / total:.2f}" if total else "0.00",
        "url": f"{public_url}{PATHS['verify_summary']}",
    }


def rate_limit(public_url: str, record: RateLimitRecord) -> Json:
    url = f"{_of_service(public_url, record.service)}/RateLimits/{record.sid}"
    return {
        "sid": record.sid,
        "service_sid": record.service,
        "account_sid": record.account,
        "unique_name": record.unique_name,
        "description": record.description,
        "date_created": iso(record.created_at),
        "date_updated": iso(record.updated_at),
        "url": url,
        "links": {"buckets": f"{url}/Buckets"},
    }


def bucket(public_url: str, record: BucketRecord) -> Json:
    return {
        "sid": record.sid,
        "rate_limit_sid": record.rate_limit,
        "service_sid": record.service,
        "account_sid": record.account,
        "max": record.max,
        "interval": record.interval_s,
        "date_created": iso(record.created_at),
        "date_updated": iso(record.updated_at),
        "url": f"{_of_service(public_url, record.service)}/RateLimits/{record.rate_limit}/Buckets/{record.sid}",
    }
