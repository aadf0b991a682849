"""Which expressions look at one service at a time, and which need all of them."""

from __future__ import annotations

import pytest

from support.samples import ROOT
from tapewatch.project import open_project
from tapewatch.sharding.placing import needing_all
from tapewatch.sharding.scope import reason_for_all

EACH = (
    "x > 5",
    "-x",
    "time() - x > 60",
    "sum by (service) (rate(x[5m]))",
    "sum without (instance) (x)",
    "topk by (service) (5, x)",
    "count_values without (instance) ('v', x)",
    "x / on (service, team) group_left () y",
    "x / ignoring (le) y",
    "x unless y",
    "x or y",
    "x and on () hour() > 8",
    "x unless on () vector(1)",
    "x > on () group_left () vector(2)",
    "label_replace(x, 'table', 'a', '', '')",
    "histogram_quantile(0.9, sum by (le, service) (rate(x_bucket[5m])))",
    "max_over_time((sum by (service) (x))[5m:1m])",
)

ALL = {
    "sum(x)": "`sum` does not keep `service`",
    "sum by (team) (x)": "`sum` does not keep `service`",
    "sum without (service) (x)": "`sum` does not keep `service`",
    "topk(5, x)": "`topk` does not keep `service`",
    "max_over_time((sum(x))[5m:1m]) > 3": "`sum` does not keep `service`",
    "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))": "`sum` does not keep `service`",
    "x and on (environment) y": "`and` matches series of different services",
    "x or on () y": "`or` matches series of different services",
    "x / ignoring (service) y": "`/` matches series of different services",
    "x or vector(0)": "`or` joins the services with one value for all",
    "vector(1) and on () x": "`and` joins the services with one value for all",
    "x * on () group_right () vector(2)": "`*` joins the services with one value for all",
    "x > scalar(y)": "`scalar` makes one number of all services",
    'absent(x{service="a"})': "`absent` holds on every shard that lacks the service",
    "label_replace(x, 'service', 'all', '', '')": "`label_replace` gives series another `service`",
    "vector(1)": "its result has no `service`",
}


@pytest.mark.parametrize("expr", EACH)
def test_what_keeps_every_service_apart_is_evaluated_by_its_shard(expr: str) -> None:
    assert reason_for_all(expr) == ""


@pytest.mark.parametrize("expr", ALL)
def test_what_sees_several_services_says_why(expr: str) -> None:
    assert reason_for_all(expr) == ALL[expr]


def test_what_reads_a_series_that_was_recorded_over_several_sees_several_too() -> None:
    assert reason_for_all("total > 5", {"total": "`sum` does not keep `service`"}) == (
        "it reads `total`, which sees several services"
    )


def test_none_of_our_own_rules_needs_all_services() -> None:
    project = open_project(ROOT)

    assert len({rule.alert for rule in project.rules}) == 29
    assert not needing_all(project.rules)
