"""Objectives of the catalogue become burn-rate alerts, and the real promtool agrees with their proofs."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.samples import edited, load_sample, problems_in
from tapewatch import layout, servers
from tapewatch.catalogue import Catalogue, load_text
from tapewatch.documents import dump
from tapewatch.promql.lineage import check_expression
from tapewatch.promql.templates import labels_of_template
from tapewatch.promql.universe import RecordedSeries, Universe
from tapewatch.proving.proofs import needed_records
from tapewatch.renderers.rules import RulesRenderer, rule_group
from tapewatch.renderers.slo import SloRenderer
from tapewatch.rules.proofs import promtool_tests
from tapewatch.rules.resolve import Rule
from tapewatch.rules.slo import ALERT, REMAINING, SloRule, burn_rate, burn_windows, slo_rules
from tapewatch.rules.slo._records import le_pattern
from tapewatch_sdk.plugins import Request

ORDERS = "total: execution_orders_submitted_total, bad: execution_orders_rejected_total"
TICKS = "total: market_data_ticks_received_total, good: market_data_ticks_processed_total"
PLACEMENT = "latency: {family: order_placement_latency_milliseconds, under: 100}"
EMITS = "    emits: [execution, host]\n"
TARGET = 'environment="proof",service="{service}",team="proof",instance="i",job="j"'
BOTH_PROMTOOLS = [None, pytest.param("3.5", marks=pytest.mark.needs("promtool-3.5"))]


def with_slos(*objectives: str, own: str = "") -> str:
    """The sample with objectives, and with one of execution-engine's own."""
    general = "slos:\n" + "".join(f"  {each}\n" for each in objectives) if objectives else ""
    return edited(("\nstack:\n", f"\n{general}\nstack:\n"), (EMITS, f"{EMITS}    slos: {{{own}}}\n" if own else EMITS))


@cache
def catalogue_of(*objectives: str, own: str = "") -> Catalogue:
    return load_text(with_slos(*objectives, own=own)).catalogue


def rules_of(*objectives: str, own: str = "") -> tuple[SloRule, ...]:
    return slo_rules(catalogue_of(*objectives, own=own))


