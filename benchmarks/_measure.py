"""What the benchmarks share: figures, a table of them, timing of whole processes."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ROOT", "Figure", "Usage", "median", "table", "tapewatch", "used_by"]

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure.

    Parameters:
        name: what was measured.
        value: the figure.
        unit: its unit; empty for a ratio.
        limit: what it may be at most; None when it is only told.
    """

    name: str
    value: float
    unit: str = "s"
    limit: float | None = None

    @property
    def missed(self) -> bool:
        """Whether the limit is exceeded."""
        return self.limit is not None and self.value > self.limit


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process took: wall time in seconds and its largest resident memory in MB."""

    seconds: float
    megabytes: float


def table(title: str, figures: Sequence[Figure]) -> str:
    """The figures as text, one a line."""
    width = max(len(figure.name) for figure in figures)
    lines = [f"== {title}"]
    for figure in figures:
        limit = "" if figure.limit is None else f"  (at most {figure.limit:g}{'  MISSED' if figure.missed else ''})"
        lines.append(f"{figure.name.ljust(width)}  {figure.value:10.3f} {figure.unit:3}{limit}")
    return "\n".join(lines)


def median(measure: Callable[[], float], times: int = 5) -> float:
    """The median of several measurements."""
    return statistics.median(measure() for _ in range(times))


def tapewatch(*arguments: str, folder: Path) -> Usage:
    """Run the command line as a whole process; it must end with 0."""
    return used_by([sys.executable, "-m", "tapewatch.cli", *arguments], folder)


def used_by(command: Sequence[str], folder: Path) -> Usage:
    """Run a command to its end and tell what it took."""
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        assert process.stderr is not None
        sys.exit(f"{' '.join(command)} failed:\n{process.stderr.read().decode()}")
    return Usage(seconds, usage.ru_maxrss / 1024)
