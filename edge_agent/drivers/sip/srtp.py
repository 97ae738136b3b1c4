"""SRTP and SRTCP by keys of the SDP (RFC 3711, RFC 4568), over libsrtp. The only door to ``pylibsrtp``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edge_agent.drivers.sip.media import SrtpKeys
from telecore.errors import LocalProtocolError, RemoteProtocolError

if TYPE_CHECKING:
    import pylibsrtp

SUITES = {
    "AES_CM_128_HMAC_SHA1_80": (30, "SRTP_PROFILE_AES128_CM_SHA1_80"),
    "AES_CM_128_HMAC_SHA1_32": (30, "SRTP_PROFILE_AES128_CM_SHA1_32"),
    "AEAD_AES_128_GCM": (28, "SRTP_PROFILE_AEAD_AES_128_GCM"),
    "AEAD_AES_256_GCM": (44, "SRTP_PROFILE_AEAD_AES_256_GCM"),
}
"""Octets of master key and salt, and the library's name of it (RFC 4568 §6.2, RFC 7714 §14.2)."""


def supported() -> tuple[str, ...]:
    """Suites that work here, the preferred first; none where the library is not installed."""
    try:
        import pylibsrtp
    except ImportError:
        return ()
    return tuple(suite for suite, (_, profile) in SUITES.items() if hasattr(pylibsrtp.Policy, profile))


class SrtpContext:
    """Protects what goes out and checks what comes in. Replayed, forged and foreign packets: RemoteProtocolError."""

    def __init__(self, keys: SrtpKeys) -> None:
        """Raises LocalProtocolError for a suite that is not ``supported``, or keys of another length."""
        if keys.suite not in supported():
            raise LocalProtocolError(f"SRTP by {keys.suite} does not work here")
        octets, profile = SUITES[keys.suite]
        if len(keys.ours) != octets or len(keys.theirs) != octets:
            raise LocalProtocolError(f"keys of {keys.suite} have {octets} octets")
        self.keys = keys
        self._ours = _session(keys.ours, profile, outbound=True)
        self._theirs = _session(keys.theirs, profile, outbound=False)

    def protect(self, packet: bytes) -> bytes:
        """Raises LocalProtocolError."""
        import pylibsrtp

        try:
            return self._ours.protect(packet)
        except pylibsrtp.Error as error:
            raise LocalProtocolError(f"SRTP: {error}") from error

    def protect_rtcp(self, packet: bytes) -> bytes:
        """Raises LocalProtocolError."""
        import pylibsrtp

        try:
            return self._ours.protect_rtcp(packet)
        except pylibsrtp.Error as error:
            raise LocalProtocolError(f"SRTCP: {error}") from error

    def unprotect(self, packet: bytes) -> bytes:
        """Raises RemoteProtocolError."""
        import pylibsrtp

        try:
            return self._theirs.unprotect(packet)
        except (pylibsrtp.Error, TypeError, ValueError) as error:
            raise RemoteProtocolError(f"SRTP: {error}") from error

    def unprotect_rtcp(self, packet: bytes) -> bytes:
        """Raises RemoteProtocolError."""
        import pylibsrtp

        try:
            return self._theirs.unprotect_rtcp(packet)
        except (pylibsrtp.Error, TypeError, ValueError) as error:
            raise RemoteProtocolError(f"SRTCP: {error}") from error


def _session(key: bytes, profile: str, *, outbound: bool) -> pylibsrtp.Session:
    import pylibsrtp

    kind = pylibsrtp.Policy.SSRC_ANY_OUTBOUND if outbound else pylibsrtp.Policy.SSRC_ANY_INBOUND
    return pylibsrtp.Session(pylibsrtp.Policy(key=key, ssrc_type=kind, srtp_profile=getattr(pylibsrtp.Policy, profile)))
