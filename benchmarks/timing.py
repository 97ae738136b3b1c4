"""How the benchmarks measure: CPU time, candidates alternating, the median of the rounds."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping

Work = Callable[[], object]


def cpu_us(work: Work, times: int) -> float:
    """CPU microseconds of one call, over ``times`` calls."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1e6


def compare(candidates: Mapping[str, Work], *, times: int, rounds: int = 5) -> dict[str, float]:
    """Median CPU microseconds of each, the candidates taking turns so that noise hits all alike."""
    for work in candidates.values():
        cpu_us(work, max(1, times // 10))
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for _ in range(rounds):
        for name, work in candidates.items():
            samples[name].append(cpu_us(work, times))
    return {name: statistics.median(values) for name, values in samples.items()}


def table(title: str, figures: Mapping[str, float], unit: str, ours: str) -> None:
    """Print the figures and how many times ours each peer is."""
    print(f"{title}\n{'':<44}{unit:>10}{'ours : it':>12}")
    for name, value in figures.items():
        print(f"{name:<44}{value:>10.2f}{figures[ours] / value:>12.2f}")
