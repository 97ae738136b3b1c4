"""SIDs, and what other platforms write for them."""

from __future__ import annotations

from telecore.ids import sid_of_uuid


def test_uuids_are_sids_of_other_platforms() -> None:
    assert sid_of_uuid("0123ABCD-4567-89ab-cdef-0123456789ab", "CA") == "CA0123abcd456789abcdef0123456789ab"
    for odd in ("", "0123abcd-4567-89ab-cdef-0123456789a", "CA" + "0" * 32, "0" * 32, "me"):
        assert sid_of_uuid(odd, "CA") == odd
