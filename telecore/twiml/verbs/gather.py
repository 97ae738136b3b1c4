"""<Gather>: digits from the caller, with prompts that a key stops."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import ClassVar

from telecore.errors import InvalidTwiml
from telecore.twiml.attributes import Attributes
from telecore.twiml.control import CallControl, CollectSpec
from telecore.twiml.nodes import Node, Reading
from telecore.twiml.page import Goto, Verb
from telecore.twiml.verbs import pause, play, say

NESTED = {"Say": say.read, "Play": play.read, "Pause": pause.read}
SPEECH_ONLY = (
    "speechTimeout", "maxSpeechTime", "speechModel", "enhanced", "hints", "partialResultCallback",
    "partialResultCallbackMethod", "profanityFilter", "debug", "language",
)  # fmt: skip


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
        if collected.digits or self.action_on_empty_result:
            return Goto(self.action, self.method, {"Digits": collected.digits})
        return None


def read(node: Node, reading: Reading) -> Gather:
    attributes = Attributes(node, reading)
    inputs = attributes.words("input", ("dtmf",), ("dtmf", "speech"))
    if "speech" in inputs:
        reading.warn(13335, "<Gather> hears keys only here: there is no speech recogniser", node)
    for name in SPEECH_ONLY:
        attributes.given(name)
    num_digits = attributes.integer("numDigits", 0, 1, 1000, 13314)
    spec = CollectSpec(
        timeout_s=float(attributes.integer("timeout", 5, 0, 600, 13313)),
        num_digits=num_digits or None,
        finish_on_key=attributes.keys("finishOnKey", "#"),
        barge_in=attributes.boolean("bargeIn", True),
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
