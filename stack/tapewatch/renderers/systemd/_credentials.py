"""Secrets: systemd reads the files, and gives each unit a copy of its own ones that nobody else can read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import TypeVar

from pydantic import BaseModel

from tapewatch.catalogue import Catalogue

__all__ = ["MADE", "credentials", "inside", "with_credentials"]

MADE = "/run/tapewatch/history/"
"""Where compose makes the history's key; natively it is one of the secrets."""

_Some = TypeVar("_Some", bound=BaseModel)

_MOVED = ("/run/secrets/", MADE)


def credentials(files: set[str], folder: str) -> Iterator[str]:
    """The values of `LoadCredential=`, by name.

    Parameters:
        files: as the catalogue names them.
        folder: `stack.systemd.secrets`.
    """
    yield from sorted(f"{_name(file)}:{_source(file, folder)}" for file in files)


def inside(file: str, unit: str) -> str:
    """Where a unit finds its copy."""
    return f"/run/credentials/{unit}/{_name(file)}"


def with_credentials(catalogue: Catalogue, unit: str) -> Catalogue:
    """The catalogue with the files as this unit finds them."""
    stack = catalogue.stack
    settings = {
        "remote_write": tuple(_moved(each, unit) for each in stack.remote_write),
        "heartbeat": stack.heartbeat and _moved(stack.heartbeat, unit),
        "history": stack.history and _moved(stack.history, unit),
        "traces": stack.traces and _moved(stack.traces, unit),
    }
    update = {
        "stack": stack.model_copy(update=settings),
        "receivers": {name: _moved(each, unit) for name, each in catalogue.receivers.items()},
        "services": {
            # Most services have no secret: they stay the very same object.
            name: each.model_copy(update={"scrape": _moved(each.scrape, unit)})
            if each.scrape.credentials or each.scrape.tls
            else each
            for name, each in catalogue.services.items()
        },
    }
    return catalogue.model_copy(update=update)


def _moved(model: _Some, unit: str) -> _Some:
    update: dict[str, object] = {}
    for key, value in model:
        if isinstance(value, BaseModel):
            update[key] = _moved(value, unit)
        elif isinstance(value, tuple):
            update[key] = tuple(_moved(each, unit) if isinstance(each, BaseModel) else each for each in value)
        elif isinstance(value, str) and key.endswith("_file"):
            update[key] = inside(value, unit)
    return model.model_copy(update=update)


def _source(file: str, folder: str) -> str:
    start = next((start for start in _MOVED if file.startswith(start)), None)
    return f"{folder}/{file.removeprefix(start)}" if start else file


def _name(file: str) -> str:
    """Two files of one name in different folders get different ones, and so does one with a curious name."""
    name = file.rpartition("/")[2]
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,60}", name) and file == f"/run/secrets/{name}":
        return name
    return f"{re.sub(r'[^A-Za-z0-9.-]', '-', name)[:60]}-{hashlib.sha256(file.encode()).hexdigest()[:8]}"
