"""A real systemd, booted beside this machine's own processes, in which units run as on a host.

It has the programs of this machine, a network of its own with nothing but loopback, and forgets everything at its end.
"""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from support.started import note_started
from support.waiting import wait_for

__all__ = ["Machine"]

BOOT_TIMEOUT = 30.0
"""Seconds; it takes less than one."""

STOP_TIMEOUT = 10.0

_NUMBERS = itertools.count()
"""Several machines of one test have groups of their own."""

_SCRIPT = Path(__file__).with_name("systemd_boot.sh")


class Machine:
    """A booted systemd.

    Parameters:
        folder: an empty folder.
        files: what appears where: a folder's content is copied, a file is mounted.
    """

    def __init__(self, folder: Path, files: Mapping[Path, str]) -> None:
        self._folder = folder
        self._files = files
        self._group = f"tapewatch-test-{os.getpid()}-{next(_NUMBERS)}"
        self._process: subprocess.Popen[bytes] | None = None
        self._init = 0

    def __enter__(self) -> Self:
        words = [word for source, target in self._files.items() for word in (str(source), target)]
        root = self._folder / "machine"
        root.mkdir()
        note_started("systemd")
        with (self._folder / "boot.log").open("wb") as log:
            self._process = subprocess.Popen([_SCRIPT, root, self._group, *words], stdout=log, stderr=log)
        try:
            wait_for("systemd is booted", self._is_booted, BOOT_TIMEOUT, (self._folder / "boot.log").read_text)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def process(self) -> int:
        """Its first process, by which its namespaces are reached."""
        return self._init

    def command(self, *words: str) -> list[str]:
        """What runs a command in there, for who starts it himself."""
        return ["nsenter", f"--target={self._init}", "--all", "--", *words]

    def run(self, *command: str, check: bool = True, timeout: float = 60.0) -> str:
        """What a command in there prints, with what it complains of.

        Raises:
            AssertionError: it fails, unless `check` is off.
        """
        done = subprocess.run(
            self.command(*command),
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def _is_booted(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, (self._folder / "boot.log").read_text()
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text().split()
        if not children:
            return False
        self._init = int(children[0])
        if Path(f"/proc/{self._init}/comm").read_text().strip() != "systemd":
            return False
        return self.run("systemctl", "is-active", "basic.target", check=False).strip() == "active"

    def stop(self) -> None:
        """Switch it off, as when a host loses power: process 1 of its namespace takes all the others with it."""
        if self._process is None:
            return
        if self._init:
            with suppress(ProcessLookupError):
                os.kill(self._init, signal.SIGKILL)
        self._process.kill()
        self._process.wait()
        self._process = None
        wait_for("the machine's groups are gone", self._is_cleared, STOP_TIMEOUT)

    def _is_cleared(self) -> bool:
        """A group can only go once the last process in it has."""
        root = Path("/sys/fs/cgroup")
        groups = [found for each in (root, *root.iterdir()) if (found := each / self._group).is_dir()]
        for group in groups:
            for folder, _, _ in os.walk(group, topdown=False):
                with suppress(OSError):
                    Path(folder).rmdir()
        return not any(group.is_dir() for group in groups)
