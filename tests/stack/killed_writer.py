"""Run as a program by test_writing: writes generated files and kills itself on the way.

    killed_writer.py apply ROOT FILES STEP       writes the set and dies at STEP: a number, a call such as `fork`, or ""
    killed_writer.py sweep FOLDER OLD NEW WHO    tries every step once, each in a project of its own, one JSON line each

`WHO` is `one` to kill the process that takes the step (the command, or the one that renames), `both` for both at once.
A program of its own, because it forks a process for each step: a test run has threads, which do not go with that.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

from tapewatch.writing import apply, compare, recover
from tapewatch.writing._lock import locked
from tapewatch.writing._paths import Root

CALLS = ("open", "fsync", "replace", "unlink", "mkdir", "rmdir", "chmod", "fchmod", "fork", "setsid", "waitpid")
PATH_CALLS = ("open", "replace", "unlink", "mkdir", "rmdir", "chmod")


def die_at(last: str, who: str) -> Callable[[], int]:
    """Lets the process die by SIGKILL before that step; returns how many steps were taken so far."""
    command = os.getpid()
    taken = 0

    def counted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **named: Any) -> Any:
            nonlocal taken
            taken += 1
            if last in (str(taken), name):
                if who == "both":
                    os.kill(command, signal.SIGKILL)
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*args, **named)

        return step

    for name in CALLS:
        setattr(os, name, counted(name, getattr(os, name)))
    for name in PATH_CALLS:
        setattr(Path, name, counted(f"Path.{name}", getattr(Path, name)))
    return lambda: taken


def on_disk(root: Path) -> dict[str, str]:
    """Every file of the project by its path, the state folder left out."""
    files = (file for file in root.rglob("*") if file.is_file() and ".tapewatch" not in file.parts)
    return {file.relative_to(root).as_posix(): file.read_text() for file in files}


def folders(root: Path) -> list[str]:
    """Every folder of the project, the state folder left out."""
    return sorted(f.relative_to(root).as_posix() for f in root.rglob("*") if f.is_dir() and ".tapewatch" not in f.parts)


def try_step(root: Path, new: dict[str, str], step: int, who: str) -> tuple[int, bool]:
    """Writes the new set and dies at that step; returns the exit code and whether the step was reached."""
    child = os.fork()
    if child == 0:
        taken = die_at(str(step), who)
        try:
            apply(root, new)
        finally:
            os._exit(0 if taken() >= step else 1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, code != 1


def sweep(folder: Path, old: dict[str, str], new: dict[str, str], who: str) -> None:
    """Every step once; prints what is there after recovery."""
    for step in count(1):
        root = folder / str(step)
        root.mkdir()
        apply(root, old)
        code, reached = try_step(root, new, step, who)
        with locked(Root(root), wait=10):
            pass  # both processes are gone now, and the lock with them
        recover(root)
        left = [entry.name for entry in (root / ".tapewatch").iterdir() if entry.name != "lock"]
        found = on_disk(root)
        files = {path: text for path, text in found.items() if not path.endswith("manifest.json")}
        line = {"step": step, "code": code, "files": files, "folders": folders(root), "left": left}
        sys.stdout.write(json.dumps({**line, "fits": not compare(root, files)}) + "\n")
        sys.stdout.flush()  # what stands in the buffer would be written by each child as well
        if not reached:
            return


if __name__ == "__main__":
    if sys.argv[1] == "sweep":
        sweep(Path(sys.argv[2]), json.loads(sys.argv[3]), json.loads(sys.argv[4]), sys.argv[5])
    else:
        die_at(sys.argv[4], "both")
        apply(Path(sys.argv[2]), json.loads(sys.argv[3]))
