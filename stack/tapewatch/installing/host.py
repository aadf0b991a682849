"""A host, or the folder of an image of one: asked by systemd's own programs, and changed by them."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tapewatch.installing.failures import no_etc, no_root, no_tool, not_booted, tool_failed

__all__ = ["Host", "State", "host_at"]

_SHOWN = "Id,ActiveState,ExecMainStartTimestamp,ActiveEnterTimestamp,StateChangeTimestamp,ReloadResult"

_BOOTED = Path("/run/systemd/system")
"""Is there where systemd is process 1: so says sd_booted(3)."""


@dataclass(frozen=True, slots=True)
class State:
    """How a unit is.

    Parameters:
        active: systemd's word, such as `active`, `inactive`, `failed`, `activating`.
        started: when its program was started, in seconds since 1970; 0 where it was not.
        read: when it last read its configuration: at its start, or when it was reloaded after that.
        refused: whether it failed when it was last told to reload.
    """

    active: str = "inactive"
    started: float = 0.0
    read: float = 0.0
    refused: bool = False

    @property
    def runs(self) -> bool:
        """Whether its program is up, or about to be."""
        return self.active in ("active", "activating", "reloading")


class Host:
    """Where units are installed.

    Parameters:
        root: `/`, or the folder of an image.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.live = root == Path("/")
        self.etc = root / "etc"

    def at(self, path: str) -> Path:
        """A whole path of the host."""
        return self.root / path.lstrip("/")

    def has_user(self, name: str) -> bool:
        """Whether the host knows a user; of a running one also such as come from elsewhere."""
        if self.live:
            with suppress(KeyError):
                return bool(pwd.getpwnam(name))
            return False
        try:
            lines = (self.etc / "passwd").read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return False
        return any(line.startswith(f"{name}:") for line in lines)

    def states(self, names: Iterable[str]) -> dict[str, State]:
        """How units are, by name; of an image none runs."""
        wanted = list(names)
        if not self.live or not wanted:
            return dict.fromkeys(wanted, State())
        said = self.run("systemctl", "show", f"--property={_SHOWN}", "--timestamp=us+utc", *wanted)
        blocks = (dict(line.split("=", 1) for line in block.splitlines()) for block in said.strip().split("\n\n"))
        return {block["Id"]: _state(block) for block in blocks}

    def run(self, *command: str) -> str:
        """What a program prints.

        Raises:
            ToolError: it is missing, or fails.
        """
        done = self.call(*command)
        if done.returncode:
            raise tool_failed(" ".join(command), (done.stderr or done.stdout).strip())
        return done.stdout

    def call(self, *command: str) -> subprocess.CompletedProcess[str]:
        """The same, whatever the exit code."""
        program = shutil.which(command[0])
        if program is None:
            raise no_tool(command[0])
        # Not in the terminal's colours or language, since it is read here.
        environ = {**os.environ, "LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
        return subprocess.run([program, *command[1:]], env=environ, capture_output=True, text=True, check=False)

    def tool(self, program: str, *arguments: str) -> str:
        """One of systemd's programs that work on an image as well."""
        return self.run(program, *(() if self.live else (f"--root={self.root}",)), *arguments)


def host_at(root: Path) -> Host:
    """The host.

    Raises:
        ProblemsError: it is no system, or not ours to change.
    """
    host = Host(root.resolve())
    if host.live and os.geteuid() != 0:
        raise no_root()
    if host.live and not _BOOTED.is_dir():
        raise not_booted()
    if not host.etc.is_dir():
        raise no_etc(str(root))
    return host


def _state(shown: dict[str, str]) -> State:
    started, entered, changed = (
        _seconds(shown.get(f"{each}Timestamp", "")) for each in ("ExecMainStart", "ActiveEnter", "StateChange")
    )
    return State(
        shown["ActiveState"],
        started,
        # A reload changes the state for as long as it takes, after the start that made the unit active.
        changed if changed > entered > 0 and shown["ActiveState"] == "active" else started,
        shown.get("ReloadResult", "success") != "success",
    )


def _seconds(text: str) -> float:
    """Seconds since 1970 of systemd's `Sun 2026-11-29 10:57:00.123456 UTC`; 0 for a moment that has not been."""
    if not text:
        return 0.0
    return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S.%f UTC").replace(tzinfo=UTC).timestamp()
