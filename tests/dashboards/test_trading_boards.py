"""The dashboards of trading: market data, execution, risk and strategy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support.rendering import varied_text
from support.samples import ROOT
from tapewatch.checks.lineage import LineageCheck
from tapewatch.panels import all_panels, panel_queries
from tapewatch.project import Project, open_project
from tapewatch.promql.grafana import substitute
from tapewatch.promql.selector import selectors
from tapewatch_dashboards.execution import execution
from tapewatch_dashboards.market_data import market_data
from tapewatch_dashboards.risk import risk
from tapewatch_dashboards.strategy import strategy
from tapewatch_sdk.names import UPTIME
from tapewatch_sdk.plugins import Dashboard, Request
from tapewatch_sdk.problems import Problem

DOMAINS: Mapping[str, tuple[str, ...]] = {
    "market-data": ("market_data",),
    "execution": ("execution",),
    "risk": ("risk", "position"),
    "strategy": ("signal", "live_trading"),
}

BOARDS = {"market-data": market_data, "execution": execution, "risk": risk, "strategy": strategy}

MAIN = {"market-data": "market_data_ticks_received_total", "execution": "execution_orders_submitted_total"}
"""The family without which there is no dashboard; the other two have two of which one is enough."""

READ_BY_MACROS = {"up", UPTIME}
"""What `exact_increase` reads besides the family, to know since when a service is seen."""

SAMPLES = open_project(ROOT)

THRESHOLDS = [
    rule.alert for rule in SAMPLES.rules if rule.domain in sum(DOMAINS.values(), ()) and "threshold" in rule.values
]

FAMILIES = [family.name for family in SAMPLES.catalogue.families.values() if family.domain in sum(DOMAINS.values(), ())]


def boards_of(request: Request) -> dict[str, Dashboard]:
    """The four dashboards, as far as the catalogue has families for them."""
    made = (board(request) for board in BOARDS.values())
    return {board.uid: board for board in made if board is not None}


def project_of(folder: Path, **changes: Any) -> Project:
    """The sample with sections of the catalogue set."""
    text = varied_text(lambda data: data.update(changes))
    (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
    return open_project(folder)


def findings(request: Request, *dashboards: Dashboard) -> list[Problem]:
    """What is wrong with the panels of some dashboards, of all four where none is named."""
    dashboards = dashboards or tuple(boards_of(request).values())
    titles = tuple(f"{board.title} /" for board in dashboards)
    found = LineageCheck().run(Request(request.catalogue, request.rules, dashboards))
    return [problem for problem in found if problem.where.path.startswith(titles)]


def without(*families: str, domains: Sequence[str] = ()) -> Request:
    """The sample without some families and domains, and without any alert."""
    catalogue = SAMPLES.catalogue
    kept = {
        name: family
        for name, family in catalogue.families.items()
        if name not in families and family.domain not in domains
    }
    return Request(
        SimpleNamespace(
            environment=catalogue.environment,
            services={
                name: service.model_copy(update={"emits": tuple(each for each in service.emits if each not in domains)})
                for name, service in catalogue.services.items()
            },
            families=kept,
        )
    )


def read_by(expr: str) -> set[str]:
    """The families and recorded series that an expression reads."""
    found = {name for selector in selectors(substitute(expr)) for name in selector.names}
    declared = SAMPLES.catalogue.families
    stems = {name: name.rpartition("_")[0] for name in found if name.endswith(("_bucket", "_sum", "_count"))}
    return {stems[name] if stems.get(name) in declared else name for name in found} - READ_BY_MACROS


def panels(board: Dashboard) -> Iterator[Mapping[str, Any]]:
    return (panel for panel in all_panels(board.model) if panel["type"] != "row")


def panel(board: Dashboard, title: str) -> Mapping[str, Any]:
    return next(each for each in panels(board) if each["title"] == title)


def shown(each: Mapping[str, Any]) -> set[str]:
    return set().union(*(read_by(target["expr"]) for target in each["targets"]))


def steps(each: Mapping[str, Any]) -> list[float]:
    """The limits of a panel, the lowest step left out, which has none."""
    return [step["value"] for step in each["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", ())[1:]]


def legends(each: Mapping[str, Any]) -> list[str]:
    return [target["legendFormat"] for target in each["targets"]]


@pytest.fixture(scope="module")
def boards() -> dict[str, Dashboard]:
    return boards_of(SAMPLES.request)


@pytest.fixture(scope="module")
def without_alerts() -> dict[str, Dashboard]:
    return boards_of(without())


def test_the_project_has_the_four(boards: dict[str, Dashboard]) -> None:
    assert set(boards) == set(DOMAINS)
    assert {each.uid: each.model for each in SAMPLES.dashboards if each.uid in DOMAINS} == {
        uid: board.model for uid, board in boards.items()
    }


@pytest.mark.parametrize("uid", DOMAINS)
def test_every_family_of_its_domains_is_on_a_panel(uid: str, boards: dict[str, Dashboard]) -> None:
    declared = {family.name for family in SAMPLES.catalogue.families.values() if family.domain in DOMAINS[uid]}
    on_panels = set().union(*(shown(each) for each in panels(boards[uid])))

    assert declared - on_panels == set()


@pytest.mark.parametrize("uid", DOMAINS)
def test_the_condition_of_every_alert_that_leads_here_can_be_seen(uid: str, boards: dict[str, Dashboard]) -> None:
    alerts = {
        spec.alert
        for each in SAMPLES.packs
        for spec in each.pack.rules
        if (spec.dashboard or each.pack.dashboard) == uid
    }
    for rule in (rule for rule in SAMPLES.rules if rule.alert in alerts):
        condition = read_by(rule.expr)
        seen = [each for each in panels(boards[uid]) if shown(each) & condition]
        assert condition <= set().union(*map(shown, seen)), rule.alert
        if "threshold" in rule.values:
            assert any(rule.values["threshold"] in steps(each) for each in seen), rule.alert
    assert alerts or uid == "strategy"


@pytest.mark.parametrize("alert", THRESHOLDS)
def test_limits_follow_an_override_in_the_catalogue(alert: str, tmp_path: Path, boards: dict[str, Dashboard]) -> None:
    (rule,) = (rule for rule in SAMPLES.rules if rule.alert == alert)
    (before,) = {float(rule.values["threshold"])}
    after = before * 0.75
    changed = boards_of(project_of(tmp_path, alerts={alert: {"threshold": after}}).request)

    moved = [
        (steps(old), steps(new))
        for uid, board in boards.items()
        for old, new in zip(panels(board), panels(changed[uid]), strict=True)
        if steps(old) != steps(new)
    ]

    assert moved
    for old, new in moved:
        assert sorted(new) == sorted(after if value == before else value for value in old)


def test_windows_follow_an_override_in_the_catalogue(tmp_path: Path) -> None:
    alerts = {"OrderFillRateLow": {"window": "30m"}, "WebsocketReconnectStorm": {"window": "7m"}}
    changed = boards_of(project_of(tmp_path, alerts=alerts).request)

    filled, storms = panel(changed["execution"], "Filled"), panel(changed["market-data"], "Reconnections")
    assert shown(filled) == {"service:execution_orders_filled:ratio30m"}
    assert "30m" in filled["description"]
    assert "[7m]" in storms["targets"][0]["expr"]


@pytest.mark.parametrize("domain", sum(DOMAINS.values(), ()))
def test_a_catalogue_without_a_domain_has_no_dashboard_of_it_and_no_finding(domain: str) -> None:
    alone = {"market_data": "market-data", "execution": "execution"}
    request = without(domains=[domain])

    assert set(boards_of(request)) == {*DOMAINS} - {alone.get(domain, "")}
    assert findings(request) == []


@pytest.mark.parametrize("uid", DOMAINS)
def test_a_dashboard_goes_with_the_last_of_its_domains(uid: str) -> None:
    assert set(boards_of(without(domains=DOMAINS[uid]))) == {*DOMAINS} - {uid}


def test_alerts_of_a_missing_domain_are_the_only_findings(tmp_path: Path) -> None:
    """Positions without risk: the alerts of risk read nothing then, and that is said of them alone."""

    def no_risk(data: dict[str, Any]) -> None:
        del data["domains"]["risk"]
        data["services"]["risk-manager"]["emits"].remove("risk")

    (tmp_path / "catalogue.yaml").write_text(varied_text(no_risk), encoding="utf-8")
    request = open_project(tmp_path).request

    assert "risk" in boards_of(request)
    assert findings(request) == []


@pytest.mark.parametrize("family", FAMILIES)
def test_a_missing_family_takes_its_panels_away_and_nothing_else(
    family: str, without_alerts: dict[str, Dashboard]
) -> None:
    request = without(family)
    uid = next(uid for uid, domains in DOMAINS.items() if SAMPLES.catalogue.families[family].domain in domains)
    made = BOARDS[uid](request)

    assert (made is None) == (family == MAIN.get(uid))
    if made is not None:
        assert findings(request, made) == []
        kept = {each["title"] for each in panels(without_alerts[uid]) if family not in shown(each)}
        assert kept <= {each["title"] for each in panels(made)}


def test_without_alerts_no_panel_has_a_limit_and_none_reads_what_alerts_record(
    without_alerts: dict[str, Dashboard],
) -> None:
    for board in without_alerts.values():
        for each in panels(board):
            assert steps(each) == []
            assert not any(":" in name for name in shown(each))
    assert findings(without()) == []


def test_the_queries_of_a_panel_have_legends_of_their_own(boards: dict[str, Dashboard]) -> None:
    for board in boards.values():
        for each in panels(board):
            assert len(set(legends(each))) == len(legends(each)), each["title"]
            assert all(legends(each)), each["title"]


def test_a_second_service_of_a_kind_is_told_apart_from_the_first(tmp_path: Path) -> None:
    data: dict[str, Any] = {}
    varied_text(data.update)
    first = data["services"]["execution-engine"]
    second = {**first, "address": "execution-spare:9092"}
    changed = boards_of(project_of(tmp_path, services={**data["services"], "execution-spare": second}).request)

    made = changed["execution"]
    assert legends(panel(made, "Orders submitted")) == ["{{service}} {{symbol}} {{side}}"]
    assert legends(panel(made, "Orders by outcome")) == [
        f"{{{{service}}}} {outcome}" for outcome in ("filled", "rejected", "cancelled")
    ]
    assert legends(panel(made, "Placement latency")) == [f"p{each} {{{{service}}}}" for each in (50, 95, 99)]


@pytest.mark.parametrize(
    ("uid", "names"),
    [
        ("market-data", ["datasource", "environment", "service", "symbol", "candles"]),
        ("execution", ["datasource", "environment", "service", "symbol"]),
        ("risk", ["datasource", "environment", "symbol"]),
        ("strategy", ["datasource", "environment", "strategy"]),
    ],
)
def test_what_can_be_chosen_narrows_every_query_that_has_the_label(
    uid: str, names: list[str], boards: dict[str, Dashboard]
) -> None:
    variables = boards[uid].model["templating"]["list"]
    labels = [name for name in names if name not in ("datasource", "candles")]

    assert [variable["name"] for variable in variables] == names
    for query in panel_queries(boards[uid]):
        if query.owner.startswith(("variable ", "annotation ")):
            continue
        for selector in selectors(substitute(query.expr)):
            family = next((each for each in read_by(selector.names[0])), "")
            own = getattr(SAMPLES.catalogue.families.get(family), "labels", ())
            wanted = [each for each in labels if each in ("environment", "service") or each in own]
            assert [each for each in labels if f'{each}=~"${each}"' in query.expr] == wanted, query.subject


def test_one_symbol_is_chosen_for_the_candles_among_those_that_are_shown(boards: dict[str, Dashboard]) -> None:
    (variable,) = (each for each in boards["market-data"].model["templating"]["list"] if each["name"] == "candles")
    candles = panel(boards["market-data"], "Price of $candles")

    assert not variable["multi"]
    assert not variable["includeAll"]
    assert 'symbol=~"$symbol"' in variable["query"]
    assert legends(candles) == ["open", "high", "low", "close"]
    assert all('symbol="$candles"' in target["expr"] for target in candles["targets"])
    assert all(target["interval"] == "1m" for target in candles["targets"])


def test_latencies_have_exemplars_and_lead_to_the_service_at_that_time(boards: dict[str, Dashboard]) -> None:
    for uid, title in (
        ("market-data", "Processing latency"),
        ("execution", "Placement latency"),
        ("risk", "Check latency"),
        ("strategy", "Inference latency"),
        ("strategy", "Cycle duration"),
    ):
        each = panel(boards[uid], title)
        (link,) = each["fieldConfig"]["defaults"]["links"]
        assert [target.get("exemplar", False) for target in each["targets"]].count(True) == 1
        assert "var-service=${__field.labels.service}&" in link["url"]
        quantiles = [target["expr"] for target in each["targets"] if "histogram_quantile" in target["expr"]]
        assert all("by (le, service" in expr for expr in quantiles)
        assert "time=${__value.time}" in link["url"]


def test_units_are_those_of_the_families(boards: dict[str, Dashboard]) -> None:
    units = {
        ("market-data", "Processing latency"): "µs",
        ("market-data", "Processing p99 by symbol"): "ms",
        ("execution", "Mean slippage by symbol"): "suffix:bps",
        ("risk", "Exposure"): "currencyUSD",
        ("risk", "Drawdown"): "percentunit",
        ("strategy", "Live value traded"): "suffix:USD/s",
    }

    for (uid, title), unit in units.items():
        assert panel(boards[uid], title)["fieldConfig"]["defaults"]["unit"] == unit


def test_firing_alerts_are_drawn_where_no_service_can_be_chosen_too(boards: dict[str, Dashboard]) -> None:
    for uid, board in boards.items():
        (annotation,) = board.model["annotations"]["list"]
        assert ('service=~"$service"' in annotation["expr"]) == (uid in ("market-data", "execution"))
        assert 'environment=~"$environment"' in annotation["expr"]


def test_no_row_has_more_than_four_panels_or_six_numbers(boards: dict[str, Dashboard]) -> None:
    for board in boards.values():
        rows: dict[int, list[str]] = {}
        for each in panels(board):
            rows.setdefault(each["gridPos"]["y"], []).append(each["type"])
        assert all(len(kinds) <= (6 if set(kinds) <= {"stat", "gauge"} else 4) for kinds in rows.values())


def test_a_number_is_that_of_now_and_not_the_last_of_what_has_stopped(boards: dict[str, Dashboard]) -> None:
    for board in boards.values():
        for each in panels(board):
            past = each["type"] == "stat" and each["options"]["graphMode"] == "area"
            if each["type"] in ("stat", "gauge", "bargauge") and not past:
                assert all(target.get("instant") for target in each["targets"]), each["title"]


def test_the_limit_of_the_only_service_is_the_one_that_is_drawn(tmp_path: Path) -> None:
    data: dict[str, Any] = {}
    varied_text(data.update)
    engine = {**data["services"]["execution-engine"], "alerts": {"OrderRejectionRateHigh": {"threshold": 0.05}}}
    spare = {**data["services"]["execution-engine"], "address": "execution-spare:9092"}
    services = {**data["services"], "execution-engine": engine}

    alone = boards_of(project_of(tmp_path, services=services).request)["execution"]
    with_another = boards_of(project_of(tmp_path, services={**services, "execution-spare": spare}).request)["execution"]

    assert steps(panel(alone, "Rejected")) == [0.05]
    assert steps(panel(with_another, "Rejected")) == [0.1]