def promtool_says(
    folder: Path, rules: Sequence[Rule], tests: list[dict[str, Any]], evaluation: str, version: str | None = None
) -> str:
    """What promtool says against the tests; empty when all pass."""
    (folder / "rules.yml").write_text(dump({"groups": [rule_group("slo", rules)]}))
    suite = {"rule_files": ["rules.yml"], "evaluation_interval": evaluation, "tests": tests}
    (folder / "tests.yml").write_text(dump(suite))
    promtool = servers.find("promtool", version).path
    done = subprocess.run(
        [promtool, "test", "rules", folder / "tests.yml"], capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr or "failed"


# What comes of an objective


def test_the_sample_declares_no_objective_and_gets_no_file() -> None:
    catalogue = load_sample()

    assert slo_rules(catalogue) == ()
    assert list(SloRenderer().render(Request(catalogue, ()))) == []


def test_an_objective_over_30_days_has_the_four_alerts_of_the_workbook() -> None:
    rules = rules_of(f"orders: {{objective: 0.999, {ORDERS}}}")

    told = [(rule.window, rule.severity, rule.values["burn_rate"], rule.values["threshold"]) for rule in rules]
    assert told == [
        ("1h", "critical", 14.4, 0.0144),
        ("6h", "critical", 6, 0.006),
        ("1d", "medium", 3, 0.003),
        ("3d", "medium", 1, 0.001),
    ]
    assert rules[0].labels == {"severity": "critical", "domain": "execution", "slo": "orders", "window": "1h"}
    assert rules[0].expr == (
        'slo:error_ratio:rate1h{slo="orders"} > 0.0144\nand\nslo:error_ratio:rate5m{slo="orders"} > 0.0144'
    )


@pytest.mark.parametrize(
    ("objective", "window", "expected"),
    [
        (0.999, "28d", {"1h": "13.44", "6h": "5.6", "1d": "2.8", "3d": "1"}),
        (0.999, "7d", {"1h": "3.36", "6h": "1.4", "1d": "1", "3d": "1"}),
        (0.999, "1d", {"1h": "1", "6h": "1", "1d": "1"}),
        (0.9, "30d", {"6h": "6", "1d": "3", "3d": "1"}),
        (0.01, "30d", {"3d": "1"}),
        (0.99999, "90d", {"1h": "43.2", "6h": "18", "1d": "9", "3d": "3"}),
    ],
)
def test_burn_rates_follow_the_window_and_what_could_never_fire_is_left_out(
    objective: float, window: str, expected: dict[str, str]
) -> None:
    slo = catalogue_of(f"orders: {{objective: {objective}, window: {window}, {ORDERS}}}").slos["orders"]

    assert {each.long: burn_rate(slo, each) for each in burn_windows(slo)} == {
        long: Fraction(rate) for long, rate in expected.items()
    }


def test_links_lead_to_the_runbook_and_to_the_service() -> None:
    links = rules_of(f"orders: {{objective: 0.999, {ORDERS}}}")[0].annotations

    assert links["runbook_url"].endswith(f"/{ALERT}.md")
    assert "var-service={{ $labels.service }}" in links["dashboard_url"]


def test_a_description_with_braces_is_no_template() -> None:
    rule = rules_of(f'orders: {{objective: 0.999, description: "as {{{{ agreed }}}}", {ORDERS}}}')[0]

    assert rule.annotations["description"].endswith('as {{ "{{" }} agreed }}')


def test_every_expression_passes_the_lineage_check() -> None:
    catalogue = catalogue_of(
        f"orders: {{objective: 0.999, {ORDERS}}}", f"ticks: {{objective: 0.9, {TICKS}}}",
        f"placement: {{objective: 0.99, {PLACEMENT}}}", own=f"orders: {{objective: 0.99, {ORDERS}}}",
    )  # fmt: skip
    rules = slo_rules(catalogue)
    records = {record.record: RecordedSeries() for rule in rules for record in rule.records}
    universe = Universe(catalogue.families, catalogue.emits, records=records)

    for rule in rules:
        used = {name: labels_of_template(text) for name, text in rule.annotations.items()}
        assert check_expression(rule.expr, universe, "alert", template_labels=used) == []
        for record in rule.records:
            assert check_expression(record.expr, universe, "record", allow_raw_counters=True) == []


def test_the_files_are_one_for_each_objective_and_the_same_every_time() -> None:
    catalogue = catalogue_of(f"orders: {{objective: 0.999, {ORDERS}}}", own=f"orders: {{objective: 0.99, {ORDERS}}}")
    request = Request(catalogue, slo_rules(catalogue))
    files = {file.path: file.text for file in SloRenderer().render(request)}

    assert sorted(files) == [
        f"{layout.RULES}/slo.execution-engine.orders.yml",
        f"{layout.RULES}/slo.orders.yml",
        f"{layout.TESTS}/slo.execution-engine.orders.1m_test.yml",
        f"{layout.TESTS}/slo.execution-engine.orders.5m_test.yml",
        f"{layout.TESTS}/slo.orders.1m_test.yml",
        f"{layout.TESTS}/slo.orders.5m_test.yml",
    ]
    groups = yaml.safe_load(files[f"{layout.RULES}/slo.orders.yml"])["groups"]
    assert [group["interval"] for group in groups] == ["1m", "2m"]
    assert [rule["record"] for rule in groups[1]["rules"]] == [REMAINING]
    again = replace(request, rules=slo_rules(load_text(with_slos(f"orders: {{objective: 0.999, {ORDERS}}}",
                    own=f"orders: {{objective: 0.99, {ORDERS}}}")).catalogue))  # fmt: skip
    assert {file.path: file.text for file in SloRenderer().render(again)} == files


def test_the_rule_files_of_the_domains_hold_no_burn_rates() -> None:
    catalogue = catalogue_of(f"orders: {{objective: 0.999, {ORDERS}}}")

    assert not any(ALERT in file.text for file in RulesRenderer().render(Request(catalogue, slo_rules(catalogue))))


@pytest.mark.parametrize(
    ("bound", "forms"),
    [
        (100.0, ["100", "100.0", "1e+02"]),
        (0.1, ["0.1", "1e-01"]),
        (1e6, ["1000000", "1000000.0", "1e+06"]),
        (1.5e6, ["1500000", "1.5e+06"]),
        (1e-5, ["0.00001", "1e-05"]),
        (2.5, ["2.5"]),
    ],
)
def test_a_bound_is_found_however_it_is_written(bound: float, forms: list[str]) -> None:
    assert all(re.fullmatch(le_pattern(bound), form) for form in forms)
    assert not any(re.fullmatch(le_pattern(bound), form) for form in ("1", "10", "1000", "0x1", "2x5", "0.11", "+Inf"))


# What promtool says

KINDS = {
    "bad": f"orders: {{objective: 0.999, {ORDERS}}}",
    "good": f"ticks: {{objective: 0.9, window: 7d, {TICKS}}}",
    "latency": f"placement: {{objective: 0.99, window: 28d, {PLACEMENT}}}",
}


@pytest.mark.needs("promtool")
@pytest.mark.parametrize(
    ("kind", "version"),
    [*((kind, None) for kind in KINDS), pytest.param("latency", "3.5", marks=pytest.mark.needs("promtool-3.5"))],
)
def test_every_generated_file_passes(kind: str, version: str | None, tmp_path: Path) -> None:
    catalogue = catalogue_of(KINDS[kind])
    promtool = servers.find("promtool", version).path
    for file in SloRenderer().render(Request(catalogue, slo_rules(catalogue))):
        path = tmp_path / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file.text)
        # The short windows are proven here; those of days take their time in `tapewatch test`.
        if "rules/" in file.path or ".1m_test" in file.path:
            what = ["check", "rules", "--lint-fatal"] if "rules/" in file.path else ["test", "rules"]
            done = subprocess.run([promtool, *what, path], capture_output=True, text=True, check=False)
            assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("number", [2, 3])
