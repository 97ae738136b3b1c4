"""<Gather>: digits and words from the caller, with prompts that they stop."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.twiml.attributes import Attributes
from telecore.twiml.control import CallControl, CollectSpec, SpeechSpec
from telecore.twiml.nodes import SCHEMA, Node, Reading
from telecore.twiml.page import Goto, Verb
from telecore.twiml.verbs import pause, play, say

NESTED = {"Say": say.read, "Play": play.read, "Pause": pause.read}
NO_RECOGNISER = 13335
MAX_HINTS = 500
MAX_HINT = 100


@dataclass(frozen=True, slots=True)
class Gather(Verb):
    """No input: the next verb, unless ``action_on_empty_result``. The finish key is not among the digits."""

    kind: ClassVar[str] = "gather"
    action: str
    method: str = "POST"
    spec: CollectSpec = field(default_factory=CollectSpec)
    action_on_empty_result: bool = False
    prompts: tuple[Verb, ...] = ()

    async def execute(self, call: CallControl) -> Goto | None:
        await call.ensure_answered()
        prompts = [verb.prompt() for verb in self.prompts if isinstance(verb, say.Say | play.Play | pause.Pause)]
        audible = [prompt for prompt in prompts if prompt.clip is not None or prompt.pause_s]
        collected = await call.collect(self.spec, audible)
        if collected.digits:
            return Goto(self.action, self.method, {"Digits": collected.digits})
        if collected.speech or (self.spec.speech is not None and self.action_on_empty_result):
            said = {"SpeechResult": collected.speech, "Confidence": f"{collected.confidence:.8g}"}
            return Goto(self.action, self.method, said)
        return Goto(self.action, self.method, {"Digits": ""}) if self.action_on_empty_result else None


def read(node: Node, reading: Reading) -> Gather:
    attributes = Attributes(node, reading)
    inputs = attributes.words("input", ("dtmf",), ("dtmf", "speech"))
    timeout_s = float(attributes.integer("timeout", 5, 0, 600, 13313))
    speech = _speech(attributes, timeout_s, node, reading)
    num_digits = attributes.integer("numDigits", 0, 1, 1000, 13314)
    spec = CollectSpec(
        timeout_s=timeout_s,
        num_digits=num_digits or None,
        finish_on_key=attributes.keys("finishOnKey", "#"),
        barge_in=attributes.boolean("bargeIn", True),
        keys="dtmf" in inputs,
        speech=speech if "speech" in inputs else None,
    )
    verb = Gather(
        action=attributes.url("action", reading.url),
        method=attributes.method(code=13312),
        spec=spec,
        action_on_empty_result=attributes.boolean("actionOnEmptyResult", False),
        prompts=_prompts(node, reading),
    )
    attributes.close()
    return verb


def _speech(attributes: Attributes, timeout_s: float, node: Node, reading: Reading) -> SpeechSpec:
    """The attributes of speech; they are read, and may be wrong, also where only keys are waited for."""
    auto = attributes.text("speechTimeout").strip().lower() == "auto"
    end_s = None if auto else float(attributes.integer("speechTimeout", round(timeout_s), 1, 600))
    if attributes.boolean("enhanced", False) or attributes.given("speechModel"):
        reading.warn(SCHEMA, "<Gather> speechModel and enhanced: the engine has one model; it is used", node)
    if attributes.given("profanityFilter") and attributes.boolean("profanityFilter", True):
        reading.warn(SCHEMA, "<Gather> profanityFilter: words come as they were understood", node)
    attributes.given("debug")
    return SpeechSpec(
        language=attributes.text("language").strip() or "en-US",
        hints=_hints(attributes.text("hints"), node, reading),
        end_s=end_s,
        max_s=float(attributes.integer("maxSpeechTime", 60, 1, 600)),
        partial_callback=attributes.url("partialResultCallback"),
        partial_callback_method=attributes.method("partialResultCallbackMethod"),
    )


def _hints(text: str, node: Node, reading: Reading) -> tuple[str, ...]:
    """Phrases parted by commas, as Twilio bounds them: 500 of 100 characters."""
    hints = tuple(" ".join(hint.split()) for hint in re.split(r"[,\n]", text) if hint.strip())
    kept = tuple(hint for hint in hints if len(hint) <= MAX_HINT)[:MAX_HINTS]
    if len(kept) < len(hints):
        problem = f"<Gather> hints: {MAX_HINTS} of {MAX_HINT} characters at most; the others were left out"
        reading.warn(SCHEMA, problem, node)
    return kept


def _prompts(node: Node, reading: Reading) -> tuple[Verb, ...]:
    prompts: list[Verb] = []
    for child in node.children:
        reader = NESTED.get(child.name)
        if reader is None:
            raise InvalidTwiml(f"<{child.name}> is not allowed within <Gather>", code=13320, line=child.line)
        verb = reader(child, reading)
        if isinstance(verb, play.Play) and verb.digits:
            reading.warn(13325, "<Play digits> within <Gather> was left out", child)
        elif verb is not None:
            prompts.append(verb)
    return tuple(prompts)
