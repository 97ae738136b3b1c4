"""The day as a picture: one row per modem, its states as bands, faults above them, SMS below."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from scripts.daykit.ledger import Ledger
from scripts.daykit.site import Site
from scripts.daykit.trouble import Trouble
from simulator.modem.modem import Modem

LEFT, WIDTH, ROW, TOP, FOOT = 150, 1200, 34, 60, 50
HOUR_S = 3600.0
GOOD, LATE, BAD, BROKEN, GREY = "#2f9e6e", "#e0a526", "#c0392b", "#7d3c98", "#8e99a4"
COLOURS: Mapping[str, str] = {
    "registered": GOOD, "healthy": GOOD, "searching": LATE, "probation": "#9ccc65", "degraded": LATE, "expiring": LATE,
    "cooldown": "#e67e22", "denied": BAD, "absent": GREY, "faulty": BROKEN, "locked": "#5d4037", "sim_fault": BROKEN,
    "suspect_blocked": BAD, "exhausted": BAD, "quota": "#3b7dd8",
}  # fmt: skip
OTHER = "#555555"
HEADING = (
    "A simulated day: registration (thick), health of the SIM (thin), faults (red, above), "
    "SMS that were not delivered (dots)"
)
STYLE = "<style>text{fill:#333;font:12px sans-serif}.small{fill:#888;font-size:10px}</style>"


@dataclass(frozen=True, slots=True)
class Span:
    """The time that the picture shows."""

    begin: float
    end: float

    def x(self, at: float) -> float:
        return LEFT + WIDTH * min(max((at - self.begin) / (self.end - self.begin), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Strip:
    """Where bars are drawn: its top and height."""

    span: Span
    top: float
    height: float

    def bar(self, begin: float, end: float, colour: str, title: str) -> str:
        left, right = self.span.x(begin), self.span.x(end)
        return (
            f'<rect x="{left:.1f}" y="{self.top}" width="{max(right - left, 1.0):.1f}" height="{self.height}" '
            f'fill="{colour}"><title>{escape(title)}</title></rect>'
        )

    def bands(self, changes: Sequence[tuple[float, str]]) -> Iterator[str]:
        ends = [at for at, _ in changes[1:]] + [self.span.end]
        for (at, state), until in zip(changes, ends, strict=False):
            yield self.bar(at, until, COLOURS.get(state, OTHER), state)


def picture(site: Site, ledger: Ledger, troubles: Sequence[Trouble], span: Span) -> str:
    """SVG."""
    height = TOP + ROW * len(site.modems) + FOOT
    rows = [
        line
        for number, modem in enumerate(site.modems)
        for line in _row(site, ledger, [made for made in troubles if made.device == modem.device], modem, span, number)
    ]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {LEFT + WIDTH + 20} {height}">{STYLE}'
        f'<rect width="100%" height="100%" fill="#fff"/><text x="8" y="22">{HEADING}</text>'
        + "".join([*_hours(span, height), *rows, *_legend(ledger, height)])
        + "</svg>\n"
    )


def _row(  # noqa: PLR0917
    site: Site, ledger: Ledger, faults: Sequence[Trouble], modem: Modem, span: Span, number: int
) -> Iterator[str]:
    channel, top = site.channel(modem), TOP + ROW * number
    family = f'<tspan class="small">{escape(modem.profile.name)}</tspan>'
    yield f'<text x="8" y="{top + 15}">{escape(modem.device)} {family}</text>'
    for fault in faults:
        yield Strip(span, top + 2, 4).bar(fault.begin, fault.end, BAD, fault.kind)
    yield from Strip(span, top + 8, 9).bands([(at, state) for at, name, state in ledger.states if name == channel])
    trust = [(event.at.timestamp(), event.health.state.value) for event in ledger.health if event.channel == channel]
    yield from Strip(span, top + 18, 6).bands(trust)
    for sms in ledger.outbound.values():
        if sms.channel == channel and sms.ends and sms.ends[0] != "delivered":
            said = escape(f"{sms.body[:6]}: {sms.ends[0]} {sms.reason}")
            yield (
                f'<circle cx="{span.x(sms.ended_at):.1f}" cy="{top + 28}" r="2.5" fill="{BAD}">'
                f"<title>{said}</title></circle>"
            )


def _hours(span: Span, height: float) -> Iterator[str]:
    hours = int((span.end - span.begin) / HOUR_S)
    for hour in range(0, hours + 1, max(1, hours // 12)):
        x = span.x(span.begin + hour * HOUR_S)
        yield f'<line x1="{x:.1f}" x2="{x:.1f}" y1="40" y2="{height - 40}" stroke="#ddd"/>'
        yield f'<text x="{x:.1f}" y="52" class="small">{hour} h</text>'


def _legend(ledger: Ledger, height: float) -> Iterator[str]:
    seen = {state for _, _, state in ledger.states} | {event.health.state.value for event in ledger.health}
    for place, name in enumerate(name for name in COLOURS if name in seen):
        left = LEFT + 110 * place
        yield f'<rect x="{left}" y="{height - 24}" width="12" height="12" fill="{COLOURS[name]}"/>'
        yield f'<text x="{left + 18}" y="{height - 14}">{name}</text>'