def test_the_windows_of_days_fire_and_end_when_they_must(number: int, tmp_path: Path) -> None:
    rule = rules_of(KINDS["bad"])[number]

    assert promtool_says(tmp_path, [needed_alone(rule)], [test for _, test in promtool_tests(rule)], "5m") == ""


MUTANTS = {
    "the comparator flipped": (">", "<"),
    "the limit included": (">", ">="),
    "the limit raised": ("0.0144", "0.0146"),
    "the limit lowered": ("0.0144", "0.0143"),
    "the long window dropped": ("rate1h", "rate5m"),
    "the short window dropped": ("rate5m", "rate1h"),
    "a longer long window": ("rate1h", "rate2h"),
    "a longer short window": ("rate5m", "rate30m"),
    "either window": ("and", "or"),
    "another objective": ('slo="orders"', 'slo="other"'),
}


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("name", MUTANTS)
def test_the_proof_kills(name: str, tmp_path: Path) -> None:
    rule = rules_of(KINDS["bad"])[0]
    mutant = replace(rule, expr=rule.expr.replace(*MUTANTS[name]))

    assert "FAILED" in promtool_says(tmp_path, [mutant], [test for _, test in promtool_tests(rule)], "1m")


def needed_alone(rule: SloRule) -> SloRule:
    """The rule without the records of other windows, which would cost most of the time."""
    return replace(rule, records=needed_records(rule.expr, {each.record: each for each in rule.records}))


def counters(service: str, total: str, bad: str) -> list[dict[str, str]]:
    target = TARGET.format(service=service)
    rows = {"execution_orders_submitted_total": total, "execution_orders_rejected_total": bad, "up": "1x30"}
    return [{"series": f"{name}{{{target}}}", "values": values} for name, values in rows.items()]


def alerting(services: Sequence[str], at: str = "20m") -> dict[str, Any]:
    """A check of which services the one-hour alert fires for."""
    return {
        "expr": f'count by (service) (ALERTS{{alertname="{ALERT}",window="1h",alertstate="firing"}})',
        "eval_time": at,
        "exp_samples": [{"labels": f'{{service="{service}"}}', "value": 1} for service in services],
    }


