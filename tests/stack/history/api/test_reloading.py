"""`tapewatch history serve --dev`: started anew when something changes, and nothing left behind."""

from __future__ import annotations

import signal
import socket
import sys
from pathlib import Path

from support.historian import Historian
from support.waiting import wait_for

IMPATIENT = """
import sys
from tapewatch.history.serving import reloading
reloading.STOP_TIMEOUT = 3.0
sys.exit(reloading.reload(sys.argv[1:], [], print))
"""


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_signal_to_end_it_ends_the_process_that_it_started(tmp_path: Path) -> None:
    historian = Historian(tmp_path, "--dev").start()

    assert historian.stop() == 0
    assert not listens(historian.port), "it would keep the port and the store"


def test_an_interrupt_that_the_process_is_not_told_of_ends_it_too(tmp_path: Path) -> None:
    historian = Historian(tmp_path)
    historian._command = [sys.executable, "-P", "-c", IMPATIENT, *historian._command[4:]]
    historian.start()

    assert historian.stop(signal.SIGINT) == 1
    assert "Traceback" not in historian.log()
    assert not listens(historian.port)


def test_a_change_of_the_catalogue_starts_it_anew(tmp_path: Path) -> None:
    historian = Historian(tmp_path, "--dev").start()
    try:
        with (tmp_path / "catalogue.yaml").open("a") as file:
            file.write("\n# changed\n")
        wait_for("it answers anew", lambda: historian.log().count("the history listens at") == 2, 60, historian.log)
    finally:
        historian.stop()
