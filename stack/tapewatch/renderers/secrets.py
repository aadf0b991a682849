"""How the files with secrets reach the containers: the catalogue names `/run/secrets/NAME`, the project holds them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pydantic import BaseModel

from tapewatch.catalogue import Catalogue

__all__ = ["SECRETS", "secrets_of"]

SECRETS = "secrets"
"""Folder of the project from which compose mounts them; it is never committed."""

_MOUNTED = re.compile(r"/run/secrets/([A-Za-z0-9][A-Za-z0-9._-]*)")
"""Where compose puts a secret into a container, unless told otherwise."""


def secrets_of(catalogue: Catalogue) -> dict[str, tuple[str, ...]]:
    """The names of the secrets that each part needs, sorted; a file elsewhere is the user's own to mount."""
    stack = catalogue.stack
    needed = {
        "alertmanager": [*catalogue.receivers.values(), *([stack.heartbeat] if stack.heartbeat else [])],
        "prometheus": [*stack.remote_write, *(service.scrape for service in catalogue.services.values())],
    }
    found = {part: _names(models) for part, models in needed.items()}
    return {part: names for part, names in found.items() if names}


def _names(models: Iterable[BaseModel]) -> tuple[str, ...]:
    files = {file for model in models for file in _files(model)}
    return tuple(sorted(match[1] for file in files if (match := _MOUNTED.fullmatch(file))))


def _files(model: BaseModel) -> Iterator[str]:
    """Every file that a part of the catalogue names, at any depth."""
    for key, value in model:
        if isinstance(value, BaseModel):
            yield from _files(value)
        elif isinstance(value, tuple):
            for each in value:
                if isinstance(each, BaseModel):
                    yield from _files(each)
        elif isinstance(value, str) and key.endswith("_file"):
            yield value
