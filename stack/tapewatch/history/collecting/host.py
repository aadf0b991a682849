"""Readings of the host that the history runs on, as one more scrape.

A collector touches neither disk nor network, so it does not read the host itself: the history reads it, once a round,
and hands the readings on like those of any service, under names that no service of the platform has.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil

from tapewatch.history.collectors.host import ALERTS, CPU, DISK, HEALTH, MEMORY, STATUS, UPTIME
from tapewatch.history.samples import Layout, Scrape, Series

__all__ = ["SERVICE", "Host"]

SERVICE = "api"
"""The service that the readings belong to: the one that the history runs in."""


class Host:
    """Reads this host; whoever runs the API says how healthy it is.

    Parameters:
        health: gives the API's state in a word, such as `ready`; None when it is not known.
        alerts: gives how many alerts are active; None when it is not known.
        disk: a folder on the disk whose usage is told: the one that holds the history.
    """

    def __init__(
        self,
        health: Callable[[], str | None] = lambda: None,
        alerts: Callable[[], int | None] = lambda: None,
        disk: Path = Path(),
    ) -> None:
        self.health = health
        self.alerts = alerts
        self._disk = disk
        self._started = psutil.Process().create_time()
        self._layout = Layout(())
        psutil.cpu_percent()  # the first call has nothing to compare with, and gives 0

    def scrape(self, at: float) -> Scrape:
        """The readings of now.

        Parameters:
            at: when the round began, as Unix time in seconds.
        """
        begun = time.perf_counter()
        readings: dict[tuple[str, tuple[tuple[str, str], ...]], float] = {
            (CPU, ()): psutil.cpu_percent(),
            (MEMORY, ()): psutil.virtual_memory().percent,
            (UPTIME, ()): max(time.time() - self._started, 0.0),
        }
        with suppress(OSError):  # the folder is not there yet: then its disk is not known
            readings[DISK, ()] = psutil.disk_usage(str(self._disk)).percent
        if (status := self.health()) is not None:
            readings[HEALTH, ((STATUS, status),)] = 1.0
        if (alerts := self.alerts()) is not None:
            readings[ALERTS, ()] = float(alerts)
        series = tuple(Series(name, labels, "gauge") for name, labels in readings)
        if series != self._layout.series:
            self._layout = Layout(series)
        duration = time.perf_counter() - begun
        return Scrape(SERVICE, "host", at, duration, layout=self._layout, values=np.array([*readings.values()]))
