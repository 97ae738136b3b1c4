"""Every path of the API in one table, and the functions that build the URIs of records."""

from __future__ import annotations

from urllib.parse import quote

VERSION = "2010-04-01"
ROOT = f"/{VERSION}/Accounts"
ONE = f"{ROOT}/{{account}}"

SERVICES = "/v1/Services"
VERIFY = "/v2/Services"

PATHS = {
    "accounts": f"{ROOT}.json",
    "account": f"{ONE}.json",
    "calls": f"{ONE}/Calls.json",
    "call": f"{ONE}/Calls/{{sid}}.json",
    "call_recordings": f"{ONE}/Calls/{{call}}/Recordings.json",
    "call_recording": f"{ONE}/Calls/{{call}}/Recordings/{{sid}}.json",
    "call_streams": f"{ONE}/Calls/{{call}}/Streams.json",
    "call_stream": f"{ONE}/Calls/{{call}}/Streams/{{sid}}.json",
    "call_events": f"{ONE}/Calls/{{call}}/Events.json",
    "call_notifications": f"{ONE}/Calls/{{call}}/Notifications.json",
    "call_notification": f"{ONE}/Calls/{{call}}/Notifications/{{sid}}.json",
    "messages": f"{ONE}/Messages.json",
    "message": f"{ONE}/Messages/{{sid}}.json",
    "message_media": f"{ONE}/Messages/{{sid}}/Media.json",
    "message_feedback": f"{ONE}/Messages/{{message}}/Feedback.json",
    "numbers": f"{ONE}/IncomingPhoneNumbers.json",
    "number": f"{ONE}/IncomingPhoneNumbers/{{sid}}.json",
    "numbers_local": f"{ONE}/IncomingPhoneNumbers/Local.json",
    "numbers_mobile": f"{ONE}/IncomingPhoneNumbers/Mobile.json",
    "numbers_toll_free": f"{ONE}/IncomingPhoneNumbers/TollFree.json",
    "recordings": f"{ONE}/Recordings.json",
    "recording": f"{ONE}/Recordings/{{sid}}.json",
    "recording_wav": f"{ONE}/Recordings/{{sid}}.wav",
    "recording_mp3": f"{ONE}/Recordings/{{sid}}.mp3",
    "recording_media": f"{ONE}/Recordings/{{sid:RE[0-9a-f]{{32}}}}",
    "conferences": f"{ONE}/Conferences.json",
    "conference": f"{ONE}/Conferences/{{sid}}.json",
    "participants": f"{ONE}/Conferences/{{conference}}/Participants.json",
    "participant": f"{ONE}/Conferences/{{conference}}/Participants/{{sid}}.json",
    "conference_recordings": f"{ONE}/Conferences/{{conference}}/Recordings.json",
    "conference_recording": f"{ONE}/Conferences/{{conference}}/Recordings/{{sid}}.json",
    "queues": f"{ONE}/Queues.json",
    "queue": f"{ONE}/Queues/{{sid}}.json",
    "members": f"{ONE}/Queues/{{queue}}/Members.json",
    "member": f"{ONE}/Queues/{{queue}}/Members/{{sid}}.json",
    "transcriptions": f"{ONE}/Transcriptions.json",
    "transcription": f"{ONE}/Transcriptions/{{sid}}.json",
    "recording_transcriptions": f"{ONE}/Recordings/{{recording}}/Transcriptions.json",
    "recording_transcription": f"{ONE}/Recordings/{{recording}}/Transcriptions/{{sid}}.json",
    "transcription_plain": f"{ONE}/Recordings/{{recording}}/Transcriptions/{{sid:TR[0-9a-f]{{32}}}}",
    "notifications": f"{ONE}/Notifications.json",
    "notification": f"{ONE}/Notifications/{{sid}}.json",
    "applications": f"{ONE}/Applications.json",
    "application": f"{ONE}/Applications/{{sid}}.json",
    "caller_ids": f"{ONE}/OutgoingCallerIds.json",
    "caller_id": f"{ONE}/OutgoingCallerIds/{{sid}}.json",
    "available_countries": f"{ONE}/AvailablePhoneNumbers.json",
    "available_country": f"{ONE}/AvailablePhoneNumbers/{{country}}.json",
    "available_local": f"{ONE}/AvailablePhoneNumbers/{{country}}/Local.json",
    "available_mobile": f"{ONE}/AvailablePhoneNumbers/{{country}}/Mobile.json",
    "available_toll_free": f"{ONE}/AvailablePhoneNumbers/{{country}}/TollFree.json",
    "keys": f"{ONE}/Keys.json",
    "key": f"{ONE}/Keys/{{sid}}.json",
    "signing_keys": f"{ONE}/SigningKeys.json",
    "signing_key": f"{ONE}/SigningKeys/{{sid}}.json",
    "secondary_token": "/v1/AuthTokens/Secondary",
    "promote_token": "/v1/AuthTokens/Promote",
    "messaging_services": SERVICES,
    "messaging_usecases": f"{SERVICES}/Usecases",
    "messaging_service": f"{SERVICES}/{{sid}}",
    "service_numbers": f"{SERVICES}/{{service}}/PhoneNumbers",
    "service_number": f"{SERVICES}/{{service}}/PhoneNumbers/{{sid}}",
    "service_short_codes": f"{SERVICES}/{{service}}/ShortCodes",
    "service_alpha_senders": f"{SERVICES}/{{service}}/AlphaSenders",
    "verify_services": VERIFY,
    "verify_service": f"{VERIFY}/{{sid}}",
    "verifications": f"{VERIFY}/{{service}}/Verifications",
    "verification": f"{VERIFY}/{{service}}/Verifications/{{sid}}",
    "verification_check": f"{VERIFY}/{{service}}/VerificationCheck",
    "verify_rate_limits": f"{VERIFY}/{{service}}/RateLimits",
    "verify_rate_limit": f"{VERIFY}/{{service}}/RateLimits/{{sid}}",
    "verify_buckets": f"{VERIFY}/{{service}}/RateLimits/{{limit}}/Buckets",
    "verify_bucket": f"{VERIFY}/{{service}}/RateLimits/{{limit}}/Buckets/{{sid}}",
    "verify_attempts": "/v2/Attempts",
    "verify_summary": "/v2/Attempts/Summary",
    "verify_attempt": "/v2/Attempts/{sid}",
    "usage": f"{ONE}/Usage/Records.json",
    "usage_all_time": f"{ONE}/Usage/Records/AllTime.json",
    "usage_daily": f"{ONE}/Usage/Records/Daily.json",
    "usage_last_month": f"{ONE}/Usage/Records/LastMonth.json",
    "usage_monthly": f"{ONE}/Usage/Records/Monthly.json",
    "usage_this_month": f"{ONE}/Usage/Records/ThisMonth.json",
    "usage_today": f"{ONE}/Usage/Records/Today.json",
    "usage_yearly": f"{ONE}/Usage/Records/Yearly.json",
    "usage_yesterday": f"{ONE}/Usage/Records/Yesterday.json",
    "alerts": "/v1/Alerts",
    "alert": "/v1/Alerts/{sid}",
    "lookup": "/v2/PhoneNumbers/{number}",
    "lookup_v1": "/v1/PhoneNumbers/{number}",
    "addresses": f"{ONE}/Addresses.json",
    "short_codes": f"{ONE}/SMS/ShortCodes.json",
    "settings": "/simferry/v1/account",
    "caps": "/simferry/v1/caps",
    "webhooks": "/simferry/v1/webhooks",
    "webhook": "/simferry/v1/webhooks/{sid}",
    "webhook_replay": "/simferry/v1/webhooks/{sid}/replay",
    "media_links": "/simferry/v1/recordings/{sid}/links",
    "enrol": "/edges/enrol",
}
"""Name → path, the pieces of it in braces."""
CHANNELS = "/simferry/v1/channels"
CHANNEL = f"{CHANNELS}/{{edge}}/{{device:[a-z0-9-]+(?:/[0-9]+)?}}"
EDGES = "/simferry/v1/edges"
EDGE = f"{EDGES}/{{edge}}"
RELEASES = "/simferry/v1/releases"
RELEASE = f"{RELEASES}/{{release}}"
TASK = "/simferry/v1/tasks/{sid}"
CLIENTS = "/simferry/v1/clients"
CLIENT_TOKENS = f"{CLIENTS}/{{identity}}/tokens"
CLIENT_SOCKET = "/client/socket"
OPENAPI = "/simferry/v1/openapi.json"


def account_uri(sid: str) -> str:
    return f"{ROOT}/{quote(sid)}.json"


def list_uri(account: str, collection: str) -> str:
    """``list_uri("AC…", "Calls")`` → ``/2010-04-01/Accounts/AC…/Calls.json``."""
    return f"{ROOT}/{quote(account)}/{collection}.json"


def record_uri(account: str, collection: str, sid: str) -> str:
    return f"{ROOT}/{quote(account)}/{collection}/{quote(sid)}.json"


def subresource_uri(account: str, collection: str, sid: str, below: str) -> str:
    return f"{ROOT}/{quote(account)}/{collection}/{quote(sid)}/{below}.json"


def recording_url(public_url: str, account: str, sid: str) -> str:
    """Where the sound of a recording is to be had: absolute, without an extension, as webhooks carry it."""
    return f"{public_url.rstrip('/')}{ROOT}/{quote(account)}/Recordings/{quote(sid)}"
