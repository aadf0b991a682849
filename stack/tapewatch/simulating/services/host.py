"""The machine under a service, as Linux tells of it, and the service's clock, which is simulated."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path

from tapewatch.simulating.chance import Draws
from tapewatch.simulating.scene import Actor, Scene

__all__ = ["Host"]

LOOK_EVERY = 2.0
"""Real seconds between two looks at the machine."""

OFFSET = 0.000_025
"""Seconds that the clock is off at most, at rest; the budget is 100 microseconds."""

DRIFT = 0.000_25
"""Seconds that a clock is off that has drifted."""

_SWING = 300.0


class Host(Actor):
    """Processor, memory, disk, uptime and clock."""

    domains = frozenset({"host"})

    def __init__(self, scene: Scene) -> None:
        super().__init__(scene)
        self._began = time.monotonic()
        self._looked = -math.inf
        self._busy = _processor_times()
        self._phase = Draws(scene.seed, scene.stream("clock")).unit(0)

    def begin(self, now: float) -> None:
        """Everything is there from the first moment."""
        self.advance(now)

    def advance(self, now: float) -> None:
        """Look now and then at the machine, always at the clock."""
        real = time.monotonic()
        self.meters["system_uptime_seconds"].set(real - self._began)
        drifted = DRIFT if self.mine("clock-drift") else 0.0
        wave = math.sin(math.tau * (now / _SWING + self._phase))
        self.meters["system_clock_offset_seconds"].set(drifted + OFFSET * wave)
        if real - self._looked >= LOOK_EVERY:
            self._looked = real
            self._look()

    def _look(self) -> None:
        before, self._busy = self._busy, _processor_times()
        busy, whole = self._busy[0] - before[0], self._busy[1] - before[1]
        self.meters["system_cpu_percent"].set(100.0 * busy / whole if whole else 0.0)
        self.meters["system_memory_percent"].set(_memory_percent())
        disk = os.statvfs("/")
        self.meters["system_disk_usage_percent"].set(
            100.0 * (1 - disk.f_bavail / disk.f_blocks) if disk.f_blocks else 0.0
        )


def _processor_times() -> tuple[float, float]:
    """Ticks in which the processors were busy, and all; nothing where there is no /proc."""
    try:
        fields = [float(each) for each in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:9]]
    except (OSError, ValueError):
        return 0.0, 0.0
    whole = sum(fields)
    return whole - sum(fields[3:5]), whole


def _memory_percent() -> float:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        found = {name: float(rest.split()[0]) for name, _, rest in (each.partition(":") for each in lines[:3])}
        return 100.0 * (1 - found["MemAvailable"] / found["MemTotal"])
    except (OSError, ValueError, KeyError, ZeroDivisionError):
        return 0.0
