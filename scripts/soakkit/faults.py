"""The faults that the project holds itself to, in the order of the table, and which tests try each of them."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """``files``: the names of the test files that try it, as a regular expression over what follows ``test_``."""

    name: str
    must_hold: str
    files: str


FAULTS = (
    Fault(
        "`kill -9` of the agent and of the cloud at 1,000 random moments under mixed traffic",
        "0 lost, 0 doubled",
        r"kill|hang|sigstop|restart",
    ),
    Fault("power cut replayed: the disk as of every fsync, 500 points", "0 lost, 0 doubled", r"power|fsync"),
    Fault(
        "tunnel cut, blackholed, throttled, reordered by reconnect, 1,000 times",
        "0 lost, 0 doubled; calls up to 20 s cut survive",
        r"tunnel(?!_attack)|link|uplink|cut|slow|satellite|budget",
    ),
    Fault(
        "disk full, read-only, slow (20 ms fsync), I/O error; a file damaged, deleted or old",
        "refuses new work clearly, keeps what it has, recovers",
        r"disk|storage|spool|salvage|backup|database|restored|broken",
    ),
    Fault("clock ±10 years, in traffic", "no early expiry, order kept", r"clock|time"),
    Fault(
        "modem pulled, hung, noisy in mid-SMS and mid-call",
        "true cause reported",
        r"modem|noisy|radio|sim|report|multipart|window",
    ),
    Fault(
        "webhook target slow, dead, lying",
        "others unaffected; retried as promised",
        r"webhook|callback|hook",
    ),
    Fault(
        "10,000 simulated edges reconnect after a restart",
        "all resumed, time and memory told",
        r"storm|reconnect|edges|stampede|drain|upgrade|migration|burst",
    ),
    Fault(
        "fuzzers on tunnel frames, AT lines, PDUs, SIP, TwiML, REST, USSD recipes",
        "no crash, no hang, no growth",
        r"fuzz",
    ),
    Fault(
        "an attacker's list: credentials, bombs, slow clients, SSRF, traversal, injections, XML",
        "each refused, logged once, counted",
        r"attack|security|ssrf|forged|bomb|slowloris|inject|xml|enrol|credential|clone|brute|audit|tls",
    ),
    Fault("24 hours' soak in accelerated form", "memory and descriptors flat", r"soak"),
)
OTHER = Fault("other faults", "as each says", "")


def fault_of(test: str) -> Fault:
    """Which of them ``tests/faults/disk/test_x.py::…`` tries: by how its file begins, its folder, a part of it."""
    found = re.search(r"faults/(?:(\w+)/)?test_(\w+)\.py", test)
    folder, name = (found[1] or "", found[2]) if found else ("", "")
    for match, text in ((re.match, name), (re.match, folder), (re.search, name)):
        for fault in FAULTS:
            if match(rf"(?:{fault.files})", text):
                return fault
    return OTHER
