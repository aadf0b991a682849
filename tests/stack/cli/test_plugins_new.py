"""`tapewatch plugins new`: what it writes can be installed, passes its own tests, is listed, and works end to end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from support.cli import run
from tapewatch.cli.plugins_ import KIND_NAMES
from tapewatch.newplugin import KINDS, project_files, write_project
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.plugins import GROUPS
from tapewatch_sdk.testing import HttpReceiver


def name_of(kind: str) -> str:
    return f"demo-{kind}"


@pytest.fixture(scope="module")
def projects(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """A project of each kind, as the command writes it."""
    folder = tmp_path_factory.mktemp("projects")
    for kind in KINDS:
        done = run("plugins", "new", kind, name_of(kind), folder=folder)
        assert done.returncode == 0, done.stderr
    return {kind: folder / name_of(kind) for kind in KINDS}


@pytest.fixture(scope="module")
def installed(projects: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    """The environment in which all of them are installed: built by pip, beside what this Python has."""
    site = tmp_path_factory.mktemp("site")
    pip = ["pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--target", str(site)]
    done = subprocess.run([sys.executable, "-m", *pip, *map(str, projects.values())], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return {"PYTHONPATH": os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))}


@pytest.fixture(scope="module")
def generated(installed: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A fresh project, generated with all of them installed, and what `generate` printed to standard error."""
    folder = tmp_path_factory.mktemp("home")
    assert run("init", "demo", folder=folder).returncode == 0
    done = run("generate", folder=folder / "demo", env=installed)
    assert done.returncode == 0, done.stderr
    return folder / "demo", done.stderr


def python(code: str, env: Mapping[str, str], folder: Path) -> str:
    """What a program prints."""
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=folder, env={**os.environ, **env}, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_is_one_kind_for_each_group_of_plugins() -> None:
    assert {kind.group for kind in KINDS.values()} == set(GROUPS)
    assert tuple(KINDS) == KIND_NAMES


