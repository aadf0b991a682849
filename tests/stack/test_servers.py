"""Where server programs are looked for, and what is said when one is not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tapewatch import servers
from tapewatch_sdk.errors import ToolError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty cache folder, an empty PATH and no variable that names a program."""
    for name in servers.PROGRAMS:
        monkeypatch.delenv(f"TAPEWATCH_{name.upper()}", raising=False)
    monkeypatch.setenv("TAPEWATCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path / "cache"


def program(path: Path, says: str) -> Path:
    """An executable that prints `says`, whatever it is asked."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho '{says}'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def cached(cache: Path, name: str, version: str) -> Path:
    return program(cache / f"{name}-{version}" / name, f"{name}, version {version} (branch: HEAD)")


def test_the_newest_version_in_the_cache_is_taken_by_number_not_by_text(cache: Path) -> None:
    cached(cache, "promtool", "3.5.3")
    newest = cached(cache, "promtool", "3.13.5")
    assert servers.find("promtool") == servers.Program("promtool", newest, "3.13.5")


def test_a_release_is_newer_than_its_candidates(cache: Path) -> None:
    cached(cache, "promtool", "3.13.0-rc.1")
    cached(cache, "promtool", "3.13.0")
    assert servers.find("promtool").version == "3.13.0"


def test_the_beginning_of_a_version_is_matched_at_the_dot(cache: Path) -> None:
    cached(cache, "promtool", "3.50.0")
    oldest = cached(cache, "promtool", "3.5.3")
    assert servers.find("promtool", version="3.5").path == oldest


def test_the_variable_goes_before_the_cache(cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cached(cache, "amtool", "0.34.2")
    own = program(tmp_path / "own-amtool", "amtool, version 0.33.1")
    monkeypatch.setenv("TAPEWATCH_AMTOOL", str(own))
    assert servers.find("amtool") == servers.Program("amtool", own, "0.33.1")


def test_a_variable_of_another_version_does_not_hide_the_wanted_one(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    wanted = cached(cache, "promtool", "3.5.3")
    monkeypatch.setenv("TAPEWATCH_PROMTOOL", str(program(tmp_path / "p", "promtool, version 3.13.5")))
    assert servers.find("promtool", version="3.5").path == wanted


def test_a_variable_that_names_no_program_is_an_error_not_a_reason_to_look_elsewhere(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    cached(cache, "promtool", "3.13.5")
    monkeypatch.setenv("TAPEWATCH_PROMTOOL", str(tmp_path / "nowhere"))
    with pytest.raises(ToolError, match=r"TAPEWATCH_PROMTOOL names .*nowhere, which is no executable file"):
        servers.find("promtool")


def test_path_is_the_last_resort(cache: Path, tmp_path: Path) -> None:
    on_path = program(tmp_path / "bin" / "loki", "loki, version 3.7.8 (branch: , revision: unknown)")
    assert servers.find("loki").path == on_path


def test_debians_names_are_known(cache: Path, tmp_path: Path) -> None:
    program(tmp_path / "bin" / "prometheus-node-exporter", "node_exporter, version 1.9.1")
    assert servers.find("node_exporter").version == "1.9.1"


def test_the_version_is_the_programs_own_word_not_the_folders(cache: Path) -> None:
    program(cache / "jaeger-2.20.0" / "jaeger", "jaeger version v2.13.0")
    assert servers.find("jaeger").version == "2.13.0"


def test_a_file_that_is_not_executable_is_passed_over(cache: Path) -> None:
    cached(cache, "promtool", "3.13.5").chmod(0o644)
    assert servers.cached("promtool") == []


def test_a_missing_program_is_said_with_the_way_to_get_it(cache: Path) -> None:
    with pytest.raises(ToolError) as raised:
        servers.find("promtool", version="3.5")
    (problem,) = raised.value.problems
    assert problem.code == "tool/missing"
    assert "promtool 3.5" in problem.summary
    assert "make servers" in problem.fix
    assert "TAPEWATCH_PROMTOOL=" in problem.fix


@pytest.mark.parametrize("says", ["", "Usage: promtool"])
def test_a_program_without_a_version_is_called_broken(cache: Path, says: str) -> None:
    program(cache / "promtool-3.13.5" / "promtool", says)
    with pytest.raises(ToolError, match="did not tell its version"):
        servers.find("promtool")


def test_a_file_that_cannot_be_run_is_called_broken(cache: Path) -> None:
    path = cached(cache, "promtool", "3.13.5")
    path.write_bytes(b"\x7fELF half a download")
    with pytest.raises(ToolError, match="did not tell its version"):
        servers.find("promtool")


def test_an_unknown_name_lists_the_known_ones(cache: Path) -> None:
    with pytest.raises(ToolError) as raised:
        servers.find("promtol")
    assert "promtool" in raised.value.problems[0].must


def test_the_module_loads_nothing_but_the_standard_library_and_the_sdk() -> None:
    code = "import sys, tapewatch.servers; print(*sorted({name.split('.')[0] for name in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"pydantic", "yaml", "click", "rich", "jinja2", "promql_parser", "grafanalib"} & set(loaded)


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.needs(name)) for name in servers.PROGRAMS])
def test_the_programs_in_the_cache_say_the_version_that_their_folder_bears(name: str) -> None:
    for path in servers.cached(name):
        version = path.parent.name.removeprefix(f"{name}-")
        assert servers.find(name, version) == servers.Program(name, path, version)
