"""The files that are committed: what the catalogue renders, accepted by the newest and the oldest supported tools."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.samples import ROOT
from tapewatch import documents, layout, servers
from tapewatch.project import Project, open_project
from tapewatch.proving.files import prove_files, stale_files
from tapewatch.proving.promtool import Promtool
from tapewatch.proving.routing import prove_routing

VERSIONS = [
    pytest.param(None, marks=pytest.mark.needs("promtool"), id="pinned"),
    pytest.param("3.5", marks=pytest.mark.needs("promtool-3.5"), id="3.5"),
]


@pytest.fixture(scope="module")
def sample() -> Project:
    """The repository's own catalogue."""
    return open_project(ROOT)


def test_they_are_what_the_catalogue_renders(sample: Project) -> None:
    assert stale_files(sample, ROOT) == []


def test_the_rule_files_hold_exactly_29_alerts() -> None:
    rules = [
        rule
        for path in sorted((ROOT / layout.RULES).glob("*.yml"))
        for group in documents.read(path).data["groups"]
        for rule in group["rules"]
    ]
    alerts = [rule for rule in rules if "alert" in rule]

    assert len(alerts) == len({rule["alert"] for rule in alerts}) == 29
    for rule in alerts:
        assert rule["labels"].keys() == {"severity", "domain"}
        assert {"summary", "description", "action", "runbook_url", "dashboard_url"} == rule["annotations"].keys()


@pytest.mark.parametrize("version", VERSIONS)
def test_promtool_accepts_every_rule_file_and_the_configuration(version: str | None) -> None:
    promtool = Promtool.find(version)

    assert promtool.check_rules(sorted((ROOT / layout.RULES).glob("*.yml"))) == ()
    assert promtool.check_config(ROOT / layout.PROMETHEUS / "prometheus.yml") == ()


@pytest.mark.parametrize("version", VERSIONS)
def test_every_unit_test_passes(version: str | None, sample: Project) -> None:
    report = prove_files(sample, ROOT, Promtool.find(version))

    assert report.problems == []
    assert report.cases > 29 * 3


@pytest.mark.needs("promtool")
def test_a_metric_renamed_by_hand_in_one_rule_makes_that_rules_tests_fail(sample: Project, tmp_path: Path) -> None:
    for folder in (layout.RULES, layout.TESTS, layout.TARGETS):
        (tmp_path / folder).mkdir(parents=True)
        for path in (ROOT / folder).iterdir():
            (tmp_path / folder / path.name).write_bytes(path.read_bytes())
    config = f"{layout.PROMETHEUS}/prometheus.yml"
    (tmp_path / config).write_bytes((ROOT / config).read_bytes())
    rules = tmp_path / layout.RULES / "risk.yml"
    rules.write_text(rules.read_text().replace("risk_kill_switch_active", "risk_killswitch_active", 1))

    failed = prove_files(sample, tmp_path, Promtool.find()).problems

    assert failed
    assert all("KillSwitchActivated" in problem.summary for problem in failed)
    assert [problem.where.file for problem in stale_files(sample, tmp_path) if "risk.yml" in problem.where.file]


@pytest.mark.parametrize(
    "version",
    [
        pytest.param(None, marks=pytest.mark.needs("amtool"), id="pinned"),
        pytest.param("0.33", marks=pytest.mark.needs("amtool-0.33"), id="0.33"),
    ],
)
def test_amtool_accepts_alertmanagers_configuration(version: str | None) -> None:
    amtool = servers.find("amtool", version).path
    config = ROOT / layout.ALERTMANAGER / "alertmanager.yml"
    done = subprocess.run([amtool, "check-config", config], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.needs("amtool", "alertmanager")
def test_every_alert_is_routed_and_inhibited_as_the_catalogue_says(sample: Project) -> None:
    report = prove_routing(sample.catalogue, sample.rules, ROOT / layout.ALERTMANAGER / "alertmanager.yml")

    assert report.problems == ()
    assert report.routes > 3 * 6
    assert report.inhibitions == 870
