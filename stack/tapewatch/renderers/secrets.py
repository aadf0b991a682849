"""How the files with secrets reach the containers: the catalogue names `/run/secrets/NAME`, the project holds them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import BaseModel

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.files import named_files

__all__ = ["SECRETS", "files_read", "secrets_of"]

SECRETS = "secrets"
"""Folder of the project from which compose mounts them; it is never committed."""

_MOUNTED = re.compile(r"/run/secrets/([A-Za-z0-9][A-Za-z0-9._-]*)")
"""Where compose puts a secret into a container, unless told otherwise."""


def files_read(catalogue: Catalogue) -> dict[str, set[str]]:
    """The files with secrets that each part reads, as the catalogue names them; without the history's own key."""
    stack = catalogue.stack
    scraped: list[BaseModel] = [service.scrape for service in catalogue.services.values()]
    # The engine that the stack runs, and Loki beside it, keep what they have in one bucket.
    engine = stack.own_engine
    bucket: list[BaseModel] = [engine.object_store] if engine and engine.object_store else []
    readers: dict[str, list[BaseModel]] = {
        "alertmanager": [*catalogue.receivers.values(), *([stack.heartbeat] if stack.heartbeat else [])],
        "prometheus": [*stack.remote_write, *scraped],
        "jaeger": [stack.traces] if stack.traces else [],
        "history": scraped,
        "long-term": bucket,
        "loki": bucket,
    }
    return {part: {file for model in models for _, file in named_files(model)} for part, models in readers.items()}


def secrets_of(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """The names of the secrets that each server needs, sorted; a file elsewhere is the user's own to mount."""
    read = files_read(catalogue)
    found = {part: _names(read[part]) for part in ("alertmanager", "jaeger", "prometheus", "long-term", "loki")}
    return {part: names for part, names in found.items() if names}


def _names(files: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(match[1] for file in files if (match := _MOUNTED.fullmatch(file))))
