"""The sample: `check` and `generate` as whole processes, and how much of that is imports."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from _measure import ROOT, Figure, median, tapewatch, used_by


def run() -> list[Figure]:
    """Whole processes, five times each; the median."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copy(ROOT / "catalogue.yaml", project)
        tapewatch("generate", folder=project)
        return [
            Figure("tapewatch --version", median(lambda: tapewatch("--version", folder=project).seconds)),
            Figure("tapewatch check", median(lambda: tapewatch("check", folder=project).seconds)),
            Figure(
                "  of it imports", _imports("tapewatch.project", "tapewatch_dashboards.stack_health", project=project)
            ),
            Figure("tapewatch generate", median(lambda: tapewatch("generate", folder=project).seconds)),
            Figure("tapewatch plan", median(lambda: tapewatch("plan", folder=project).seconds)),
        ]


def _imports(*modules: str, project: Path) -> float:
    """Time to import what a command uses, interpreter start included."""
    code = "; ".join(f"import {module}" for module in modules)
    return median(lambda: used_by([sys.executable, "-c", code], project).seconds)
