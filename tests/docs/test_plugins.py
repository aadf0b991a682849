"""docs/plugins.md and docs/plugins/ have every kind of plugin, and the package that they show works as they say."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import pytest

from docs.pages import page, rows
from docs.written import KIND_PAGES, files_on, install
from support.cli import run
from support.samples import SAMPLE
from tapewatch.newplugin import KINDS, project_files
from tapewatch_sdk import testing
from tapewatch_sdk.plugins import GROUPS, CatalogueView, Request, ServiceView

SUITES: Mapping[str, type[testing.Suite]] = {
    "renderer": testing.RendererSuite,
    "rules": testing.RulesSuite,
    "dashboards": testing.DashboardSuite,
    "collector": testing.CollectorSuite,
    "exporter": testing.ExporterSuite,
    "check": testing.CheckSuite,
    "event-sink": testing.EventSinkSuite,
}


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


def test_every_group_stands_there_with_its_contract_and_leads_to_its_page() -> None:
    table = {cells[0]: cells[1:] for cells in rows(page("plugins.md").text) if len(cells) == 4}

    assert set(table) == {"group", *(f"`{group}`" for group in GROUPS)}
    for kind in KINDS.values():
        contract, _, link = table[f"`{kind.group}`"]
        assert contract == f"`{GROUPS[kind.group].__name__}`"
        assert f"(plugins/{kind.name}.md)" in link


def test_every_kind_has_its_page() -> None:
    assert {Path(name).stem for name in KIND_PAGES} == set(KINDS) == set(SUITES)


def test_every_group_has_an_example() -> None:
    shown = tomllib.loads(files_on("plugins.md")["pyproject.toml"])["project"]["entry-points"]

    assert set(shown) == set(GROUPS)


@pytest.mark.parametrize("kind", KINDS)
def test_the_example_of_a_kind_is_what_plugins_new_writes(kind: str) -> None:
    written = project_files(KINDS[kind], "acme-tapewatch")
    shown = files_on(f"plugins/{kind}.md")

    assert shown == {path: written[path] for path in shown}
    assert set(shown) == {f"acme_tapewatch/{KINDS[kind].module}.py", "tests/test_acme_tapewatch.py"}


def test_the_pack_that_plugins_new_writes_is_that_of_the_page_on_rules() -> None:
    written = project_files(KINDS["rules"], "acme-tapewatch")
    shown = files_on("rules.md")

    assert {path: written[path] for path in shown} == shown


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_names_group_contract_and_every_test_of_the_suite(kind: str) -> None:
    text = page(f"plugins/{kind}.md").text
    group, suite = KINDS[kind].group, SUITES[kind]
    sentences = {name.removeprefix("test_").replace("_", " ") for name in dir(suite) if name.startswith("test_")}

    assert f"Group `{group}`, contract `{GROUPS[group].__name__}`." in text
    assert f"`{suite.__name__}`" in text
    listed = [line[2:] for line in f"{text}\n{page('sdk/testing.md').text}".splitlines() if line.startswith("- ")]
    assert sentences - set(listed) == set()


def test_no_page_lists_a_test_that_does_not_exist() -> None:
    known = {name for suite in SUITES.values() for name in dir(suite)}
    for name in (*KIND_PAGES, "sdk/testing.md"):
        listed = [line[2:] for line in page(name).text.splitlines() if line.startswith("- ")]
        assert [each for each in listed if f"test_{each.replace(' ', '_')}" not in known] == [], name


@pytest.mark.parametrize("view", [CatalogueView, ServiceView, Request])
def test_everything_that_a_plugin_is_given_is_named(view: type) -> None:
    text = page("plugins.md").sections["What a plugin is given"]
    names = [name for name in {**vars(view), **getattr(view, "__annotations__", {})} if not name.startswith("_")]

    assert [name for name in names if f"`{name}`" not in text and f"request.{name}" not in text] == []


def test_the_example_package_is_listed_and_works(project: Path, installed: Mapping[str, str]) -> None:
    listed = run("plugins", "list", folder=project, env=installed)
    assert listed.returncode == 0, listed.stderr
    assert listed.stdout.count(f"  {'acme-tapewatch':20} ok      acme-tapewatch\n") == len(GROUPS)

    done = run("generate", folder=project, env=installed)

    assert "warning[acme-tapewatch/single-target]: `market-data` has one target" in done.stderr
    assert "error" not in done.stderr
    inventory = (project / "provisioning/acme-tapewatch/inventory.csv").read_text()
    assert "\nrisk-manager,risk,scrape\n" in inventory
    assert "SignalBurst" in (project / "provisioning/prometheus/rules/signal.yml").read_text()
    assert '"Signals"' in (project / "provisioning/grafana/dashboards/acme/acme-tapewatch.json").read_text()


def test_the_examples_of_the_page_on_testing_pass(
    installed: Mapping[str, str], pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = files_on("sdk/testing.md")
    pytester.makepyfile(**{path.removesuffix(".py"): text for path, text in shown.items()})
    monkeypatch.setenv("PYTHONPATH", installed["PYTHONPATH"])

    outcomes = pytester.runpytest_subprocess("-p", "no:cacheprovider").parseoutcomes()

    assert set(shown) == {"test_engine.py", "test_inventory.py"}
    suite = [name for name in dir(testing.RendererSuite) if name.startswith("test_")]
    assert outcomes == {"passed": 1 + len(suite)}


def test_the_page_on_testing_has_every_fixture_suite_and_tool() -> None:
    text = page("sdk/testing.md").text
    from tapewatch_sdk.testing import fixtures

    assert [name for name in fixtures.__all__ if f"| `{name}` |" not in text] == []
    rest = {"Arrived", "Received", "Suite"}  # parts of the others
    assert [name for name in testing.__all__ if f"`{name}" not in text and name not in rest] == []


def test_a_broken_plugin_is_named_and_the_rest_goes_on(project: Path, tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    broken = install(tmp_path / "packages", renderer="import acme_inventory\n")

    listed = run("plugins", "list", folder=project, env=broken)

    assert listed.returncode == 1
    shown = page("plugins.md").sections["When a plugin breaks"]
    for line in (*listed.stdout.splitlines()[:1], *listed.stdout.splitlines()[1:3], *listed.stderr.splitlines()[:5]):
        assert "acme" not in line or f"    {line}\n" in shown
    assert "No module named 'acme_inventory'" in listed.stderr
    done = run("generate", folder=project, env=broken)
    assert done.returncode == 1
    assert (project / "provisioning/prometheus/rules/signal.yml").is_file()
