"""The dashboards, as code: one file a dashboard."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from tapewatch_sdk.plugins import API_VERSION, Dashboard, Request

__all__ = ["Dashboards"]


class Dashboards:
    """The built-in dashboards."""

    name = "tapewatch"
    api_version = API_VERSION

    def dashboards(self, request: Request) -> Iterator[Dashboard]:
        """Every dashboard for a catalogue."""
        from tapewatch_dashboards.alerts import alerts
        from tapewatch_dashboards.data_pipeline_health import data_pipeline_health
        from tapewatch_dashboards.execution import execution
        from tapewatch_dashboards.home import home
        from tapewatch_dashboards.market_data import market_data
        from tapewatch_dashboards.risk import risk
        from tapewatch_dashboards.service import service_dashboards
        from tapewatch_dashboards.stack_health import stack_health
        from tapewatch_dashboards.strategy import strategy
        from tapewatch_dashboards.system_performance import system_performance
        from tapewatch_dashboards.trading_overview import trading_overview

        boards: Sequence[Callable[[Request], Dashboard | None]] = (
            alerts,
            data_pipeline_health,
            execution,
            market_data,
            risk,
            stack_health,
            strategy,
            system_performance,
            trading_overview,
        )
        # One that the catalogue has no families for is None.
        made = [each for board in boards if (each := board(request)) is not None]
        # The table of services leads to theirs.
        yield from (home(request, made), *made, *service_dashboards(request))