@pytest.mark.needs("promtool")
def test_an_objective_of_a_services_own_takes_the_place_of_the_general_one_there_and_nowhere_else(
    tmp_path: Path,
) -> None:
    # 3 % of errors: more than 0.999 allows in an hour (1.44 %), less than 0.99 does (14.4 %).
    rules = rules_of(KINDS["bad"], own=f"orders: {{objective: 0.99, {ORDERS}}}")
    names = ("execution-engine", "drill-execution-engine", "another", "execution-engine-2")
    story = {
        "interval": "1m",
        "input_series": [each for name in names for each in counters(name, "0+100x30", "0+3x30")],
        "promql_expr_test": [
            alerting(["another", "execution-engine-2"]),
            {
                "expr": "sum by (service) (slo:objective)",
                "eval_time": "20m",
                "exp_samples": [
                    {"labels": f'{{service="{name}"}}', "value": 0.99 if name in names[:2] else 0.999} for name in names
                ],
            },
        ],
    }
    assert promtool_says(tmp_path, rules, [story], "1m") == ""


@pytest.mark.needs("promtool")
def test_two_objectives_on_the_same_families_do_not_mix(tmp_path: Path) -> None:
    rules = rules_of(KINDS["bad"], f"strict: {{objective: 0.9999, {ORDERS}}}")
    story = {
        "interval": "1m",
        "input_series": counters("a", "0+1000x30", "0+3x30"),
        "promql_expr_test": [
            {
                "expr": f'count by (slo) (ALERTS{{alertname="{ALERT}",window="1h",alertstate="firing"}})',
                "eval_time": "20m",
                "exp_samples": [{"labels": '{slo="strict"}', "value": 1}],
            }
        ],
    }
    assert promtool_says(tmp_path, rules, [story], "1m") == ""


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("version", BOTH_PROMTOOLS)
def test_the_budget_that_is_left_and_the_ratios_are_right_and_never_nan(version: str | None, tmp_path: Path) -> None:
    # 5 errors of 10,000 events are half of what 0.999 allows; the idle service has no ratio and no budget to speak of.
    rules = rules_of(KINDS["bad"])
    target = {"environment": "proof", "service": "busy", "team": "proof", "slo": "orders"}
    labels = "{" + ",".join(f'{name}="{value}"' for name, value in target.items()) + "}"
    story = {
        "interval": "1m",
        "input_series": [*counters("busy", "0+10000x30", "0+5x30"), *counters("idle", "1000x30", "900x30")],
        "promql_expr_test": [
            {
                "expr": f"round({name}, 0.0000001)",
                "eval_time": "20m",
                "exp_samples": [{"labels": labels, "value": value}],
            }
            for name, value in [
                (REMAINING, 0.5),
                *((f"slo:error_ratio:rate{window}", 0.0005) for window in ("5m", "30m", "1h", "2h", "6h", "1d", "3d")),
            ]
        ],
    }  # fmt: skip
    assert promtool_says(tmp_path, rules, [story], "1m", version) == ""


@pytest.mark.needs("promtool")
@pytest.mark.parametrize("written", ["100", "100.0", "1e+02"])
def test_a_latency_objective_counts_the_right_bucket_however_its_bound_is_written(written: str, tmp_path: Path) -> None:
    target = TARGET.format(service="a")
    name = "order_placement_latency_milliseconds"
    rows = {
        f'{name}_bucket{{{target},le="10"}}': "0+1x30",
        f'{name}_bucket{{{target},le="{written}"}}': "0+9x30",
        f'{name}_bucket{{{target},le="1000.0"}}': "0+10x30",
        f'{name}_bucket{{{target},le="+Inf"}}': "0+10x30",
        f"{name}_count{{{target}}}": "0+10x30",
    }
    story = {
        "interval": "1m",
        "input_series": [{"series": series, "values": values} for series, values in rows.items()],
        "promql_expr_test": [
            {
                "expr": "sum(slo:error_ratio:rate5m)",
                "eval_time": "20m",
                "exp_samples": [{"labels": "{}", "value": 0.1}],
            }
        ],
    }
    assert promtool_says(tmp_path, rules_of(KINDS["latency"]), [story], "1m") == ""


