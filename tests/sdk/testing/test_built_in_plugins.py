"""Every plugin that comes with tapewatch passes the suite that other authors run."""

from __future__ import annotations

from typing import Any

import pytest

from tapewatch_sdk.loading import load, names
from tapewatch_sdk.testing import CheckSuite, DashboardSuite, RendererSuite, RulesSuite


@pytest.mark.parametrize("name", names("tapewatch.renderers"))
class TestRenderers(RendererSuite):
    @pytest.fixture(autouse=True)
    def chosen(self, name: str) -> None:
        self.plugin: Any = load(self.group, name)


@pytest.mark.parametrize("name", names("tapewatch.rules"))
class TestRules(RulesSuite):
    @pytest.fixture(autouse=True)
    def chosen(self, name: str) -> None:
        self.plugin: Any = load(self.group, name)


@pytest.mark.parametrize("name", names("tapewatch.dashboards"))
class TestDashboards(DashboardSuite):
    @pytest.fixture(autouse=True)
    def chosen(self, name: str) -> None:
        self.plugin: Any = load(self.group, name)


@pytest.mark.parametrize("name", names("tapewatch.checks"))
class TestChecks(CheckSuite):
    @pytest.fixture(autouse=True)
    def chosen(self, name: str) -> None:
        self.plugin: Any = load(self.group, name)

    def provoke(self, catalogue: dict[str, Any]) -> None:
        del catalogue["domains"]["market_data"]["market_data_ticks_received_total"]
        # More families than a Service dashboard may ask for.
        catalogue["domains"]["host"] |= {f"acme_{number}": {"type": "gauge", "help": "x"} for number in range(80)}
