"""The command line as a user has it: a process, its output and its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

__all__ = ["run"]


def run(
    *arguments: str, folder: Path, env: Mapping[str, str] | None = None, timeout: float = 120.0
) -> subprocess.CompletedProcess[str]:
    """Run `tapewatch ARGUMENTS` in a folder, 80 columns wide, for at most `timeout` seconds."""
    return subprocess.run(
        [sys.executable, "-m", "tapewatch.cli", *arguments],
        cwd=folder,
        env={**os.environ, "COLUMNS": "80", **(env or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=timeout,
    )
