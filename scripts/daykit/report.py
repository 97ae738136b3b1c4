"""The report of a day: for people, for programs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.daykit.ledger import Ledger
from scripts.daykit.picture import Span, picture
from scripts.daykit.site import Site
from scripts.daykit.trouble import Trouble
from scripts.daykit.verdict import Verdict

if TYPE_CHECKING:
    from scripts.daykit.day import Plan


@dataclass(slots=True)
class Report:
    plan: Plan
    verdict: Verdict
    ledger: Ledger
    troubles: list[Trouble]
    site: Site
    span: Span
    took_s: float = 0.0

    @property
    def passed(self) -> bool:
        return not self.verdict.faults

    def text(self) -> str:
        plan, kinds = self.plan, Counter(trouble.kind for trouble in self.troubles)
        families = Counter(modem.profile.name for modem in self.site.modems)
        lines = [
            f"{plan.hours:g} simulated hours of {plan.modems} modems, seed {plan.seed}, in {self.took_s:.0f} s",
            f"families  {', '.join(f'{count} {name}' for name, count in families.items())}",
            f"faults    {len(self.troubles)}: {', '.join(f'{count} {kind}' for kind, count in sorted(kinds.items()))}",
            *(f"{count:8d}  {what}" for what, count in sorted(self.verdict.counts.items())),
            *(f"{count:8d}  event {kind}" for kind, count in sorted(self.ledger.kinds.items())),
            "PASSED: all is accounted for" if self.passed else f"FAILED: {len(self.verdict.faults)} broken promises",
            *(f"  - {fault}" for fault in self.verdict.faults[:60]),
        ]
        return "\n".join(lines)

    def write(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "report.txt").write_text(self.text() + "\n", encoding="utf-8")
        values = {
            "hours": self.plan.hours,
            "modems": self.plan.modems,
            "seed": self.plan.seed,
            "passed": self.passed,
            "counts": dict(self.verdict.counts),
            "events": dict(self.ledger.kinds),
            "faults": self.verdict.faults,
        }
        (folder / "report.json").write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
        drawn = picture(self.site, self.ledger, self.troubles, self.span)
        (folder / "day.svg").write_text(drawn, encoding="utf-8")
