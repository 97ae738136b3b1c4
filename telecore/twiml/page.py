"""A page is what one TwiML document asks for; running it ends in one of two ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from telecore.schema import Tagged

if TYPE_CHECKING:
    from telecore.twiml.control import CallControl


class Verb(Tagged, family=True):
    """One instruction of a page, defaults filled in, URLs absolute, speech and audio already clips."""

    __slots__ = ()

    async def execute(self, call: CallControl) -> Outcome | None:
        """Do it. None: go on with the next verb."""
        raise NotImplementedError


Page = tuple[Verb, ...]


class Outcome(Tagged, family=True):
    """How a page ended."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Goto(Outcome):
    """Fetch the next document here. ``params`` are the fields that the verb adds to the request."""

    kind: ClassVar[str] = "goto"
    url: str
    method: str = "POST"
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ended(Outcome):
    """No verb is left, or a verb ended the call. ``because``: ``finished``, ``hangup``, ``reject``."""

    kind: ClassVar[str] = "ended"
    because: str = "finished"
