"""Starts the historian anew whenever the source has changed, for those who work on it."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

__all__ = ["reload"]

LOOK_EVERY = 0.5
"""Seconds between two looks at the files."""

SUFFIXES = (".py", ".html", ".js", ".css", ".yaml")

STOP_TIMEOUT = 20.0


def reload(words: Sequence[str], places: Iterable[Path], say: Callable[[str], None]) -> int:
    """Run the command line again and again until Ctrl-C or SIGTERM; the exit code of the last run.

    Parameters:
        words: of the command line, without the program.
        places: files, and folders of them, that are watched.
        say: is told of each new start.
    """
    watched = list(places)
    signal.signal(signal.SIGTERM, _stop)
    while True:
        seen = _state(watched)
        process = subprocess.Popen([sys.executable, "-P", "-m", "tapewatch.cli", *words])
        try:
            while _state(watched) == seen:
                time.sleep(LOOK_EVERY)
                if process.poll() is not None and process.returncode in (0, -2, -15):
                    return process.returncode
        except KeyboardInterrupt:  # who presses Ctrl-C has told the process too
            with contextlib.suppress(subprocess.TimeoutExpired):
                return process.wait(STOP_TIMEOUT)
            return 1
        finally:
            _end(process)
        say("the source has changed; starting anew")


def _stop(*_: object) -> None:
    """Leave, which ends the process too: nobody would know of it any more, and it would keep the port and the store."""
    sys.exit(0)


def _state(places: Iterable[Path]) -> dict[Path, int]:
    found = {}
    for place in places:
        for path in place.rglob("*") if place.is_dir() else (place,):
            if path.suffix in SUFFIXES:
                try:
                    found[path] = path.stat().st_mtime_ns
                except OSError:  # an editor replaces it just now
                    continue
    return found


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
