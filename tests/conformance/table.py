"""Which file of stories tells which of Twilio's endpoints, by their names in PATHS. The runs themselves check it."""

from __future__ import annotations

from tests.conformance.told import words

_NO_CLIENT = "the official clients have no call for it"
_MOBILE = "the numbers of SIMs are mobile ones; that it is refused is told in test_numbers"

TOLD: dict[str, frozenset[tuple[str, str]]] = {
    "test_alerts": words(
        """
        notifications: GET
        notification: GET
        call_notifications: GET
        call_notification: GET
        alerts: GET
        alert: GET
        """
    ),
    "test_calls": words(
        """
        calls: POST GET
        call: GET POST DELETE
        recordings: GET
        recording: GET DELETE
        call_recordings: GET
        """
    ),
    "test_keys_and_accounts": words(
        """
        accounts: GET POST
        account: GET POST
        keys: POST GET
        key: GET POST DELETE
        signing_keys: POST GET
        signing_key: GET POST DELETE
        secondary_token: POST DELETE
        promote_token: POST
        """
    ),
    "test_messages": words(
        """
        messages: POST GET
        message: GET POST DELETE
        message_media: GET
        """
    ),
    "test_numbers": words(
        """
        numbers: GET POST
        number: GET POST DELETE
        numbers_local: GET
        numbers_mobile: GET POST
        numbers_toll_free: GET
        available_country: GET
        available_local: GET
        lookup: GET
        """
    ),
    "test_recordings": words(
        """
        caller_ids: POST GET
        caller_id: GET POST DELETE
        recording_wav: GET
        recording_mp3: GET
        recording_media: GET
        call_recordings: POST
        call_recording: POST GET DELETE
        """
    ),
    "test_resources": words(
        """
        message_feedback: POST
        messaging_services: GET POST
        messaging_usecases: GET
        messaging_service: GET POST DELETE
        service_numbers: GET POST
        service_number: GET DELETE
        service_short_codes: GET POST
        service_alpha_senders: GET POST
        available_countries: GET
        available_mobile: GET
        available_toll_free: GET
        applications: POST GET
        application: GET POST DELETE
        """
    ),
    "test_rooms": words(
        """
        conferences: GET
        conference: GET POST
        participants: GET POST
        participant: GET POST DELETE
        conference_recordings: GET
        conference_recording: GET DELETE
        queues: POST GET
        queue: GET POST DELETE
        members: GET
        member: GET POST
        """
    ),
    "test_speech": words(
        """
        transcriptions: GET
        transcription: GET DELETE
        recording_transcriptions: GET
        recording_transcription: GET
        transcription_plain: GET
        """
    ),
    "test_streams": words(
        """
        call_streams: POST
        call_stream: POST
        """
    ),
    "test_usage": words(
        """
        call_events: GET
        usage: GET
        usage_all_time: GET
        usage_daily: GET
        usage_last_month: GET
        usage_monthly: GET
        usage_this_month: GET
        usage_today: GET
        usage_yearly: GET
        usage_yesterday: GET
        addresses: GET
        short_codes: GET
        lookup_v1: GET
        """
    ),
    "test_verify": words(
        """
        verify_services: GET POST
        verify_service: GET POST DELETE
        verifications: POST
        verification: GET POST
        verification_check: POST
        verify_attempts: GET
        verify_summary: GET
        verify_attempt: GET
        verify_rate_limits: GET POST
        verify_rate_limit: GET POST DELETE
        verify_buckets: GET POST
        verify_bucket: GET POST DELETE
        """
    ),
}
"""File → endpoints that are answered well in it, or refused where they are not possible on a SIM."""

ELSEWHERE: dict[tuple[str, str], str] = {
    ("DELETE", "notification"): _NO_CLIENT,
    ("DELETE", "call_notification"): _NO_CLIENT,
    ("DELETE", "recording_media"): _NO_CLIENT,
    ("DELETE", "recording_transcription"): "as by its other path, which test_speech tells",
    ("POST", "numbers_local"): _MOBILE,
    ("POST", "numbers_toll_free"): _MOBILE,
}
"""Endpoints that no story tells, and why."""
