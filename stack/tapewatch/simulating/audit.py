"""The audit trail of a simulated service: events go to the project's API by way of the disk, so that none is lost."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tapewatch.simulating.plan import Plan
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import AUDIT_TYPES, Event, EventBus, HttpSender, SpooledSink

__all__ = ["HISTORY", "SPOOL", "api_of", "audited"]

HISTORY = "api"
"""The service that takes events, and the receivers' messages."""

SPOOL = "TAPEWATCH_SPOOL"
"""Variable with the folder for events that the API does not have yet; one that ends with the platform when not set."""

LIMIT = 1 << 20
"""Bytes that a service may keep there: some 3000 events, of which there are a few in an hour."""

BEGINS_WITHIN = 5.0
"""Seconds in which it is no news, and not logged, that the API does not answer: it begins at the same time."""

LAST_WORDS = 2.0
"""Seconds that the events of a service's end have to get to the disk."""


@contextmanager
def audited(bus: EventBus, plan: Plan, service: str, say: Callable[[str], None]) -> Iterator[None]:
    """Send the events of the audit trail to the project's API, where it is simulated as well.

    While the API is away they wait on the disk; a service that was killed sends them when it is started anew.

    Parameters:
        bus: takes the service's events.
        plan: the platform.
        service: name of the service.
        say: is told when there can be no spool; the service goes on without.
    """
    sink = _sink(plan, service, say)
    if sink is None:
        yield
        return
    spool, folder = sink
    bus.attach(spool, types=AUDIT_TYPES)
    try:
        yield
    finally:
        bus.flush(LAST_WORDS)
        done = spool.close()
        if done and folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
            with suppress(OSError):  # others are still there
                folder.parent.rmdir()


def api_of(plan: Plan) -> str:
    """Base URL of the project's API, as services of this platform reach it; empty where it is not one of them."""
    ports = [port for each in plan.services if each.name == HISTORY for port in each.ports]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(plan.listen, plan.listen)  # noqa: S104 -- compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{ports[0]}" if ports else ""


def _sink(plan: Plan, service: str, say: Callable[[str], None]) -> tuple[SpooledSink, Path | None] | None:
    """The sink, and its folder if that is to be removed in the end."""
    url, kept = api_of(plan), os.environ.get(SPOOL, "")
    if not url or not (kept or plan.control):
        return None
    try:
        folder = Path(kept) if kept else _passing(Path(plan.control))
        sink = SpooledSink(folder / service, _patient(HttpSender(url)), limit=LIMIT, name="audit")
    except (ProblemsError, OSError) as error:
        say(f"{service}: {error}")
        return None
    return sink, None if kept else folder / service


def _patient(sender: HttpSender) -> Callable[[Sequence[Event]], None]:
    until = time.monotonic() + BEGINS_WITHIN

    def send(events: Sequence[Event]) -> None:
        while True:
            try:
                return sender.send(events)
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)

    return send


def _passing(control: Path) -> Path:
    """A folder beside the platform's control socket, this user's alone; those of platforms that were killed go."""
    for old in control.parent.glob("*.spool"):
        if Path("/proc/self").exists() and not Path(f"/proc/{old.stem.rpartition('-')[2]}").exists():
            shutil.rmtree(old, ignore_errors=True)
    spool = control.with_suffix(".spool")
    spool.mkdir(mode=0o700, exist_ok=True)
    return spool
