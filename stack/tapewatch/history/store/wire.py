"""What goes through the socket: one JSON text a line, both ways; and where the socket is."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from tapewatch.history.store.contract import QueryError, StoreFullError, StoreGoneError
from tapewatch.sockets import socket_folder
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem, Severity

__all__ = ["decoded", "encoded", "failure_of", "problems_of", "socket_of"]

_MOMENT = "$at"

_KINDS = (StoreFullError, StoreGoneError, QueryError, ProblemsError)


def encoded(message: Any) -> bytes:
    """A message as a line; moments keep their kind, NaN and infinities are written as Python's JSON does."""
    return json.dumps(message, default=_other, separators=(",", ":")).encode() + b"\n"


def decoded(line: bytes) -> Any:
    """The message of a line.

    Raises:
        ValueError: it is none.
    """
    return json.loads(line, object_hook=_object)


def _other(value: Any) -> Any:
    if isinstance(value, datetime):
        return {_MOMENT: value.isoformat()}
    raise TypeError(f"{type(value).__name__} cannot be sent")


def _object(found: dict[str, Any]) -> Any:
    if found.keys() != {_MOMENT}:
        return found
    try:
        return datetime.fromisoformat(found[_MOMENT])
    except (TypeError, ValueError):
        return found  # a value of the store's that looks like it


def problems_of(error: ProblemsError) -> dict[str, Any]:
    """An exception as a message."""
    kind = type(error).__name__
    return {"end": True, "kind": kind, "problems": [problem.to_dict() for problem in error.problems]}


def failure_of(message: Mapping[str, Any]) -> ProblemsError:
    """The exception that `problems_of` was given."""
    kind = next((each for each in _KINDS if each.__name__ == message["kind"]), ProblemsError)
    return kind(_problem(**each) for each in message["problems"])


def _problem(*, severity: str, summary: str, must: str, fix: str, **more: Any) -> Problem:
    fields = {"summary": summary, "must": must, "fix": fix, "severity": Severity(severity), "code": more.pop("code")}
    return Problem(**fields, where=Place(**more))


def socket_of(path: Path) -> Path:
    """Where the process that has a store open answers others of the same user.

    Parameters:
        path: the store's file.

    Raises:
        PermissionError: the folder of sockets is not this user's alone.
    """
    return socket_folder() / f"history-{hashlib.blake2b(str(path.resolve()).encode(), digest_size=6).hexdigest()}.sock"
