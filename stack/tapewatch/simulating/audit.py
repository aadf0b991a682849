"""The audit trail of a simulated service: events go to the project's API by way of the disk, so that none is lost."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from tapewatch.simulating.plan import Plan
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.events import AUDIT_TYPES, TRADE_TYPES, Event, EventBus, HttpSender, SpooledSink
from tapewatch_sdk.problems import Place, Problem

__all__ = ["API_KEY_FILE", "HISTORY", "SPOOL", "api_of", "audited", "signed"]

HISTORY = "api"
"""The service that takes events, and the receivers' messages."""

SPOOL = "TAPEWATCH_SPOOL"
"""Variable with the folder for events that the API does not have yet; one that ends with the platform when not set."""

API_KEY_FILE = "TAPEWATCH_API_KEY_FILE"
"""Variable with the file that holds the key of an API that is not simulated; without it none is shown."""

LIMIT = 1 << 20
"""Bytes that a service may keep there: some 3000 events, of which there are a few in an hour."""

TRADES = 16 << 20
"""The same for trades: some 40,000 events, of which there are two in a second."""

BEGINS_WITHIN = 5.0
"""Seconds in which it is no news, and not logged, that the API does not answer: it begins at the same time."""

LAST_WORDS = 2.0
"""Seconds that the events of a service's end have to get to the disk."""


@contextmanager
def audited(bus: EventBus, plan: Plan, service: str, say: Callable[[str], None]) -> Iterator[None]:
    """Send the events of the audit trail to the project's API, and to the real one also what becomes of orders.

    While the API is away they wait on the disk, trades apart, so that they leave the audit trail its room; a service
    that was killed sends them when it is started anew.

    Parameters:
        bus: takes the service's events.
        plan: the platform.
        service: name of the service.
        say: is told when there can be no spool; the service goes on without.
    """
    wanted = {"audit": (AUDIT_TYPES, LIMIT), **({"trades": (TRADE_TYPES - AUDIT_TYPES, TRADES)} if plan.api else {})}
    sinks = []
    for name, (types, limit) in wanted.items():
        if sink := _sink(plan, service, name, limit, say):
            bus.attach(sink[0], types=types)
            sinks.append(sink)
    try:
        yield
    finally:
        if sinks:
            bus.flush(LAST_WORDS)
        for spool, folder in sinks:
            _close(spool, folder)


def _close(spool: SpooledSink, folder: Path | None) -> None:
    """Send what waits; a folder that is to pass with the platform goes when it is empty."""
    if spool.close() and folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # others are still there
            folder.parent.rmdir()


def api_of(plan: Plan) -> str:
    """Base URL of the project's API, as services of this platform reach it; empty where there is none."""
    if plan.api:
        return plan.api
    ports = [port for each in plan.services if each.name == HISTORY for port in each.ports]
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(plan.listen, plan.listen)  # noqa: S104 -- compared, not bound
    return f"http://{f'[{host}]' if ':' in host else host}:{ports[0]}" if ports else ""


def signed(url: str) -> str:
    """The URL to push metrics to at an API that is not simulated, with its key if there is one."""
    file = _key_file()
    if file is None:
        return url
    try:
        key = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ProblemsError([_no_key(file, error)]) from error
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=f"tapewatch:{quote(key, safe='')}@{parts.netloc.rpartition('@')[2]}"))


def _key_file() -> Path | None:
    name = os.environ.get(API_KEY_FILE, "")
    return Path(name) if name else None


def _no_key(file: Path, error: OSError) -> Problem:
    return Problem(
        "simulate/no-api-key",
        f"the key of the API cannot be read: {error.strerror or error}",
        f"{API_KEY_FILE} names a file with the key that the API was started with",
        "correct the variable, or unset it for an API that wants no key",
        Place(file=str(file)),
    )


def _sink(
    plan: Plan, service: str, name: str, limit: int, say: Callable[[str], None]
) -> tuple[SpooledSink, Path | None] | None:
    """The sink, and its folder if that is to be removed in the end."""
    url, kept = api_of(plan), os.environ.get(SPOOL, "")
    if not url or not (kept or plan.control):
        return None
    try:
        root = Path(kept) if kept else _passing(Path(plan.control))
        folder = root / (service if name == "audit" else f"{service}.{name}")
        sink = SpooledSink(folder, _patient(HttpSender(url, _key_file())), limit=limit, name=name)
    except (ProblemsError, OSError) as error:
        say(f"{service}: {error}")
        return None
    return sink, None if kept else folder


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
