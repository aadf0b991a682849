"""A network that machines of a test share with nobody: a bridge in a namespace of its own."""

from __future__ import annotations

import subprocess
from types import TracebackType
from typing import Self

from support.machine import Machine

__all__ = ["Network"]


class Network:
    """The network; it ends with the last machine that is in it."""

    def __enter__(self) -> Self:
        self._holder = subprocess.Popen(
            ["unshare", "--net", "sh", "-c", "ip link add name lan type bridge && ip link set lan up && echo && cat"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        assert self._holder.stdout is not None
        assert self._holder.stdout.readline() == b"\n", "no bridge could be made"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._holder.communicate()

    def join(self, machine: Machine, address: str) -> None:
        """Give a machine an address in the network, such as `10.0.7.11/24`."""
        name = f"to-{machine.process}"
        self._run("ip", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", str(machine.process))
        self._run("ip", "link", "set", name, "master", "lan", "up")
        machine.run("ip", "address", "add", address, "dev", "eth0")
        machine.run("ip", "link", "set", "eth0", "up")

    def _run(self, *words: str) -> None:
        command = ["nsenter", f"--target={self._holder.pid}", "--net", "--", *words]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
