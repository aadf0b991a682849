"""Faults that only the kernel can make, as root: lost packets, and a small volume.

Where they cannot be made, the test is skipped by name. In CI (where the variable `CI` is set) it fails instead, and a
user who is not root gets by with `sudo`.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

__all__ = ["Loss", "cut_off", "losing_packets", "mounted_volume"]


class Loss:
    """Rules that drop a share of all packets to and from a loopback port.

    Parameters:
        port: the port.
        share: 0 to 1.
    """

    def __init__(self, port: int, share: float) -> None:
        self._comment = f"tapewatch-test-{uuid.uuid4().hex}"
        end = ["-m", "statistic", "--mode", "random", "--probability", str(share)]
        end += ["-m", "comment", "--comment", self._comment, "-j", "DROP"]
        self._rules = [["INPUT", "-i", "lo", "-p", "tcp", side, str(port), *end] for side in ("--dport", "--sport")]
        self._there: list[list[str]] = []

    def begin(self) -> None:
        """Puts the rules before all others."""
        for rule in self._rules:
            _run("iptables", "--wait", "-I", *rule)
            self._there.append(rule)

    def end(self) -> None:
        """Removes the rules that were put there, and no others: they bear a comment that is nobody else's."""
        while self._there:
            _run("iptables", "--wait", "-D", *self._there.pop())
        assert not self._shown()

    def dropped(self) -> int:
        """How many packets the rules have dropped so far."""
        return sum(int(line.split()[0]) for line in self._shown())

    def _shown(self) -> list[str]:
        lines = _run("iptables", "--wait", "-L", "INPUT", "-v", "-n", "-x").splitlines()
        return [line for line in lines if self._comment in line]


@contextmanager
def losing_packets(port: int, share: float) -> Iterator[Loss]:
    """Loses a share (0 to 1) of the packets to and from a loopback port as long as the block lasts."""
    _need("iptables", "--wait", "-L", "INPUT")
    loss = Loss(port, share)
    try:
        loss.begin()
        yield loss
    finally:
        loss.end()


@contextmanager
def cut_off(group: int, port: int, others: Sequence[int]) -> Iterator[None]:
    """A process is cut off from others at certain ports of loopback, over TCP and UDP, as long as the block lasts.

    Parameters:
        group: the group as which the process runs, alone on this machine: by it its own packets are told.
        port: where it listens.
        others: where those listen from whom it is cut off.
    """
    comment = ["-m", "comment", "--comment", f"tapewatch-test-{uuid.uuid4().hex}", "-j", "DROP"]
    _need("iptables", "--wait", "-L", "OUTPUT")
    there: list[list[str]] = []
    try:
        for protocol in ("tcp", "udp"):
            own = ["-m", "owner", "--gid-owner", str(group)]
            ways = [["--dport", str(port)], *(["--dport", str(other), *own] for other in others)]
            for way in ways:
                rule = ["OUTPUT", "-o", "lo", "-p", protocol, *way, *comment]
                _need("iptables", "--wait", "-I", *rule)
                there.append(rule)
        yield
    finally:
        for rule in there:
            _run("iptables", "--wait", "-D", *rule)


@contextmanager
def mounted_volume(folder: Path, size: int) -> Iterator[Path]:
    """A volume of `size` bytes, in memory, that is mounted at a new folder as long as the block lasts."""
    folder.mkdir()
    _need("mount", "-t", "tmpfs", "-o", f"size={size},mode=0777", "tmpfs", str(folder))
    try:
        yield folder
    finally:
        _run("umount", str(folder))


def _need(*command: str) -> None:
    """Runs the command; where that cannot be, the test ends here."""
    try:
        _run(*command)
    except (AssertionError, OSError) as error:
        reason = f"this fault cannot be made here: {error}"
        if _in_ci():
            pytest.fail(reason, pytrace=False)
        pytest.skip(reason)


def _run(*command: str) -> str:
    """What the command printed."""
    program = shutil.which(command[0], path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") or command[0]
    # In CI alone: no test that was not started as root touches somebody's firewall.
    sudo = ["sudo", "-n"] if _in_ci() and os.geteuid() != 0 else []
    done = subprocess.run([*sudo, program, *command[1:]], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, f"{' '.join(command)}: {(done.stdout + done.stderr).strip()}"
    return done.stdout


def _in_ci() -> bool:
    return bool(os.environ.get("CI"))
