"""docs/alerts.md lists every alert as its pack has it, and every alert has a runbook that helps."""

from __future__ import annotations

import re

import pytest

from docs.alert_table import packs, row
from docs.pages import RUNBOOKS, Page, page, rows
from support.samples import ROOT
from tapewatch.checks.lineage import universe_of
from tapewatch.project import Project, open_project
from tapewatch.promql.lineage import check_expression
from tapewatch.rules.model import AlertSpec, Pack
from tapewatch.rules.slo import ALERT as BURN_RATE

SPECS = [spec for pack in packs() for spec in pack.rules]
HEADINGS = ["What it means", "What is at stake", "First steps", "Queries", "When it goes away", "Tuning"]


def runbook(alert: str) -> Page:
    return Page(RUNBOOKS / f"{alert}.md")


@pytest.fixture(scope="module")
def sample() -> Project:
    return open_project(ROOT)


@pytest.mark.parametrize("pack", packs(), ids=lambda pack: pack.domain)
def test_every_alert_stands_under_its_domain_as_the_pack_has_it(pack: Pack) -> None:
    shown = [cells for cells in rows(page("alerts.md").sections.get(pack.domain, "")) if cells[0].startswith("[")]
    said = {cells[0][1:].partition("]")[0]: cells[2] for cells in shown}

    assert shown == [row(spec, said.get(spec.alert, "")) for spec in pack.rules], "python -m docs.alert_table"
    assert all(len(condition) > 10 for condition in said.values())


def test_no_row_outlives_its_alert() -> None:
    shown = {cells[0][1:].partition("]")[0] for cells in rows(page("alerts.md").text) if cells[0].startswith("[")}

    assert shown == {spec.alert for spec in SPECS}


@pytest.mark.parametrize("alert", [*(spec.alert for spec in SPECS), BURN_RATE])
def test_every_runbook_has_the_headings_in_order(alert: str) -> None:
    assert list(runbook(alert).sections) == [alert, *HEADINGS]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.alert)
def test_every_runbook_says_what_to_do_and_how_to_tune(spec: AlertSpec) -> None:
    sections = runbook(spec.alert).sections

    assert len(re.findall(r"(?m)^\d+\. ", sections["First steps"])) >= 2
    assert [name for name in spec.parameters if f"`{name}`" not in sections["Tuning"]] == []
    assert all(sections[heading].strip() for heading in HEADINGS)


def test_no_runbook_outlives_its_alert() -> None:
    assert {path.stem for path in RUNBOOKS.glob("*.md")} == {*(spec.alert for spec in SPECS), BURN_RATE}


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.alert)
def test_every_query_of_a_runbook_fits_the_sample(spec: AlertSpec, sample: Project) -> None:
    universe = universe_of(sample.catalogue, sample.rules)
    queries = [block for block in runbook(spec.alert).blocks if block.language == "promql"]
    assert queries, "a runbook shows at least one query"

    for block in queries:
        for query in re.split(r"\n\s*\n", re.sub(r"(?m)^#.*\n", "\n", block.text).strip()):
            found = check_expression(query, universe, f"line {block.line}", allow_raw_counters=True)
            assert [f"{problem.summary} {problem.fix}" for problem in found] == [], query
