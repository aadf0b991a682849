"""docs/rules.md has every key of a pack, and the pack that it shows is proven by promtool."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import get_args

import pytest

from docs.pages import page, rows
from docs.written import install
from support.cli import run
from support.samples import SAMPLE
from tapewatch.rules.macros import MACROS
from tapewatch.rules.model import AlertSpec, Case, Coverage, Firing, Pack, Parameter, Record
from tapewatch.servers import find

PAGE = page("rules.md")


def keys(section: str) -> set[str]:
    return {cells[0].strip("`") for cells in rows(PAGE.sections[section]) if cells[0].startswith("`")}


@pytest.mark.parametrize(("section", "model"), [("The pack", Pack), ("A rule", AlertSpec)])
def test_every_key_stands_there(section: str, model: type[Pack | AlertSpec]) -> None:
    assert keys(section) == {field.alias or name for name, field in model.model_fields.items()}


def test_every_key_of_a_case_and_every_tag_stands_there() -> None:
    assert keys("Proof") == {*Case.model_fields, *get_args(Coverage)}


@pytest.mark.parametrize(
    ("section", "row", "model"),
    [("A rule", "parameters", Parameter), ("A rule", "records", Record), ("Proof", "fires", Firing)],
)
def test_the_keys_of_smaller_parts_stand_in_their_row(
    section: str, row: str, model: type[Parameter | Record | Firing]
) -> None:
    text = next(cells[1] for cells in rows(PAGE.sections[section]) if cells[0] == f"`{row}`")

    assert [name for name in model.model_fields if f"`{name}`" not in text] == []


def test_every_macro_is_explained() -> None:
    assert [name for name in MACROS if f"`{name}(" not in PAGE.sections["Macros"]] == []


@pytest.mark.needs("promtool")
def test_the_example_pack_loads_and_is_proven(tmp_path: Path) -> None:
    packages, project = tmp_path / "packages", tmp_path / "demo"
    packages.mkdir()
    project.mkdir()
    environment = install(packages)
    (project / "catalogue.yaml").write_text(SAMPLE, encoding="utf-8")
    done = run("generate", folder=project, env=environment)
    assert "error" not in done.stderr, done.stderr
    tests = project / "provisioning/prometheus/tests/signal_test.yml"
    assert tests.read_text().count("name: 'SignalBurst: ") == 7

    proven = subprocess.run(
        [find("promtool").path, "test", "rules", tests], capture_output=True, text=True, check=False, timeout=60
    )

    assert proven.returncode == 0, proven.stdout + proven.stderr


def test_the_catalogue_can_override_the_example(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    environment = install(tmp_path / "packages")
    text = SAMPLE.replace("\nalerts: {}", "\nalerts: {SignalBurst: {threshold: 20}}")
    (tmp_path / "catalogue.yaml").write_text(text, encoding="utf-8")

    done = run("explain", "SignalBurst", folder=tmp_path, env=environment)

    assert "service_strategy:strategy_signals:increase1m > 20" in done.stdout
