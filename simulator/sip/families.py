"""The families' manners: what vendors' manuals and users' reports say of each, gathered; no hardware was looked at."""

from __future__ import annotations

from simulator.sip.manner import CallerIn, DigestDialect, Early, Keys, Manner, Waits
from simulator.sip.message import Spelling

ASTERISK = {1: 404, 3: 404, 17: 486, 18: 408, 19: 480, 20: 480, 21: 403, 27: 502, 28: 484, 34: 503, 38: 503, 41: 503}
BUSY_IS_486 = {17: 486, 21: 603}
OLD_AND_BARE = DigestDialect(quoted=False, uri=False, qop=False)

PLAIN = Manner(
    "plain", "Simulated gateway",
    statuses=ASTERISK | {21: 603, 50: 403},
    status=500,
    reason=True,
    messages=True,
)  # fmt: skip
GOIP = Manner(
    "goip", "GoIP",
    own_ports=True,
    waits=Waits(t1=0.2, t2=2.0, invite=5.0, request=2.0, expires=60, rtp_dead=10.0),
    early=Early.BOTH,
    phrase="Remote Busy",
    digest=OLD_AND_BARE,
    spelling=Spelling(padded=True),
    extra_codecs=True,
    keepalive=bytes(4),
    new_ssrc=True,
)  # fmt: skip
DINSTAR = Manner(
    "dinstar", "UC2000",
    waits=Waits(expires=300, rtp_dead=20.0),
    early=Early.PROGRESS,
    statuses=BUSY_IS_486 | {1: 404, 27: 503, 34: 503, 38: 503, 41: 503},
    payload=97,
    contact=";transport=UDP",
    extra_codecs=True,
    reason=True,
    allow=("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE", "PRACK", "NOTIFY"),
)  # fmt: skip
YEASTAR = Manner(
    "yeastar", "Yeastar TG",
    registers=False,
    early=Early.BOTH,
    caller_in=CallerIn.PAI,
    statuses=ASTERISK,
    status=503,
    codecs=("PCMU", "PCMA"),
    allow=("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE"),
)  # fmt: skip
OPENVOX = Manner(
    "openvox", "OpenVox VoxStack",
    registers=False,
    statuses=ASTERISK,
    status=503,
    codecs=("PCMU", "PCMA"),
    versions=True,
    reason=True,
    allow=("INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "INFO", "UPDATE"),
)  # fmt: skip
SYNWAY = Manner(
    "synway", "Synway SMG",
    early=Early.PROGRESS,
    caller_in=CallerIn.RPID,
    statuses=BUSY_IS_486,
    status=603,
    keys=Keys.INFO,
    ptime_ms=40,
    digest=DigestDialect(algorithm=False),
)  # fmt: skip
PORTECH = Manner(
    "portech", "MV-37x",
    waits=Waits(expires=120, rtp_dead=60.0),
    alerted=True,
    caller_in=CallerIn.DISPLAY,
    keys=Keys.INBAND,
    contact=";transport=UDP",
    digest=DigestDialect(algorithm=False, qop=False),
    cseq_kept=True,
)  # fmt: skip
MANNERS = {manner.name: manner for manner in (GOIP, DINSTAR, YEASTAR, OPENVOX, SYNWAY, PORTECH, PLAIN)}
