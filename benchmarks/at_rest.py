"""The stack without containers at rest: memory and processor time of the process that is bridge, store, API and page.

It is what `tapewatch up --embedded` starts, with the sample platform trading, every service scraped each second, and
the page open in a browser. Platform, Prometheus, Alertmanager and the browser do not count.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import psutil

from _measure import ROOT, Figure

sys.path.append(str(ROOT / "tests"))

from support.browser import browser
from support.embedded import Embedded

__all__ = ["run"]

MEMORY = 250.0
"""Megabytes that may be resident."""

SHARE = 15.0
"""Percent of a core."""

WARM = 330.0
"""Seconds before the first look: five minutes are in memory then, and were moved to the file once."""

SECONDS = 60.0


def run() -> list[Figure]:
    """Its memory and its share of a core, once what is kept in memory has come and gone."""
    with tempfile.TemporaryDirectory() as folder, browser(1400, 1000, away=True) as page:
        stack = Embedded(Path(folder))
        with stack.running("--embedded") as process:
            stack.wait_until_up()
            page.goto(stack.url)
            page.wait_for_timeout(WARM * 1_000)
            history = _history(psutil.Process(process.pid))
            before, begun = _used(history), time.monotonic()
            page.wait_for_timeout(SECONDS * 1_000)
            share = 100 * (_used(history) - before) / (time.monotonic() - begun)
            memory = history.memory_full_info()
    return [
        Figure("memory, resident", memory.rss / 1e6, "MB", MEMORY),
        Figure("  of which nobody else has", memory.uss / 1e6, "MB"),
        Figure("share of a core", share, "%", SHARE),
    ]


def _history(process: psutil.Process) -> psutil.Process:
    """The process itself, which runs below a guard."""
    return next(each for each in process.children(recursive=True) if "serve" in each.cmdline() and not each.children())


def _used(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
