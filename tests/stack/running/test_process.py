"""Servers that tapewatch starts on this machine end with it, whatever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from support.servers import free_port
from support.waiting import wait_for
from tapewatch.running import guard
from tapewatch.running.clients import Server
from tapewatch.running.process import Process
from tapewatch_sdk.errors import ToolError

SERVER = """
import http.server, os, signal, sys
if "deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print(f"pid {os.getpid()}", flush=True)
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""

OWNER = """
import sys, threading, time
from pathlib import Path
from tapewatch.running.clients import Server
from tapewatch.running.process import Process
url, log, *command = sys.argv[1:]
process = Process(command, Server(url), "/", Path(log))
starting = threading.Thread(target=process.__enter__)
starting.start()
starting.join()  # the thread that forked is gone, and the server is there
print("ready", flush=True)
time.sleep(600)
"""


def server(port: int, *words: str) -> list[str]:
    return [sys.executable, "-c", SERVER, str(port), *words]


def pids(log: Path) -> list[int]:
    """What the servers said of themselves."""
    return [int(line.split()[1]) for line in log.read_text().splitlines() if line.startswith("pid ")]


def alive(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody waits for does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


@contextmanager
def owner(folder: Path, *words: str) -> Iterator[tuple[subprocess.Popen[str], int, Path]]:
    """A process that has started a server from a thread which has ended; with the server's id and log."""
    port, log = free_port(), folder / "server.log"
    command = [sys.executable, "-c", OWNER, f"http://127.0.0.1:{port}", str(log), *server(port, *words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            (pid,) = pids(log)
            yield process, pid, log
        finally:
            process.kill()


@pytest.mark.parametrize("words", [(), ("deaf",)], ids=["", "that ignores SIGTERM"])
def test_a_server_ends_when_the_process_that_wants_it_is_killed(tmp_path: Path, words: tuple[str, ...]) -> None:
    with owner(tmp_path, *words) as (process, pid, log):
        assert alive(pid), "it lives on when only the thread has ended that started it"
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for("the server is gone", lambda: not alive(pid), 30, log.read_text)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux's kernel tells a process of its parent's death")
def test_a_server_ends_when_its_guard_is_killed(tmp_path: Path) -> None:
    with owner(tmp_path, "deaf") as (_, pid, log):
        stat = Path(f"/proc/{pid}/stat").read_text()
        os.kill(int(stat.rpartition(")")[2].split()[1]), signal.SIGKILL)
        wait_for("the server is gone", lambda: not alive(pid), 30, log.read_text)


def test_at_the_end_of_its_block_it_is_gone_and_so_is_its_guard(tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "logs" / "server.log"
    before = len(list(Path("/dev/fd").iterdir()))
    with Process(server(port), Server(f"http://127.0.0.1:{port}"), "/", log):
        (pid,) = pids(log)
        parent = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        assert parent != os.getpid()

    assert not alive(pid)
    assert not alive(parent)
    assert len(list(Path("/dev/fd").iterdir())) == before, "no end of a pipe is left"


def test_one_that_does_not_end_when_asked_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tapewatch.running.process.STOPPED_WITHIN", 0.5)
    port, log = free_port(), tmp_path / "server.log"
    with Process(server(port, "deaf"), Server(f"http://127.0.0.1:{port}"), "/", log):
        (pid,) = pids(log)

    wait_for("it is gone", lambda: not alive(pid), 30, log.read_text)


def test_one_that_ends_at_once_is_told_with_its_code_and_its_log(tmp_path: Path) -> None:
    wrong = [sys.executable, "-c", "import sys; print('a wrong flag'); sys.exit(7)"]
    with (
        pytest.raises(ToolError, match=r"(?s)ended with code 7.*a wrong flag"),
        Process(wrong, Server(f"http://127.0.0.1:{free_port()}"), "/", tmp_path / "log"),
    ):
        pass


def test_one_that_cannot_be_started_is_told_with_the_reason(tmp_path: Path) -> None:
    with (
        pytest.raises(ToolError, match="no-such-program cannot be started: No such file"),
        Process([tmp_path / "no-such-program"], Server(f"http://127.0.0.1:{free_port()}"), "/", tmp_path / "log"),
    ):
        pass


def test_a_program_ended_by_a_signal_gives_a_code_as_in_a_shell(tmp_path: Path) -> None:
    theirs, ours = os.pipe()
    program = [sys.executable, "-c", "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"]
    done = subprocess.run(
        [sys.executable, "-IS", guard.__file__, str(theirs), *program], pass_fds=(theirs,), check=False, timeout=60
    )
    for each in (theirs, ours):
        os.close(each)

    assert done.returncode == 128 + signal.SIGKILL


def test_servers_started_side_by_side_do_not_keep_each_other_alive(tmp_path: Path) -> None:
    """Neither has inherited the other's end of the pipe."""
    logs = [tmp_path / f"{name}.log" for name in ("one", "two")]
    ports = [free_port() for _ in logs]
    first, second = (
        Process(server(port), Server(f"http://127.0.0.1:{port}"), "/", log)
        for port, log in zip(ports, logs, strict=True)
    )
    with first, second:
        ((one,), (two,)) = (pids(log) for log in logs)
        stopping = threading.Thread(target=first.stop)
        stopping.start()
        stopping.join()
        assert not alive(one)
        assert alive(two)
    assert not alive(two)
