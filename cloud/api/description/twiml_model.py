"""The words in which a TwiML element is described."""

from __future__ import annotations

from dataclasses import dataclass

from cloud.api.description.model import SAME, Standing


@dataclass(frozen=True, slots=True)
class Attr:
    """``known``: whether the element's reader asks for it; else it is left out, with a warning (12200) or without."""

    name: str
    standing: Standing = SAME
    known: bool = True


Attrs = tuple[Attr, ...]


@dataclass(frozen=True, slots=True)
class Element:
    """``within``: the element that it stands in, nothing for a verb. ``runs``: whether it does anything here; else
    the document is refused, or a warning says that it was left out. ``example``: a whole verb that holds it.
    """

    name: str
    attributes: Attrs = ()
    standing: Standing = SAME
    within: str = ""
    runs: bool = True
    example: str = ""
    messaging: bool = False

    @property
    def title(self) -> str:
        return f"<{self.within}> <{self.name}>" if self.within else f"<{self.name}>"

    @property
    def document(self) -> str:
        """A document that has it."""
        inner = self.example or f"<{self.name}>text</{self.name}>"
        held = f"<{self.within}>{inner}</{self.within}>" if self.within and not self.example else inner
        return f"<Response>{held}</Response>"


def attrs(*names: str, standing: Standing = SAME) -> Attrs:
    return tuple(Attr(name, standing) for name in names)


def unread(standing: Standing, *names: str) -> Attrs:
    """Attributes that no reader asks for."""
    return tuple(Attr(name, standing, known=False) for name in names)
