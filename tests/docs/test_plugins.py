"""docs/plugins.md has every plugin point, and the package that it shows works as it says."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from docs.pages import page, rows
from docs.written import files_on, install
from support.cli import run
from support.samples import SAMPLE
from tapewatch_sdk.plugins import GROUPS, CatalogueView, Request, ServiceView


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "demo"
    folder.mkdir()
    (folder / "catalogue.yaml").write_text(SAMPLE, encoding="utf-8")
    return folder


@pytest.fixture
def installed(tmp_path: Path) -> Mapping[str, str]:
    (tmp_path / "packages").mkdir()
    return install(tmp_path / "packages")


def test_every_group_stands_there_with_its_contract() -> None:
    table = {cells[0]: cells[1] for cells in rows(page("plugins.md").text)}

    assert {group: table.get(f"`{group}`") for group in GROUPS} == {
        group: f"`{contract.__name__}`" for group, contract in GROUPS.items()
    }


def test_every_group_has_an_example() -> None:
    shown = tomllib.loads(files_on("plugins.md")["pyproject.toml"])["project"]["entry-points"]

    assert set(shown) == set(GROUPS)


@pytest.mark.parametrize("view", [CatalogueView, ServiceView, Request])
def test_everything_that_a_plugin_is_given_is_named(view: type) -> None:
    text = page("plugins.md").sections["What a plugin is given"]
    names = [name for name in {**vars(view), **getattr(view, "__annotations__", {})} if not name.startswith("_")]

    assert [name for name in names if f"`{name}`" not in text and f"request.{name}" not in text] == []


def test_the_example_package_is_listed_and_works(project: Path, installed: Mapping[str, str]) -> None:
    listed = run("plugins", "list", folder=project, env=installed)
    assert listed.returncode == 0, listed.stderr
    own = [line.split()[:3] for line in listed.stdout.splitlines() if "acme-tapewatch: " in line]
    assert own == [
        ["renderers", "inventory", "ok"],
        ["rules", "acme", "ok"],
        ["dashboards", "acme", "ok"],
        ["checks", "redundancy", "ok"],
    ]

    done = run("generate", folder=project, env=installed)

    assert "warning[acme/single-target]: `market-data` has one target" in done.stderr
    assert "error" not in done.stderr
    inventory = (project / "provisioning/inventory.csv").read_text()
    assert "\nrisk-manager,risk,scrape\n" in inventory
    assert "SignalBurst" in (project / "provisioning/prometheus/rules/signal.yml").read_text()
    assert '"Signals"' in (project / "provisioning/grafana/dashboards/acme/signals.json").read_text()


def test_the_example_test_of_a_plugin_passes(
    project: Path,
    installed: Mapping[str, str],
    pytester: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytester.makepyfile(test_inventory=files_on("plugins.md")["test_inventory.py"])
    (pytester.path / "demo").symlink_to(project)
    monkeypatch.setenv("PYTHONPATH", installed["PYTHONPATH"])

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)


def test_a_broken_plugin_is_named_and_the_rest_goes_on(project: Path, tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    broken = install(tmp_path / "packages", inventory="import acme_inventory\n")

    listed = run("plugins", "list", folder=project, env=broken)

    assert listed.returncode == 1
    assert "renderers   inventory            failed" in listed.stdout
    assert "No module named 'acme_inventory'" in listed.stderr
    done = run("generate", folder=project, env=broken)
    assert done.returncode == 1
    assert (project / "provisioning/prometheus/rules/signal.yml").is_file()
