"""Starts a process for each service, starts anew what dies, ends them all together.

It has one thread alone, so that it can fork at any time: a service is a fork of this process, which has loaded all that
services need. So they share that memory.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tapewatch.simulating import push
from tapewatch.simulating.control import LINE, Channel
from tapewatch.simulating.faults import FAULTS
from tapewatch.simulating.plan import Plan, ServicePlan
from tapewatch.simulating.service import run

__all__ = ["Supervisor"]

STOP_WITHIN = 5.0
"""Seconds that services have to end, before they are killed."""

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before a service that died is started anew; they double each time."""

LIVED = 30.0
"""Seconds after which a service counts as having lived, and the first pause holds again."""

ENDS = (signal.SIGTERM, signal.SIGINT)


@dataclass
class _Child:
    """A service's process."""

    plan: ServicePlan
    pid: int = 0
    line: socket.socket | None = None
    started: float = 0.0
    pause: float = FIRST_PAUSE
    due: float = 0.0
    received: bytes = b""
    told: bool = False


class Supervisor:
    """The platform, while `run` lasts.

    Parameters:
        plan: what runs.
        say: is told what a person should read.
    """

    def __init__(self, plan: Plan, say: Callable[[str], None]) -> None:
        self._plan = plan
        self._say = say
        self._faults = dict(plan.faults)
        self._children = [_Child(service) for service in plan.services]
        self._began = time.monotonic()
        self._ending = False
        self._selector = selectors.DefaultSelector()
        self._control: socket.socket | None = None

    def run(self) -> None:
        """Run until SIGTERM or SIGINT."""
        self._take_signals()
        self._listen()
        _load_now(self._plan)
        self._say(f"{len(self._children)} services; Ctrl-C ends them")
        try:
            while not self._ending:
                self._start_what_is_due()
                for key, _ in self._selector.select(self._wait()):
                    key.data()
                self._bury()
        finally:
            self._end()

    def _take_signals(self) -> None:
        """Signals wake the selector; those that came while Python was starting are taken now."""
        read, write = socket.socketpair()
        for each in (read, write):
            each.setblocking(False)
        self._signals = (read, write)
        signal.set_wakeup_fd(write.fileno(), warn_on_full_buffer=False)
        for number in ENDS:
            signal.signal(number, self._on_end)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDS)

        def drain() -> None:
            with suppress(BlockingIOError):
                read.recv(4096)

        self._selector.register(read, selectors.EVENT_READ, drain)

    def _on_end(self, *_: object) -> None:
        self._ending = True

    def _listen(self) -> None:
        if not self._plan.control:
            return
        Path(self._plan.control).unlink(missing_ok=True)
        control = self._control = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            control.bind(self._plan.control)
        finally:
            os.umask(before)
        control.listen()
        self._selector.register(control, selectors.EVENT_READ, self._obey)

    def _obey(self) -> None:
        """Take one message at the control socket."""
        assert self._control is not None
        with suppress(OSError, ValueError, TypeError, AttributeError):
            line, _ = self._control.accept()
            with line:
                line.settimeout(1.0)
                message = json.loads(line.makefile("r", encoding="utf-8").readline(LINE) or "{}")
                on = {name: str(value) for name, value in message.get("on", {}).items() if name in FAULTS}
                off = set(message.get("off", ()))
                self._change({name: value for name, value in {**self._faults, **on}.items() if name not in off})
                line.sendall(json.dumps(self._faults).encode() + b"\n")

    def _change(self, faults: dict[str, str]) -> None:
        for name in sorted(faults.keys() ^ self._faults.keys()):
            self._say(f"fault {name} is {'on' if name in faults else 'over'}")
        self._faults = faults
        for child in self._children:
            self._tell(child)
            if child.pid and self._stopped(child):
                os.kill(child.pid, signal.SIGTERM)

    def _stopped(self, child: _Child) -> bool:
        """Whether a fault wants this service dead."""
        wanted = (value for name, value in self._faults.items() if FAULTS[name].supervised)
        return child.plan.name in wanted

    def _tell(self, child: _Child) -> None:
        if child.line is not None:
            with suppress(OSError):
                child.line.sendall(json.dumps(self._faults).encode() + b"\n")

    def _wait(self) -> float | None:
        dead = [child.due for child in self._children if not child.pid and not self._stopped(child)]
        return max(0.0, min(dead) - time.monotonic()) if dead else None

    def _start_what_is_due(self) -> None:
        now = time.monotonic()
        for child in self._children:
            if not child.pid and child.due <= now and not self._stopped(child) and not self._ending:
                self._start(child)

    def _start(self, child: _Child) -> None:
        ours, theirs = socket.socketpair()
        child.started, child.received = time.monotonic(), b""
        child.pid = os.fork()
        if child.pid == 0:
            ours.close()
            self._be(child.plan, theirs)
        theirs.close()
        child.line = ours
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(child))
        self._tell(child)

    def _be(self, service: ServicePlan, line: socket.socket) -> None:
        """In the fork: be a service, and never come back."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal tells us all; the supervisor ends us
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for key in list(self._selector.get_map().values()):
                os.close(key.fd)
            channel = Channel(line)
            signal.signal(signal.SIGTERM, lambda *_: channel.stop.set())
            code = _lived(self._plan, service, self._began, channel)
        finally:
            sys.stdout.flush()
            os._exit(code)

    def _hear(self, child: _Child) -> None:
        assert child.line is not None
        more = b""
        with suppress(OSError):
            more = child.line.recv(LINE)
        if not more:
            self._selector.unregister(child.line)
            child.line.close()
            child.line = None
            return
        *lines, child.received = (child.received + more).split(b"\n")
        for line in lines:
            self._take(child, json.loads(line))

    def _take(self, child: _Child, message: dict[str, Any]) -> None:
        if "say" in message:
            self._say(str(message["say"]))
        elif not child.told:
            child.told = True
            self._say(f"{child.plan.name}: {_where(self._plan, child.plan)}")
        else:
            self._say(f"{child.plan.name}: is back")

    def _bury(self) -> None:
        """Take note of the services that have ended."""
        for child in self._children:
            if not child.pid:
                continue
            pid, status = os.waitpid(child.pid, os.WNOHANG)
            if not pid:
                continue
            child.pid = 0
            if child.line is not None:
                self._hear_the_end(child)
            lived = time.monotonic() - child.started
            child.pause = FIRST_PAUSE if lived > LIVED else min(2 * child.pause, LONGEST_PAUSE)
            child.due = time.monotonic() + child.pause
            if self._stopped(child):
                self._say(f"{child.plan.name}: is down, as the fault wants it")
            else:
                self._say(f"{child.plan.name}: {_ending(status)}; it is started anew in {child.pause:g} s")

    def _hear_the_end(self, child: _Child) -> None:
        while child.line is not None:
            self._hear(child)

    def _end(self) -> None:
        """End all services, and wait for them."""
        alive = [child for child in self._children if child.pid]
        for child in alive:
            os.kill(child.pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_WITHIN
        for child in alive:
            while (late := time.monotonic() > deadline) is False and os.waitpid(child.pid, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
            if late:
                self._say(f"{child.plan.name}: does not end, and is killed")
                os.kill(child.pid, signal.SIGKILL)
                os.waitpid(child.pid, 0)
        if self._control is not None:
            self._control.close()
            Path(self._plan.control).unlink(missing_ok=True)


def _lived(plan: Plan, service: ServicePlan, began: float, channel: Channel) -> int:
    """Be a service; gives the exit code."""
    try:
        run(plan, service, began, channel)
    except OSError as error:
        channel.say(f"{service.name}: {error.strerror or error}")
        return 1
    return 0


def _load_now(plan: Plan) -> None:
    """Load what services would load each on its own, and keep the garbage collector off what they share."""
    import tapewatch_sdk.events
    import tapewatch_sdk.logs

    if any(name.startswith("OTEL_EXPORTER_OTLP_") for name in os.environ):
        with suppress(ImportError):
            import tapewatch_sdk.logs._otlp
            import tapewatch_sdk.tracing._recording  # noqa: F401
    if any(service.push_interval for service in plan.services):
        push.load(plan.push_urls)
    gc.collect()
    gc.freeze()


def _where(plan: Plan, service: ServicePlan) -> str:
    if service.push_interval:
        return f"pushes every {service.push_interval:g} s" if plan.push_urls else "would push, and has no URL"
    if not service.ports:
        return "listens nowhere, its address is found by discovery"
    host = f"[{plan.listen}]" if ":" in plan.listen else plan.listen
    return ", ".join(f"http://{host}:{port}{service.metrics}" for port in service.ports)


def _ending(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