@pytest.mark.parametrize("kind", KINDS)
def test_its_own_tests_pass(kind: str, projects: Mapping[str, Path], installed: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(
        command, cwd=projects[kind], env={**os.environ, **installed}, capture_output=True, text=True, timeout=300
    )

    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout


def test_every_one_is_listed_with_what_it_adds(installed: Mapping[str, str], tmp_path: Path) -> None:
    done = run("plugins", "list", "--format", "json", folder=tmp_path, env=installed)

    listed = {each["name"]: each for each in json.loads(done.stdout)}
    assert done.returncode == 0, done.stderr
    for kind in KINDS.values():
        found = listed[name_of(kind.name)]
        assert (found["group"], found["problem"]) == (kind.group, None)
        assert found["adds"]


def test_the_renderers_file_comes_out_of_generate(generated: tuple[Path, str]) -> None:
    assert "risk-manager,risk,scrape\n" in (generated[0] / "provisioning/demo-renderer/inventory.csv").read_text()


def test_the_dashboard_comes_out_of_generate(generated: tuple[Path, str]) -> None:
    board = json.loads((generated[0] / "provisioning/grafana/dashboards/acme/demo-dashboards.json").read_text())

    assert board["title"] == "Signals"


def test_the_checks_finding_is_printed(generated: tuple[Path, str]) -> None:
    assert "warning[demo-check/single-target]: `market-data` has one target" in generated[1]


@pytest.mark.needs("promtool")
def test_the_alert_is_proven_by_tapewatch_test(generated: tuple[Path, str], installed: Mapping[str, str]) -> None:
    done = run("test", "--alert", "SignalBurst", folder=generated[0], env=installed)

    assert "7 unit tests of 1 rule" in done.stdout
    assert "error" not in done.stdout


def test_the_exporters_backend_gets_a_value(installed: Mapping[str, str], tmp_path: Path) -> None:
    code = """
import sys
from tapewatch_sdk.exporters import push
from tapewatch_sdk.instruments import MetricsRegistry

registry = MetricsRegistry()
registry.gauge("temperature").set(21.5)
pushing = push(sys.argv[1] if len(sys.argv) > 1 else URL, service="demo", team="t", environment="e", registry=registry)
assert pushing.flush(30), pushing.failures
"""
    with HttpReceiver() as receiver:
        python(f"URL = 'demo-exporter+{receiver.url}/values'\n{code}", installed, tmp_path)

        (line,) = [
            line
            for request in receiver.requests[:1]
            for line in json.loads(request.body)["values"]
            if line["name"] == "temperature"
        ]
    assert line == {
        "name": "temperature",
        "labels": {"service": "demo", "team": "t", "environment": "e"},
        "value": 21.5,
    }


def test_the_event_sink_is_attached_by_name_and_gets_an_event(installed: Mapping[str, str], tmp_path: Path) -> None:
    code = """
from tapewatch_sdk.events import EventBus

bus = EventBus()
bus.attach("demo-event-sink")
bus.emit_kill_switch("daily_loss", 1200, 1000)
assert bus.close(30)
"""
    python(code, {**installed, "DEMO_EVENT_SINK_FILE": "journal.jsonl"}, tmp_path)

    (line,) = (tmp_path / "journal.jsonl").read_text().splitlines()
    assert json.loads(line)["data"]["reason"] == "daily_loss"


def test_the_collector_gives_its_rows(installed: Mapping[str, str], tmp_path: Path) -> None:
    code = """
from datetime import UTC, datetime
from tapewatch_sdk.collectors import Cycle, Reading
from tapewatch_sdk.loading import load

readings = {"market_data_bid": [Reading("feed", {"symbol": "BTC-USD"}, 64000.0)]}
(row,) = load("tapewatch.collectors", "demo-collector").collect(Cycle(datetime.now(UTC), readings, {"feed": True}))
print(row.table, dict(row.values))
"""
    printed = python(code, installed, tmp_path)

    values = {"symbol": "BTC-USD", "bid": 64000.0, "ask": None, "spread": None}
    assert printed == f"demo_collector_spreads {values}\n"


@pytest.mark.parametrize("tool", [("ruff", "check"), ("ruff", "format", "--check"), ("mypy", "--strict")])
def test_what_is_written_is_clean(tool: tuple[str, ...], projects: Mapping[str, Path]) -> None:
    folder = projects["exporter"].parent
    sources = [str(path.relative_to(folder)) for path in sorted(folder.glob("demo-*/*/*.py"))]
    command = [sys.executable, "-m", *tool, *sources]
    search = {"MYPYPATH": ":".join(map(str, projects.values()))}
    done = subprocess.run(
        command, cwd=folder, env={**os.environ, **search}, capture_output=True, text=True, timeout=300
    )

    assert len(sources) == 3 * len(KINDS)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_no_trace_of_the_example_is_left(kind: str) -> None:
    for path, text in project_files(KINDS[kind], "x-1").items():
        assert "acme" not in f"{path}{text}".lower().replace('"acme"', ""), path
        assert "@" not in text or ".yaml" in path or "@pytest" in text or "@contextmanager" in text, path


def test_what_comes_next_is_said(tmp_path: Path) -> None:
    done = run("plugins", "new", "check", "acme-x", "--directory", "made/here", folder=tmp_path)

    assert done.stdout.splitlines()[-1] == (
        "next: cd made/here && pip install -e '.[test]' && pytest && tapewatch plugins list"
    )
    assert (tmp_path / "made/here/acme_x/check.py").is_file()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Acme", "is no name of a plugin"),
        ("acme_x", "is no name of a plugin"),
        ("1acme", "is no name of a plugin"),
        ("acme-", "is no name of a plugin"),
        ("../acme", "is no name of a plugin"),
        ("a" * 51, "is no name of a plugin"),
        ("class", "would be the package `class`"),
        ("json", "would be the package `json`"),
        ("tapewatch-sdk", "would be the package `tapewatch_sdk`"),
        ("lineage", "is the name of a check that is installed already"),
    ],
)
def test_a_name_that_cannot_be_had_is_refused_and_nothing_is_written(name: str, reason: str, tmp_path: Path) -> None:
    done = run("plugins", "new", "check", name, folder=tmp_path)

    assert done.returncode == 2
    assert "error[plugins/bad-name]" in done.stderr
    assert reason in " ".join(done.stderr.split())
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_holds_something_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "acme-x").mkdir()
    (tmp_path / "acme-x/notes.txt").write_text("mine")

    done = run("plugins", "new", "check", "acme-x", folder=tmp_path)

    assert done.returncode == 2
    assert "error[plugins/not-empty]" in done.stderr
    assert [path.name for path in (tmp_path / "acme-x").iterdir()] == ["notes.txt"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "acme-x").mkdir()

    write_project(tmp_path / "acme-x", {"a/b.txt": "text\n"})

    assert (tmp_path / "acme-x/a/b.txt").read_text() == "text\n"
    assert [path.name for path in tmp_path.iterdir()] == ["acme-x"]


def test_a_project_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    with pytest.raises(ProblemsError) as caught:
        write_project(tmp_path / "acme-x", {"a": "text\n", "a/b": "cannot be: a is a file"})

    assert caught.value.problems[0].code == "plugins/not-written"
    assert list(tmp_path.iterdir()) == []