@pytest.mark.needs("promtool")
def test_a_person_reads_what_failed_and_how_much_of_it_is_allowed(tmp_path: Path) -> None:
    rule = rules_of(KINDS["bad"])[0]
    texts = dict(rule.annotations) | {
        "summary": "a uses its error budget for orders at over 14.4 times the allowed pace",
        "description": (
            "3% of the events of a failed over 1h, and the last 5m are no better; the limit is 1.44 %. "
            "The objective of 99.9 % over 30d leaves 0.1 % of them for errors."
        ),
    }
    texts = {
        key: text.replace("{{ $labels.service }}", "a").replace("{{ $labels.environment }}", "proof")
        for key, text in texts.items()
    }
    labels = {**rule.labels, "environment": "proof", "service": "a", "team": "proof"}
    story = {
        "interval": "1m",
        "input_series": counters("a", "0+100x30", "0+3x30"),
        "alert_rule_test": [
            {"eval_time": "20m", "alertname": ALERT, "exp_alerts": [{"exp_labels": labels, "exp_annotations": texts}]}
        ],
    }
    assert promtool_says(tmp_path, [rule], [story], "1m") == ""


def test_every_proof_covers_what_a_rule_on_counters_must_cover() -> None:
    wanted = {"no-traffic", "two-services", "first-increment", "reset", "long-running", "boundary"}

    for rule in rules_of(*KINDS.values()):
        assert {covered for case in rule.proof.cases for covered in case.covers} >= wanted
        assert any(case.fires for case in rule.proof.cases)
        assert not all(case.fires for case in rule.proof.cases)


# What is refused

WRONG = [
    ("no family at all", "orders: {objective: 0.9}", "", "must count events or measure latency"),
    ("both forms", f"orders: {{objective: 0.9, {ORDERS}, {PLACEMENT}}}", "", "must count events or measure latency"),
    ("bad and good", f"orders: {{objective: 0.9, {ORDERS}, good: orders_filled_total}}", "", "must count events"),
    ("a misspelt family", "orders: {objective: 0.9, total: orders_submited_total, bad: orders_rejected_total}", "",
     "did you mean `orders_submitted_total`"),
    ("the same family twice", "orders: {objective: 0.9, total: orders_filled_total, bad: orders_filled_total}", "",
     "twice"),
    ("two domains", "orders: {objective: 0.9, total: orders_filled_total, bad: risk_limit_breaches_total}", "",
     "of domain `risk`"),
    ("a bound that is none", f"orders: {{objective: 0.9, {PLACEMENT.replace('100', '99')}}}", "",
     "99 is no bucket bound"),
    ("a gauge", "p: {objective: 0.9, total: market_data_price, bad: orders_filled_total}", "", "no declared counter"),
    ("a short window", f"orders: {{objective: 0.9, window: 6h, {ORDERS}}}", "", "shorter than a day"),
    ("an objective of 1", f"orders: {{objective: 1, {ORDERS}}}", "", "objective"),
    ("a service that does not emit it", "", f"ticks: {{objective: 0.9, {TICKS}}}", "`execution-engine` does not emit"),
]  # fmt: skip


@pytest.mark.parametrize(("general", "own", "said"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_an_objective_that_cannot_be_measured_is_refused(general: str, own: str, said: str) -> None:
    problems = problems_in(with_slos(*([general] if general else []), own=own))

    assert any(said in problem.summary or said in problem.where.path for problem in problems), problems
    assert all(problem.where.line for problem in problems)


def test_an_objective_that_no_service_emits_is_refused() -> None:
    text = with_slos(KINDS["bad"]).replace(EMITS, "    emits: [host]\n")

    assert [problem.summary for problem in problems_in(text)] == ["no service emits `execution_orders_submitted_total`"]
