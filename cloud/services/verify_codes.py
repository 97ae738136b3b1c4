"""Codes of verifications: made at random, kept as salted hashes, compared in constant time, spoken digit by digit."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from telecore.twiml.control import CollectSpec
from telecore.twiml.document import Document
from telecore.twiml.page import Verb
from telecore.twiml.verbs.gather import Gather
from telecore.twiml.verbs.pause import Pause
from telecore.twiml.verbs.say import Say
from telecore.verify_texts import TEXTS

PAGE = "simferry:verification"
"""Stands for a URL in the row of a call that speaks a code."""
_N, _R, _P = 1 << 14, 8, 1
"""scrypt, some 50 ms: a stolen store must not give away in ten minutes what a million guesses would."""
_TIMES_ASKED = 3
_WAIT_S = 6.0


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a call says. ``after_a_key``: not before somebody has pressed one."""

    locale: str
    name: str
    code: str
    after_a_key: bool


def new_code(length: int) -> str:
    """That many digits."""
    return "".join(secrets.choice("0123456789") for _ in range(length))


def new_salt() -> str:
    return secrets.token_hex(16)


def hash_of(code: str, salt: str) -> str:
    """64 hex digits. Takes some 50 ms of processor time: call it off the loop."""
    return hashlib.scrypt(code.encode(), salt=bytes.fromhex(salt), n=_N, r=_R, p=_P, dklen=32).hex()


def matching(code: str, salt: str, hashes: dict[str, str]) -> str | None:
    """The key of the hash that this code has. All are compared, so that the time tells nothing."""
    found, wanted = None, hash_of(code, salt)
    for key, known in hashes.items():
        if hmac.compare_digest(wanted.encode(), known.encode()):
            found = key
    return found


def hidden(code: str) -> str:
    """What is shown in its place."""
    return "*" * len(code)


def ask_for_a_key(spoken: Spoken) -> Document:
    """So that no answering machine takes the code down."""
    prompt = Say(TEXTS[spoken.locale].press, language=spoken.locale)
    spec = CollectSpec(timeout_s=_WAIT_S, num_digits=1, finish_on_key="")
    return Document((Gather(PAGE, spec=spec, prompts=(prompt,)),) * _TIMES_ASKED)


def speak(spoken: Spoken) -> Document:
    """The code twice, a digit at a time. The digits are the same clips for every code."""
    lead = TEXTS[spoken.locale].code.format(name=spoken.name).rstrip(" :：፦៖")
    once: list[Verb] = [Say(lead, language=spoken.locale)]
    for digit in spoken.code:
        once += [Pause(1), Say(digit, language=spoken.locale)]
    return Document((*once, Pause(1), *once))
