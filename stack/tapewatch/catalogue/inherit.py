"""`defaults:` filled into the services, and the way back to the line on which an inherited value is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tapewatch.documents import Document

__all__ = ["with_defaults", "written_path"]

_INHERITED = ("team", "tier", "scrape", "push", "traces", "logs", "series_budget")
"""Keys of `defaults` that a service takes over when it does not give them; of a mapping, key by key."""


def with_defaults(data: dict[str, Any]) -> dict[str, Any]:
    """The catalogue's data with `defaults` filled into each service."""
    defaults, services = data.get("defaults"), data.get("services")
    if not isinstance(defaults, dict) or not isinstance(services, dict):
        return data
    given = {key: defaults[key] for key in _INHERITED if key in defaults}
    return {**data, "services": {name: _inherit(service, given) for name, service in services.items()}}


def written_path(document: Document, path: Sequence[str | int]) -> tuple[str | int, ...]:
    """Where the value at a path is written: under `defaults` when the service itself does not give it."""
    match tuple(path):
        case ("services", str(), str(key), *rest) if key in _INHERITED and not _holds(document.data, path):
            inherited = ("defaults", key, *rest)
            return inherited if _holds(document.data, inherited) else tuple(path)
    return tuple(path)


def _inherit(service: Any, defaults: Mapping[str, Any]) -> Any:
    if not isinstance(service, dict):
        return service
    merged = {**defaults, **service}
    for key, default in defaults.items():
        own = service.get(key)
        if isinstance(default, dict) and isinstance(own, dict):
            merged[key] = {**default, **own}
    return merged


def _holds(data: Any, path: Sequence[str | int]) -> bool:
    for part in path:
        if part == "[key]":
            continue
        try:
            data = data[part]
        except (LookupError, TypeError):
            return False
    return True
