"""Offer and answer of one call (RFC 3264): what we say, and what comes of what they say."""

from __future__ import annotations

import random
from dataclasses import replace

from edge_agent.drivers.sip.media import MediaPlan, SrtpKeys
from edge_agent.drivers.sip.sdp import (
    DIRECTIONS,
    PAYLOAD_TYPES,
    Crypto,
    MediaLine,
    Written,
    packet_ms,
    parse_sdp,
    write_sdp,
)
from edge_agent.drivers.sip.settings import SipQuirks
from telecore.audio.frames import Encoding
from telecore.errors import RemoteProtocolError

DTMF = "telephone-event/8000"
OUR_DTMF = 101
SUITES = ("AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32")
_OPPOSITE = {"sendrecv": "sendrecv", "sendonly": "recvonly", "recvonly": "sendonly", "inactive": "inactive"}


class NotAcceptable(RemoteProtocolError):
    """Nothing of the description can be used (488). The message says why, for whoever sets up the box."""


class Negotiation:
    """The descriptions of one call. ``version`` goes up with every one we write: some ignore what has the same.

    ``plan``: what was agreed last, None before.
    """

    def __init__(self, quirks: SipQuirks, address: str, port: int, rng: random.Random) -> None:
        self._quirks = quirks
        self._address = address
        self._port = port
        self._rng = rng
        self._session = rng.getrandbits(31)
        self._version = self._session
        self._codec: tuple[int, str] | None = None
        self._key: bytes | None = None
        self.plan: MediaPlan | None = None

    def offer(self) -> bytes:
        """All that we can do, or, once something was agreed, that again."""
        quirks = self._quirks
        dtmf = self.plan.dtmf if self.plan is not None and self.plan.dtmf is not None else OUR_DTMF
        codecs = [self._codec] if self._codec else [_of(Encoding(name)) for name in quirks.codecs]
        crypto = Crypto(1, SUITES[0], self._our_key()) if quirks.srtp else None
        return self._write(
            Written(0, 0, "", 0, (*codecs, (dtmf, DTMF)), quirks.ptime_ms),
            direction="sendrecv",
            profile="RTP/SAVP" if crypto else "RTP/AVP",
            crypto=crypto,
        )

    def answer(self, body: bytes) -> tuple[bytes, MediaPlan]:
        """The answer to an offer, and what it comes to. Raises NotAcceptable."""
        lines = _read(body)
        at, media = self._choose(lines)
        encoding, number, keys = self._agree(media)
        crypto = self._answered_crypto(media) if keys is not None else None
        dtmf = media.dtmf
        codecs = ((number, f"{encoding.value}/8000"), *(((dtmf, DTMF),) if dtmf is not None else ()))
        plan = self._plan(media, encoding, number, keys)
        direction = "inactive" if media.held and media.direction == "inactive" else _OPPOSITE[media.direction]
        if media.held and direction == "sendrecv":
            direction = "recvonly"
        others = (*lines[:at], *lines[at + 1 :])
        body = self._write(
            Written(0, 0, "", 0, codecs, plan.ptime_ms, rejected=others, at=at),
            direction=direction,
            profile=media.profile,
            crypto=crypto,
        )
        self._settle(plan, encoding, number)
        return body, plan

    def accept(self, body: bytes) -> MediaPlan:
        """What the answer to our offer comes to. Raises NotAcceptable."""
        lines = _read(body)
        _, media = self._choose(lines)
        encoding, number, keys = self._agree(media)
        plan = self._plan(media, encoding, number, keys)
        self._settle(plan, encoding, number)
        return plan

    def _choose(self, lines: tuple[MediaLine, ...]) -> tuple[int, MediaLine]:
        """The first audio that can be had; why none can, of the first that cannot."""
        complaint: NotAcceptable | None = None
        for at, media in enumerate(lines):
            if media.kind != "audio" or media.port == 0:
                continue
            try:
                self._agree(media)
            except NotAcceptable as refusal:
                complaint = complaint or refusal
            else:
                return at, media
        raise complaint or NotAcceptable("no audio is offered")

    def _agree(self, media: MediaLine) -> tuple[Encoding, int, SrtpKeys | None]:
        if media.proprietary:
            raise NotAcceptable("the box encrypts in a way of its own: switch that off (X-ACrypt)")
        if not media.profile.upper().startswith("RTP/"):
            raise NotAcceptable(f"audio by {media.profile[:20]}")
        keys = self._keys(media)
        for number, name in media.codecs:  # in the offerer's order (RFC 3264 §6.1)
            for encoding in map(Encoding, self._quirks.codecs):
                if name.removesuffix("/1") == f"{encoding.value}/8000":
                    return encoding, number, keys
        raise NotAcceptable(f"no codec in common: they have {', '.join(name for _, name in media.codecs) or 'none'}")

    def _keys(self, media: MediaLine) -> SrtpKeys | None:
        if not media.secure:
            if self._quirks.require_srtp:
                raise NotAcceptable("the sound must be encrypted here (SRTP), and is not")
            return None
        if not self._quirks.srtp:
            raise NotAcceptable("the sound is encrypted (SRTP), which is not set up here: switch it off or set it up")
        theirs = next((crypto for crypto in media.crypto if crypto.suite in SUITES), None)
        if theirs is None:
            raise NotAcceptable("RTP/SAVP without a key that can be used (a=crypto)")
        return SrtpKeys(theirs.suite, self._our_key(), theirs.key)

    def _answered_crypto(self, media: MediaLine) -> Crypto:
        theirs = next(crypto for crypto in media.crypto if crypto.suite in SUITES)
        return Crypto(theirs.tag, theirs.suite, self._our_key())

    def _our_key(self) -> bytes:
        if self._key is None:
            self._key = self._rng.randbytes(30)
        return self._key

    def _plan(self, media: MediaLine, encoding: Encoding, number: int, keys: SrtpKeys | None) -> MediaPlan:
        sends, receives = DIRECTIONS[media.direction]
        address, port = media.address, media.port
        if media.held:
            receives = False
            # Silence goes on to where they listened last, else the gateway thinks we are gone.
            address, port = (self.plan.address, self.plan.port) if self.plan is not None else ("", 0)
        return MediaPlan(
            address,
            port,
            encoding,
            number,
            media.dtmf,
            packet_ms(media, self._quirks.ptime_ms),
            send=receives,
            receive=sends,
            srtp=keys,
            rtcp_port=media.rtcp_port,
        )

    def _settle(self, plan: MediaPlan, encoding: Encoding, number: int) -> None:
        self.plan = plan
        self._codec = (number, f"{encoding.value}/8000")

    def _write(self, what: Written, *, direction: str, profile: str, crypto: Crypto | None) -> bytes:
        written = replace(
            what,
            session=self._session,
            version=self._version,
            address=self._address,
            port=self._port,
            direction=direction,
            profile=profile,
            crypto=crypto,
        )
        self._version += 1
        return write_sdp(written)


def _of(encoding: Encoding) -> tuple[int, str]:
    return PAYLOAD_TYPES[encoding], f"{encoding.value}/8000"


def _read(body: bytes) -> tuple[MediaLine, ...]:
    try:
        return parse_sdp(body)
    except RemoteProtocolError as error:
        raise NotAcceptable(str(error)) from error
