"""Every plugin that comes with tapewatch passes the suite that other authors run."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from tapewatch_sdk.loading import load, names
from tapewatch_sdk.plugins import Request
from tapewatch_sdk.problems import Problem
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

    def _findings(self, plugin: Any) -> list[Problem]:
        return [*super()._findings(plugin), *plugin.run(over_all_services(self.request))]


def over_all_services(request: Request) -> Request:
    """A request with four shards, and one rule that sees the services of all of them, as no rule of ours does."""
    catalogue: Any = request.catalogue
    stack = catalogue.stack.model_copy(update={"shards": 4})
    first: Any = request.rules[0]
    rule = replace(first, expr="sum(up) > 0")
    return replace(request, catalogue=catalogue.model_copy(update={"stack": stack}), rules=(rule, *request.rules[1:]))
