"""Each kind of plugin, in every way that one can be wrong: named with its reason, and no harm to any other."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sdk.testing.conformance import install
from support.cli import run
from tapewatch.plugins import PROJECT_GROUPS, discover
from tapewatch_sdk.errors import PluginError
from tapewatch_sdk.loading import checked, find, load, names
from tapewatch_sdk.plugins import GROUPS

METHODS = {
    "tapewatch.renderers": "def render(self, request): return []",
    "tapewatch.rules": "folder = __import__('pathlib').Path(__file__).parent",
    "tapewatch.dashboards": "def dashboards(self, request): return []",
    "tapewatch.checks": "def run(self, request): return []",
    "tapewatch.collectors": "reads = ()\n    tables = ()\n    def collect(self, cycle): return []",
    "tapewatch.exporters": "def start(self, source, destination): return None",
    "tapewatch.event_sinks": "def send(self, events): pass",
}
BASES = {"tapewatch.collectors": "(__import__('tapewatch_sdk.collectors').collectors.Collector)"}
LACKING = {"tapewatch.rules": "folder = 'here'"}
"""What a pack of rules has where the others lack their method: a part that is of another type."""

REASONS = {
    "old": "was written for version 2 of the plugin contract, this is version 1",
    "nameless": "it has no `name`",
    "other": "its `name` is `another`, and its entry point is called `other`: they must be the same",
    "lacking": "",
    "raising": "failed in `constructor`: ValueError: no such place",
    "wanting": "its class cannot be made without arguments (missing a required argument: 'url')",
    "leaving": "failed in `constructor`: SystemExit: 3",
    "nowhere": "failed in `import`: AttributeError",
    "gone": "failed in `import`: ModuleNotFoundError: No module named 'module_that_is_gone'",
}
CLASSES = {
    "right": ("name = 'right'", "api_version = 1"),
    "old": ("name = 'old'", "api_version = 2"),
    "nameless": ("api_version = 1",),
    "other": ("name = 'another'", "api_version = 1"),
    "raising": ("name = 'raising'", "api_version = 1", "def __init__(self): raise ValueError('no such place')"),
    "wanting": ("name = 'wanting'", "api_version = 1", "def __init__(self, url): self.url = url"),
    "leaving": ("name = 'leaving'", "api_version = 1", "def __init__(self): raise SystemExit(3)"),
}


def source(group: str) -> str:
    """A module with a right plugin of a group and wrong ones."""
    base = BASES.get(group, "")
    written = [
        "\n    ".join((f"class {name.capitalize()}{base}:", *parts, METHODS[group])) for name, parts in CLASSES.items()
    ]
    lacking = ("name = 'lacking'", "api_version = 1", LACKING.get(group, "other = 1"))
    return "\n".join([*written, "\n    ".join((f"class Lacking{base}:", *lacking))])


@pytest.fixture
def broken(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A group with a right plugin and one that is wrong in each way."""
    group, site = str(request.param), tmp_path / "site"
    module = f"broken_{group.rpartition('.')[2]}"
    points = {name: f"{module}:{name.capitalize()}" for name in ("right", *REASONS)}
    install(site, {group: {**points, "gone": "module_that_is_gone:Plugin"}}, "broken")
    (site / f"{module}.py").write_text(source(group))
    monkeypatch.syspath_prepend(str(site))
    yield group
    sys.modules.pop(module, None)


EVERY_KIND = pytest.mark.parametrize("broken", GROUPS, indirect=True)


@EVERY_KIND
def test_each_way_to_be_wrong_is_named_with_its_reason_and_harms_nobody(broken: str) -> None:
    found = {each.name: each for each in find(broken)}

    for name, reason in REASONS.items():
        problem = found[name].problem
        assert problem is not None, name
        assert found[name].plugin is None
        assert f"`{name}`" in problem.summary
        assert reason in problem.summary
        assert problem.where.path == f"{broken}: {name}"
        assert problem.code in ("plugins/contract", "plugins/failed")
    assert (found["right"].problem, found["right"].plugin.name) == (None, "right")


@EVERY_KIND
def test_a_plugin_is_loaded_by_its_name_alone(broken: str) -> None:
    assert load(broken, "right").name == "right"
    for name in REASONS:
        with pytest.raises(PluginError, match=f"`{name}`"):
            load(broken, name)


