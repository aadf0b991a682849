"""The dashboards, as code: one file a dashboard."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch_sdk.plugins import API_VERSION, Dashboard, Request

__all__ = ["Dashboards"]


class Dashboards:
    """The built-in dashboards."""

    name = "tapewatch"
    api_version = API_VERSION

    def dashboards(self, request: Request) -> Iterator[Dashboard]:
        """Every dashboard for a catalogue."""
        from tapewatch_dashboards.stack_health import stack_health

        yield stack_health(request)
