"""Starts services and watches them until each is well, or cannot become it."""

from __future__ import annotations

import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TextIO

from tapewatch.running.containers import BAD, GOOD, Container, State, containers, state_of
from tapewatch.running.diagnosis import Fault, diagnose
from tapewatch.running.docker import failure
from tapewatch.running.images import Told
from tapewatch.running.ports import clash_in
from tapewatch.running.project import ComposeProject
from tapewatch.running.selection import dependents
from tapewatch_sdk.errors import ToolError

__all__ = ["settle", "start"]

POLL = 0.5
"""Seconds between two looks at the containers."""

PATIENCE = 5
"""How often a service may end before it is given up, once nothing else is being waited for: it then has run for a few
seconds all in all, and docker waits longer and longer before it starts it again."""

STOP_TIMEOUT = 10.0
"""Seconds that compose has to end when it is told to."""


def start(project: ComposeProject, names: Sequence[str], told: Told, timeout: float) -> list[Fault]:
    """Start services in the order of what they need, and wait until each is well.

    One that fails does not keep those from starting that do not need it. What runs already and fits the file is left
    alone; what differs from the file is replaced.

    Parameters:
        project: the stack.
        names: services whose images are here; what one of them needs is among them.
        told: is told each change of a service's state.
        timeout: seconds that all of them may take.

    Returns:
        What is wrong, one fault for each service that is not well.

    Raises:
        ToolError: compose failed for a reason that is no service's.
        KeyboardInterrupt: somebody lost patience; what runs goes on running.
    """
    watch = _Watch(project, names, told, timeout)
    open_ = list(names)
    while open_:
        code, said = watch.follow(
            project.command("up", "--detach", "--no-build", "--pull", "never", "--no-deps", *open_)
        )
        if code == 0 or watch.is_over:
            break
        culprits = watch.culprits(open_)
        if not culprits:
            services = project.services.values()
            raise ToolError([clash_in(said, services) or failure(said, "docker compose up")])
        hindered = dependents({name: project.services[name] for name in open_}, culprits)
        watch.give_up(hindered)
        open_ = [name for name in open_ if name not in culprits and name not in hindered]
    return watch.settle()


def settle(project: ComposeProject, names: Sequence[str], told: Told, timeout: float) -> list[Fault]:
    """Wait until services that were started are well; as `start`, without starting them."""
    return _Watch(project, names, told, timeout).settle()


@dataclass
class _Watch:
    """Looks at the containers again and again, and tells what changes."""

    project: ComposeProject
    names: Sequence[str]
    told: Told
    timeout: float
    found: Mapping[str, Container] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    _states: dict[str, State] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.end = time.monotonic() + self.timeout

    @property
    def is_over(self) -> bool:
        """Whether the time is up."""
        return time.monotonic() >= self.end

    def follow(self, command: Sequence[str]) -> tuple[int, str]:
        """Run compose while watching; gives its exit code and what it said on standard error."""
        with tempfile.TemporaryFile("w+", errors="replace") as said, _running(command, said) as process:
            while process.poll() is None and not self.is_over:
                self.look(settled=False)
                time.sleep(POLL)
            code = process.poll()
            said.seek(0)
            return (1 if code is None else code), said.read()

    def look(self, settled: bool = True) -> None:
        """See how the services are.

        Parameters:
            settled: compose has done its work; before that a container that does not fit the file is an old one.
        """
        self.found = containers(self.project)
        for name in self.names:
            container = self.found.get(name)
            if not settled and container and container.config_hash != self.project.hashes.get(name):
                container = None
            state = state_of(self.project.services[name], container)
            if self._states.get(name) is not state:
                self._states[name] = state
                self.told(name, "waiting" if state is State.MISSING else str(state))

    def culprits(self, names: Collection[str]) -> set[str]:
        """Those because of whom compose gave up."""
        self.look()
        bad = {name for name in names if self._states[name] in BAD or self._refused(name)}
        return bad or {name for name in names if self._states[name] is State.RESTARTING}

    def give_up(self, names: Collection[str]) -> None:
        """These are not waited for any longer."""
        self.given_up |= set(names)

    def settle(self) -> list[Fault]:
        """Wait until each service is well or cannot become it."""
        while True:
            self.look()
            open_ = [name for name in self.names if self._is_open(name)]
            if all(self._is_hopeless(name) for name in open_) or self.is_over:
                return diagnose(self.project, self.found, list(self.names), f"{self.timeout:.0f} s")
            time.sleep(POLL)

    def _is_open(self, name: str) -> bool:
        final = self._states[name] in GOOD | BAD or self._refused(name)
        return not final and name not in self.given_up

    def _is_hopeless(self, name: str) -> bool:
        return self._states[name] is State.RESTARTING and self.found[name].restarts >= PATIENCE

    def _refused(self, name: str) -> bool:
        """Whether docker could not start it."""
        container = self.found.get(name)
        return self._states[name] is State.CREATED and container is not None and bool(container.error)


@contextmanager
def _running(command: Sequence[str], said: TextIO) -> Iterator[subprocess.Popen[str]]:
    """A process in a session of its own, so that Ctrl-C reaches us alone; told to end when we leave before it."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=said, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
