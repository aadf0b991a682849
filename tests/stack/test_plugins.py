"""Plugins come in by entry point; a broken one is named and harms nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk.testing.conformance import install
from support.samples import SAMPLE
from tapewatch.plugins import discover
from tapewatch.project import open_project
from tapewatch_sdk.errors import PluginError, ProblemsError
from tapewatch_sdk.events import EventBus, EventType
from tapewatch_sdk.exporters import push

ENTRY_POINTS = """
[tapewatch.renderers]
inventory = thirdparty:Inventory
raises = thirdparty:Raises
missing = thirdparty:Nowhere
old = thirdparty:Old

[tapewatch.checks]
owners = thirdparty:Owners
broken = thirdparty_that_cannot_be_imported:Check
"""

CODE = '''
from tapewatch_sdk.plugins import File
from tapewatch_sdk.problems import Problem

class Inventory:
    """One line for each service."""
    name = "inventory"
    api_version = 1
    def render(self, request):
        services = request.catalogue.services.items()
        yield File("provisioning/inventory.txt", "".join(f"{name} {each.team}\\n" for name, each in services))

class Raises:
    name = "raises"
    api_version = 1
    def render(self, request):
        raise KeyError("boom")

class Old:
    name = "old"
    api_version = 0
    def render(self, request):
        return []

class Owners:
    name = "owners"
    api_version = 1
    def run(self, request):
        for name, service in request.catalogue.services.items():
            if service.team == "platform":
                yield Problem("owners/none", f"{name} has no owner", where=request.locate(("services", name)))
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A third party's distribution with good and bad plugins, and a project beside it."""
    site = tmp_path / "site"
    info = site / "thirdparty-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: thirdparty\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    (site / "thirdparty.py").write_text(CODE)
    monkeypatch.syspath_prepend(str(site))
    (tmp_path / "catalogue.yaml").write_text(SAMPLE, encoding="utf-8")
    yield tmp_path
    sys.modules.pop("thirdparty", None)


def test_a_third_partys_renderer_adds_its_file(installed: Path) -> None:
    assert "market-data data\n" in open_project(installed).render()["provisioning/inventory.txt"]


def test_a_third_partys_check_places_its_finding_in_the_catalogue(installed: Path) -> None:
    found = [problem for problem in open_project(installed).check() if problem.code == "owners/none"]

    assert [problem.summary for problem in found] == ["api has no owner"]
    assert found[0].where.line == SAMPLE.splitlines().index("  api:") + 1


def test_a_renderer_that_raises_is_named_with_hook_and_reason_and_the_rest_goes_on(installed: Path) -> None:
    project = open_project(installed)
    files = project.render()

    summaries = [problem.summary for problem in project.plugins.problems]
    assert any("`raises`" in text and "`render`" in text and "boom" in text for text in summaries)
    assert "provisioning/prometheus/prometheus.yml" in files


def test_plugins_that_cannot_be_used_say_why(installed: Path) -> None:
    reasons = {found.name: found.problem.summary for found in discover().found if found.problem}

    assert "Nowhere" in reasons["missing"]
    assert "version 0 of the plugin contract" in reasons["old"]
    assert "thirdparty_that_cannot_be_imported" in reasons["broken"]


def test_two_renderers_cannot_write_the_same_file(installed: Path) -> None:
    path = installed / "site/thirdparty.py"
    path.write_text(CODE.replace("provisioning/inventory.txt", "provisioning/prometheus/prometheus.yml"))

    with pytest.raises(ProblemsError) as caught:
        open_project(installed).render()
    assert caught.value.problems[0].code == "plugins/same-file"
    assert "`inventory`" in caught.value.problems[0].summary


# One that raises while it is used.

RAISING = """
from pathlib import Path
from tapewatch_sdk.plugins import Dashboard, File

class Plugin:
    name = "raises"
    api_version = 1
    def render(self, request): return [{render}]
    def dashboards(self, request): return [{dashboards}]
    def run(self, request): return [{run}]
    def start(self, source, destination): raise KeyError("boom")
    def send(self, events): raise KeyError("boom")
"""


@pytest.fixture
def raising(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Installs a plugin that raises, or answers with what it should not."""

    def write(group: str, answer: str = "1 / 0") -> Path:
        install(tmp_path / "site", {group: {"raises": "raises_when_used:Plugin"}}, "raises")
        code = RAISING.format(render=answer, dashboards=answer, run=answer)
        (tmp_path / "site/raises_when_used.py").write_text(code)
        (tmp_path / "catalogue.yaml").write_text(SAMPLE, encoding="utf-8")
        return tmp_path

    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    yield write
    sys.modules.pop("raises_when_used", None)


@pytest.mark.parametrize(
    ("group", "hook", "answer"),
    [
        ("tapewatch.renderers", "render", "1 / 0"),
        ("tapewatch.renderers", "render", "None"),
        ("tapewatch.renderers", "render", "exit()"),
        ("tapewatch.dashboards", "dashboards", "1 / 0"),
        ("tapewatch.dashboards", "dashboards", "Dashboard('x', 'x', {})"),
        ("tapewatch.checks", "run", "1 / 0"),
        ("tapewatch.checks", "run", "'a text'"),
    ],
)
def test_one_that_raises_or_answers_with_something_else_is_named_and_the_rest_goes_on(
    group: str, hook: str, answer: str, raising: Any
) -> None:
    project = open_project(raising(group, answer))

    findings, files = project.check(), project.render()

    (problem,) = {each.summary: each for each in project.plugins.problems}.values()
    assert problem.code == "plugins/failed"
    assert f"plugin `raises` failed in `{hook}`" in problem.summary
    assert group != "tapewatch.checks" or problem in findings
    assert "provisioning/prometheus/prometheus.yml" in files
    assert any(board.uid == "stack-health" for board in project.dashboards)


@pytest.mark.parametrize("path", ["/etc/passwd", "../outside", "a/../../b", "./x", ""])
def test_a_path_that_leads_out_of_the_project_is_named_and_not_written(path: str, raising: Any) -> None:
    project = open_project(raising("tapewatch.renderers", f"File({path!r}, 'x')"))

    assert path not in project.render()
    assert "stays inside it" in project.plugins.problems[0].summary


def test_an_exporter_that_raises_is_named_before_the_program_begins(raising: Any) -> None:
    raising("tapewatch.exporters")

    with pytest.raises(ProblemsError) as caught:
        push("raises+http://127.0.0.1:1/", service="x")
    assert "plugin `raises` failed in `start`: KeyError" in caught.value.problems[0].summary


def test_an_event_sink_that_raises_is_counted_and_harms_nobody(raising: Any) -> None:
    raising("tapewatch.event_sinks")
    bus = EventBus()
    taken: list[object] = []
    subscription = bus.attach("raises")
    bus.subscribe(None, taken.append)

    bus.emit(EventType.ENGINE_START)

    assert bus.close(10.0)
    assert subscription.stats().failed == 1
    assert len(taken) == 1


def test_an_event_sink_that_nobody_installed_is_not_found() -> None:
    with pytest.raises(PluginError, match=r"no plugin of `tapewatch\.event_sinks` is called `acme`"):
        EventBus().attach("acme")
