"""Checks of health and readiness: each has a name, and a time within which it must answer."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from inspect import isawaitable, iscoroutine

from tapewatch_sdk.logs.redaction import redacted
from tapewatch_sdk.serving._flight import Flight

__all__ = ["Check", "Checks"]

Check = Callable[[], object]
"""A check passes when it gives anything but False. When it gives False or raises, it has failed."""

_REASON = 200
"""Characters of a reason that are told."""


@dataclass(frozen=True, slots=True)
class _Result:
    passed: bool
    reason: str
    seconds: float

    def to_dict(self) -> dict[str, object]:
        """As the answer has it."""
        found: dict[str, object] = {"status": "ok" if self.passed else "failed", "seconds": round(self.seconds, 6)}
        return found if self.passed else {**found, "reason": self.reason}


class Checks:
    """The checks behind one path.

    Parameters:
        checks: by name.
        timeout: seconds after which a check counts as failed.
    """

    def __init__(self, checks: Mapping[str, Check], timeout: float) -> None:
        self._timeout = timeout
        self._flights = {name: Flight(f"tapewatch-check-{name}", check) for name, check in checks.items()}

    async def run(self) -> tuple[bool, bytes]:
        """Whether all pass, and what each says, as JSON; all run at once."""
        results = await asyncio.gather(*(self._one(flight) for flight in self._flights.values()))
        passed = all(result.passed for result in results)
        told = {name: result.to_dict() for name, result in zip(self._flights, results, strict=True)}
        return passed, json.dumps({"status": "ok" if passed else "failed", "checks": told}).encode() + b"\n"

    async def _one(self, flight: Flight[object]) -> _Result:
        began = time.monotonic()
        try:
            landing = await flight.landing(self._timeout)
        except TimeoutError:
            reason = f"no answer within {self._timeout:g} s"
        else:
            reason = _words(landing.error) if landing.error is not None else _objection(landing.value)
        return _Result(not reason, reason, time.monotonic() - began)


def _objection(answer: object) -> str:
    """Why an answer does not count as passed; empty when it does."""
    if answer is False:
        return "the check says no"
    if not isawaitable(answer):
        return ""
    if iscoroutine(answer):
        answer.close()
    return "the check is a coroutine, which nobody awaits"


def _words(error: BaseException) -> str:
    """What an exception says, in one line, without secrets and without a traceback."""
    text = " ".join(str(redacted("", error)).split())
    return f"{type(error).__name__}: {text}"[:_REASON] if text else type(error).__name__
