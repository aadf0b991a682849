"""What the contracts of all plugins have in common."""

from __future__ import annotations

from typing import Protocol

__all__ = ["API_VERSION", "Plugin"]

API_VERSION = 1
"""Version of the plugin contracts."""


class Plugin(Protocol):
    """What every plugin has."""

    name: str
    """Unique in its group, and the name of its entry point; shown by `tapewatch plugins list`."""
    api_version: int
    """The version of the contracts that it was written for."""
