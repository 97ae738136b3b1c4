"""What a process holds, sampled from outside, and whether it stays flat."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, median

PAGE = os.sysconf("SC_PAGE_SIZE")
WARM_UP = 0.35
"""The first part of a run: caches and pools are being filled."""
FDS_MORE, THREADS_MORE = 8, 2


@dataclass(frozen=True, slots=True)
class Sample:
    """Bytes and counts, at a moment of the monotonic clock."""

    at: float
    rss: int
    fds: int
    threads: int


@dataclass(slots=True)
class Gauge:
    """The samples of one process. ``folder``: whose files are its stores."""

    name: str
    folder: Path | None = None
    samples: list[Sample] = field(default_factory=list)

    def look(self, pid: int) -> None:
        """One more sample; a process that is gone gives none."""
        root = Path(f"/proc/{pid}")
        try:
            rss = int((root / "statm").read_text().split()[1]) * PAGE
            threads = len(list((root / "task").iterdir()))
            fds = len(list((root / "fd").iterdir()))
        except (OSError, IndexError):
            return
        self.samples.append(Sample(time.monotonic(), rss, fds, threads))

    def stored(self) -> int:
        """Bytes of its databases."""
        return sum(path.stat().st_size for path in self.folder.rglob("*.db*")) if self.folder else 0

    @property
    def warm(self) -> Sequence[Sample]:
        return self.samples[int(len(self.samples) * WARM_UP) :]

    def mb_per_h(self) -> float:
        """The slope of memory after the warm-up, by least squares."""
        return slope([s.at for s in self.warm], [s.rss for s in self.warm]) * 3600 / 1e6

    def percent_per(self, seconds: float) -> float:
        """The same as a part of what it holds, for so long a time."""
        return self.mb_per_h() * 1e6 / 3600 * seconds / mean(s.rss for s in self.warm) * 100

    def more(self, what: str) -> float:
        """How much the last third of the warm samples holds above the first third, by their medians."""
        values = [getattr(sample, what) for sample in self.warm]
        third = max(1, len(values) // 3)
        return median(values[-third:]) - median(values[:third])

    def faults(self, hour_s: float, most_percent: float = 1.0) -> list[str]:
        """What is not flat. ``hour_s``: seconds that stand for an hour."""
        out = []
        if (percent := self.percent_per(hour_s)) > most_percent:
            out.append(f"{self.name}: memory grows by {percent:.2f} % an hour")
        for what, most in (("fds", FDS_MORE), ("threads", THREADS_MORE)):
            if (more := self.more(what)) > most:
                out.append(f"{self.name}: {more:.0f} more {what}")
        return out

    def figures(self, hour_s: float) -> dict[str, int | float | str]:
        last = self.samples[-1]
        return {
            f"{self.name}_rss_mb": round(median(s.rss for s in self.warm) / 1e6, 1),
            f"{self.name}_percent_per_hour": round(self.percent_per(hour_s), 3),
            f"{self.name}_real_mb_per_h": round(self.mb_per_h(), 2),
            f"{self.name}_fds": last.fds,
            f"{self.name}_fds_more": self.more("fds"),
            f"{self.name}_threads": last.threads,
            f"{self.name}_stored_mb": round(self.stored() / 1e6, 2),
        }


def slope(xs: Sequence[float], ys: Sequence[float]) -> float:
    """Of the straight line nearest to the points."""
    x0, y0 = mean(xs), mean(ys)
    across = sum((x - x0) ** 2 for x in xs)
    return sum((x - x0) * (y - y0) for x, y in zip(xs, ys, strict=True)) / across if across else 0.0
