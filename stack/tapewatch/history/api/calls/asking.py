"""Questions to the store, asked in threads, and their answers as JSON."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from datetime import datetime
from typing import Any

from starlette.responses import Response

from tapewatch.history.api.core import Core
from tapewatch.history.api.live import number
from tapewatch.history.store import Reader

__all__ = ["ask", "told"]


async def ask(core: Core, question: Callable[[Reader], Any]) -> Response:
    """What a question gives, as JSON; it is asked and encoded in a thread, so that nobody else waits.

    Parameters:
        core: has the store.
        question: gives plain data, dataclasses of it, and times.
    """

    def work() -> bytes:
        return told(question(core.reader))

    body = await asyncio.get_running_loop().run_in_executor(core.threads, work)
    return Response(body, media_type="application/json")


def told(value: Any) -> bytes:
    """Plain data, dataclasses and times as JSON; what is no number becomes text."""
    try:
        return _dumped(value)
    except ValueError:  # a NaN or an infinity, which is rare
        return _dumped(_finite(value))


def _dumped(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=_plain, allow_nan=False).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if is_dataclass(value) and not isinstance(value, type):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return number(value)
    if is_dataclass(value) and not isinstance(value, type):
        return _finite(asdict(value))
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value