@EVERY_KIND
def test_the_list_shows_every_one_within_80_columns_and_ends_with_1(broken: str, tmp_path: Path) -> None:
    done = run("plugins", "list", folder=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")})

    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert f"  {'right':20} ok      broken" in lines
    assert [f"  {name:20} failed  broken" in lines for name in REASONS] == [True] * len(REASONS)
    assert [line for line in lines if len(line) > 80] == []
    assert done.stderr.count("error[plugins/") == len(REASONS)


def test_the_list_is_to_be_had_as_json(tmp_path: Path) -> None:
    install(tmp_path / "site", {"tapewatch.event_sinks": {"gone": "module_that_is_gone:Sink"}}, "acme")

    done = run("plugins", "list", "--format", "json", folder=tmp_path, env={"PYTHONPATH": str(tmp_path / "site")})

    listed = {(each["group"], each["name"]): each for each in json.loads(done.stdout)}
    gone = listed["tapewatch.event_sinks", "gone"]
    assert done.returncode == 1
    assert gone["problem"]["code"] == "plugins/failed"
    assert gone["origin"] == "acme: module_that_is_gone:Sink"
    assert listed["tapewatch.checks", "lineage"]["problem"] is None
    assert listed["tapewatch.checks", "lineage"]["adds"].startswith("Every metric, label and type")


def test_a_kind_of_which_nothing_is_installed_is_shown_too(tmp_path: Path) -> None:
    lines = run("plugins", "list", folder=tmp_path).stdout.splitlines()

    assert [line for line in lines if not line.startswith(" ")] == [group.partition(".")[2] for group in GROUPS]


def test_a_name_that_nobody_has_is_not_found_and_the_nearest_is_named() -> None:
    with pytest.raises(PluginError) as caught:
        load("tapewatch.renderers", "prometeus")

    (problem,) = caught.value.problems
    assert problem.code == "plugins/not-found"
    assert "did you mean `prometheus`?" in problem.summary
    assert "grafana" in problem.must


def test_of_two_with_the_same_name_the_first_is_used_and_the_other_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for maker in ("maker1", "maker2"):
        install(tmp_path, {"tapewatch.event_sinks": {"right": f"{maker}:Right"}}, maker)
        (tmp_path / f"{maker}.py").write_text(source("tapewatch.event_sinks"))
    monkeypatch.syspath_prepend(str(tmp_path))

    first, second = find("tapewatch.event_sinks", "right")

    assert first.plugin is not None
    assert second.problem is not None
    assert second.problem.summary == "plugin `right` is not used: maker1: maker1:Right has the same name"
    assert names("tapewatch.event_sinks") == ("right",)


def test_nobody_takes_the_place_of_a_built_in_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, {"tapewatch.renderers": {"grafana": "aaa:Right"}}, "aaa")
    (tmp_path / "aaa.py").write_text(source("tapewatch.renderers").replace("'right'", "'grafana'"))
    monkeypatch.syspath_prepend(str(tmp_path))

    first, second = find("tapewatch.renderers", "grafana")

    assert first.origin.startswith("tapewatch: ")
    assert second.problem is not None


def test_a_project_loads_what_it_uses_and_nothing_else() -> None:
    assert {found.group for found in discover().found} <= set(PROJECT_GROUPS)


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ("'spreads'", "its `tables` is no tuple of tapewatch_sdk.collectors.Table"),
        ("(Table('Spreads', (T,)),)", "`Spreads` of its table `Spreads` is no plain SQL name in lower case"),
        ("(Table('x', (T, Column('a b', K.DOUBLE))),)", "`a b` of its table `x` is no plain SQL name in lower case"),
        ("(Table('x', (Column('a', K.DOUBLE), T)),)", "the first column of its table `x` is not `timestamp`"),
        ("(Table('x', ()),)", "the first column of its table `x` is not `timestamp`"),
        ("(Table('x', (T, T)),)", "its table `x` has the column `timestamp` twice"),
        ("(Table('x', (T,), ('symbol',)),)", "the key of its table `x` names `symbol`, which is no column of it"),
        ("(Table('x', (T, Column('a', 'BLOB'))),)", "the type of `a` in its table `x` is no ColumnType"),
        ("(Table('x', (T,)), Table('x', (T,)))", "it has the table `x` twice"),
    ],
)
def test_the_tables_of_a_collector_are_looked_at(tables: str, reason: str) -> None:
    assert reason in refusal_of("('up',)", tables)


@pytest.mark.parametrize(
    ("reads", "reason"),
    [("'up'", "its `reads` is no tuple of names"), ("('a-b',)", "it reads `a-b`, which no metric can be called")],
)
def test_the_names_that_a_collector_reads_are_looked_at(reads: str, reason: str) -> None:
    assert reason in refusal_of(reads, "(Table('x', (T,)),)")


def refusal_of(reads: str, tables: str) -> str:
    """Why a collector that reads and fills these is refused."""
    space: dict[str, Any] = {}
    exec(
        "from tapewatch_sdk.collectors import Collector, Column, Table, ColumnType as K\n"
        "T = Column('timestamp', K.TIMESTAMP)\n"
        f"class Acme(Collector):\n    name = 'acme'\n    reads = {reads}\n    tables = {tables}\n"
        "    def collect(self, cycle): return []\n",
        space,
    )
    with pytest.raises(PluginError) as caught:
        checked("tapewatch.collectors", space["Acme"]())
    return caught.value.problems[0].summary
