"""The one call that starts pushing."""

from __future__ import annotations

import atexit
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.exporters._labels import checked
from tapewatch_sdk.exporters._losses import Losses, losses_of
from tapewatch_sdk.exporters._reading import Reader
from tapewatch_sdk.exporters._urls import PUSH_URL, Target, targets
from tapewatch_sdk.exporters.contract import Collects, Counts, Export, Exporter
from tapewatch_sdk.instruments import default_registry
from tapewatch_sdk.problems import Place, Problem

__all__ = ["API_KEY", "BUFFER", "ENVIRONMENT", "Pushing", "push"]

API_KEY = "GRAFANA_API_KEY"
"""Environment variable with `instance:token`, or a token."""

ENVIRONMENT = "ENVIRONMENT"
"""Environment variable with the value of the label `environment`."""

BUFFER = 40
"""Batches that are kept for each URL while nothing can be sent: ten minutes, at the interval of 15 s."""

CLOSE_TIMEOUT = 2.0
"""Seconds that the end of the program may be held up for what is not sent yet."""

PATIENCE = 0.2
"""Seconds more that an exporter may take to say that its time is over."""

_BUILT_IN = {
    "otlp": "OtlpExporter",
    "prometheus": "PrometheusExporter",
    "remote_write": "RemoteWriteExporter",
    "statsd": "StatsdExporter",
}
"""Our own exporters, each in the module of its name: they are found without asking for what is installed."""


class Pushing:
    """What `push` has started; the end of the program closes it.

    Parameters:
        exports: the exports by their URLs, without secrets.
        losses: counts what they lose.
    """

    def __init__(self, exports: Mapping[str, Export], losses: Losses | None = None) -> None:
        self._exports = dict(exports)
        self._losses = losses
        self._pid = os.getpid()
        self._closed = False

    @property
    def on(self) -> bool:
        """Whether anything is pushed, by this process."""
        return bool(self._exports) and not self._closed and os.getpid() == self._pid

    @property
    def counts(self) -> Mapping[str, Counts]:
        """What became of the batches, by URL (without user and password)."""
        return {url: export.counts for url, export in self._exports.items()}

    @property
    def failures(self) -> Mapping[str, str]:
        """What was wrong with the last try, by URL; empty where it was taken, and before the first."""
        return {url: export.failure for url, export in self._exports.items()}

    def flush(self, timeout: float = 5.0) -> bool:
        """Send the values of now everywhere, and wait until they are taken.

        Parameters:
            timeout: seconds, for all of them together.

        Returns:
            False when some were not.
        """
        return not self.on or self._each(lambda export, left: export.flush(left), timeout)

    def close(self, timeout: float = CLOSE_TIMEOUT) -> bool:
        """Flush, and push no more; False when something could not be sent within `timeout` seconds.

        It happens by itself when the program ends.
        """
        if not self.on:
            return True
        atexit.unregister(self.close)
        done = self._each(lambda export, left: export.close(left), timeout)
        self._closed = True
        if self._losses is not None:
            self._losses.remove(self._exports.values())
        return done

    def __repr__(self) -> str:
        return f"<Pushing to {', '.join(self._exports) or 'nowhere'}>"

    def _each(self, do: Callable[[Export, float], bool], timeout: float) -> bool:
        """Have all exports do something at once, so that one that hangs takes no time from the others."""
        done: list[bool] = []

        def one(export: Export) -> None:
            done.append(_quietly(do, export, timeout))

        threads = [threading.Thread(target=one, args=(each,), daemon=True) for each in self._exports.values()]
        end = time.monotonic() + timeout
        for thread in threads:
            try:
                thread.start()
            except RuntimeError:  # some Pythons start none while the program ends
                thread.run()
        for thread in threads:
            if thread.ident is not None:
                thread.join(max(0.0, end - time.monotonic()) + PATIENCE)
        return len(done) == len(threads) and all(done)


