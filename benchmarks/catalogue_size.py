"""1,000 and 10,000 services: load, check, render, write, and a plan that finds nothing to do."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import yaml

from _measure import ROOT, Figure, tapewatch

sys.path.insert(0, str(ROOT / "tests"))
from support.samples import large

LIMIT_SECONDS = 6.0
LIMIT_MEGABYTES = 500.0
LIMIT_GROWTH = 11.0


def run() -> list[Figure]:
    """Each command once a size, as a whole process."""
    figures: list[Figure] = []
    totals: dict[int, float] = {}
    for count in (1_000, 10_000):
        with tempfile.TemporaryDirectory() as folder:
            project = Path(folder)
            (project / "catalogue.yaml").write_text(large(count), encoding="utf-8")
            written = tapewatch("generate", folder=project)
            nothing = tapewatch("plan", folder=project)
            checked = tapewatch("check", folder=project)
            reading, peer = _reading(project / "catalogue.yaml")
        totals[count] = written.seconds
        last = count == 10_000
        figures += [
            Figure(f"{count} services: generate", written.seconds, limit=LIMIT_SECONDS if last else None),
            Figure(f"{count} services: memory", written.megabytes, "MB", LIMIT_MEGABYTES if last else None),
            Figure(f"{count} services: plan of nothing", nothing.seconds, limit=LIMIT_SECONDS if last else None),
            Figure(f"{count} services: check", checked.seconds, limit=LIMIT_SECONDS if last else None),
            Figure(f"{count} services: reading, ratio to PyYAML's C loader", reading / peer, "", 1.0),
        ]
    figures.append(Figure("growth from 1000 to 10000", totals[10_000] / totals[1_000], "", LIMIT_GROWTH))
    return figures


def _reading(path: Path) -> tuple[float, float]:
    """Seconds that our reader takes, and PyYAML's C loader, for one file."""
    from tapewatch import documents

    text = path.read_text(encoding="utf-8")
    start = time.perf_counter()
    documents.parse(text, str(path))
    between = time.perf_counter()
    yaml.load(text, yaml.CSafeLoader)
    return between - start, time.perf_counter() - between
