"""`tapewatch test` on the sample, without and with the mutation test."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from _measure import ROOT, Figure, tapewatch

LIMIT_TEST = 10.0
LIMIT_MUTATION = 180.0


def run() -> list[Figure]:
    """Both as whole processes, once."""
    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        shutil.copy(ROOT / "catalogue.yaml", project)
        tapewatch("generate", folder=project)
        return [
            Figure("tapewatch test", tapewatch("test", folder=project).seconds, limit=LIMIT_TEST),
            Figure(
                "tapewatch test --mutate", tapewatch("test", "--mutate", folder=project).seconds, limit=LIMIT_MUTATION
            ),
        ]
