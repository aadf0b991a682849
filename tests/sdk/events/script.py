"""Programs that are run on their own: what happens when a process ends, forks, or meets a limit of the system."""

from __future__ import annotations

import subprocess
import sys
import textwrap

__all__ = ["run", "start"]

_IMPORTS = "import os, sys, threading, time\nfrom tapewatch_sdk.events import *\n"


def start(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts a program."""
    return subprocess.Popen(
        [sys.executable, "-c", _IMPORTS + textwrap.dedent(code), *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run(code: str, *arguments: object) -> str:
    """Runs a program to its end, which must be a good one; what it printed on its standard output."""
    process = start(code, *arguments)
    try:
        printed, logged = process.communicate(timeout=60)
    except subprocess.TimeoutExpired:
        process.kill()
        printed, logged = process.communicate()
        raise AssertionError(f"it did not end; it printed\n{printed}\n{logged}") from None
    assert process.returncode == 0, f"{printed}\n{logged}"
    return printed