def push(
    url: str | Sequence[str] | None = None,
    *,
    service: str,
    team: str = "",
    environment: str | None = None,
    registry: Collects | None = None,
    interval: float = 15.0,
    labels: Mapping[str, str] | None = None,
    api_key: str | None = None,
    buffer: int = BUFFER,
) -> Pushing:
    """Push the values of all instruments from now on, in the background.

    Parameters:
        url: where to, one or several; by default what `GRAFANA_PUSH_URL` says. Without any nothing is pushed.
        service, team, environment: who this is, as in the catalogue: labels of every series. `environment` is by
            default what the variable `ENVIRONMENT` says.
        registry: what is pushed: one of ours or of prometheus-client's; by default the SDK's own default.
        interval: seconds from one push to the next; the catalogue's `push.interval`.
        labels: further labels of every series.
        api_key: `instance:token` or a token, for URLs that carry no password of their own; by default what
            `GRAFANA_API_KEY` says. It is sent by https alone, or to this machine.
        buffer: how many batches are kept for each URL while nothing can be sent.

    Raises:
        ProblemsError: a URL is wrong, nobody takes it, or a package is missing for it; a label or a number is wrong.
    """
    where = targets(
        os.environ.get(PUSH_URL, "") if url is None else url,
        os.environ.get(API_KEY, "") if api_key is None else api_key,
    )
    environment = os.environ.get(ENVIRONMENT, "") if environment is None else environment
    own = checked({**(labels or {}), "service": service, "team": team, "environment": environment})
    _check(interval, buffer)
    if not where:
        return Pushing({})
    read = default_registry() if registry is None else registry
    losses = losses_of(read)
    pushing = Pushing(_started(where, lambda: Reader(read, own, interval, buffer), losses), losses)
    _at_end(pushing)
    return pushing


def _started(where: Sequence[Target], reader: Callable[[], Reader], losses: Losses) -> dict[str, Export]:
    """All exports, or none."""
    exports: dict[str, Export] = {}
    problems: list[Problem] = []
    exporters = []
    for target in where:
        try:
            exporters.append((target, _exporter(target.exporter)))
        except ProblemsError as error:
            problems += error.problems
    for target, exporter in exporters:
        try:
            export = exporter.start(reader(), target.destination)
        except ProblemsError as error:
            problems += error.problems
            continue
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises, it is named
            problems.append(_failed(target.exporter, error))
            continue
        shown = target.destination.shown
        exports[shown if shown not in exports else f"{target.exporter}+{shown}"] = export
        losses.add(target.exporter, export)
    if problems:
        for export in exports.values():
            _quietly(lambda each, _: each.close(0.0), export, 0.0)
        losses.remove(exports.values())
        raise ProblemsError(problems)
    return exports


def _exporter(name: str) -> Exporter:
    """The exporter of this name; others than ours are looked for among what is installed.

    Raises:
        PluginError: there is none, or it cannot be used.
    """
    if name in _BUILT_IN:
        made: Any = getattr(import_module(f"tapewatch_sdk.exporters.{name}"), _BUILT_IN[name])
        return made()  # type: ignore[no-any-return]
    from tapewatch_sdk.loading import load

    return load("tapewatch.exporters", name)  # type: ignore[no-any-return]


def _failed(name: str, error: Exception) -> Problem:
    from tapewatch_sdk.loading import failure

    return failure("tapewatch.exporters", name, "start", error)


def _check(interval: float, buffer: int) -> None:
    wrong = []
    if not (math.isfinite(interval) and interval > 0):
        wrong.append(("interval", interval, "a number of seconds above 0"))
    if buffer < 1:
        wrong.append(("buffer", buffer, "1 batch or more"))
    if wrong:
        raise ProblemsError(
            [
                Problem(
                    "push/bad-setting",
                    f"`{name}` cannot be {value!r}",
                    must=must,
                    fix="leave it out, or take it from the catalogue: `push: {interval: 15s}`",
                    where=Place(path=name),
                )
                for name, value, must in wrong
            ]
        )


def _quietly(do: Callable[[Export, float], bool], export: Export, timeout: float) -> bool:
    """What an export of a plugin raises goes no further."""
    try:
        return do(export, timeout)
    except Exception:  # noqa: BLE001 - as it says
        return False


def _at_end(pushing: Pushing) -> None:
    atexit.register(pushing.close)
    # A child of multiprocessing ends without `atexit`.
    processes = sys.modules.get("multiprocessing.process")
    if processes is not None and processes.parent_process() is not None:
        from multiprocessing.util import Finalize

        Finalize(None, pushing.close, exitpriority=0)
