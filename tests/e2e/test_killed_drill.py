"""A drill in a copy that is killed with SIGKILL takes the copy's servers with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.samples import ROOT
from support.waiting import wait_for

SERVERS = ("prometheus", "alertmanager")

pytestmark = pytest.mark.needs(*SERVERS)


def running_in(folder: Path) -> dict[int, str]:
    """The processes that have a folder in their command line, by id."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if any(str(folder) in word for word in words):
            found[int(path.parent.name)] = " ".join(words)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="processes are looked up in /proc")
def test_no_server_of_a_killed_drill_is_left(tmp_path: Path) -> None:
    log = tmp_path / "log"
    command = [sys.executable, "-m", "tapewatch.cli", "drill", "KillSwitchActivated", "--time-scale=20"]
    with log.open("wb") as out:
        drill = subprocess.Popen(command, cwd=ROOT, env={**os.environ, "TMPDIR": str(tmp_path)}, stdout=out, stderr=out)
    try:

        def both() -> bool:
            assert drill.poll() is None, log.read_text()
            return all(any(f"/{name} " in words for words in running_in(tmp_path).values()) for name in SERVERS)

        wait_for("both servers of the copy run", both, 60, log.read_text)
    finally:
        drill.send_signal(signal.SIGKILL)
        drill.wait()

    wait_for("no process of the copy is left", lambda: not running_in(tmp_path), 60, log.read_text)
