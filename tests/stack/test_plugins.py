"""Plugins come in by entry point; a broken one is named and harms nothing."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.samples import SAMPLE
from tapewatch.plugins import discover
from tapewatch.project import open_project
from tapewatch_sdk.errors import ProblemsError

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
