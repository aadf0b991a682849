"""The marker `needs`: a missing part is named, and fails the run where it is required."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

DOCKER = shutil.which("docker")

TEST = """
import pytest

@pytest.mark.needs("promtool")
def test_with_promtool():
    pass

def test_without():
    pass
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """One test that needs promtool and one that needs nothing, on a machine without any program."""
    for name in ("TAPEWATCH_REQUIRE", "TAPEWATCH_PROMTOOL", "PYTEST_ADDOPTS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TAPEWATCH_CACHE", str(pytester.path / "no-cache"))
    monkeypatch.setenv("PATH", str(pytester.path / "no-bin"))
    tests = Path(__file__).parents[1]
    pytester.makeini(f"[pytest]\npythonpath = {tests}\naddopts = --strict-markers")
    pytester.makeconftest("pytest_plugins = ['support.parts']")
    pytester.makepyfile(TEST)
    return pytester


def run(suite: pytest.Pytester) -> pytest.RunResult:
    """In a process of its own, so that what is known about this machine's parts is not."""
    return suite.runpytest_subprocess("-ra")


def test_a_missing_part_skips_the_test_and_is_named(suite: pytest.Pytester) -> None:
    result = run(suite)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*needs promtool:*make servers*"])
    assert result.ret == pytest.ExitCode.OK


def test_a_missing_part_that_is_required_fails_the_test(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_REQUIRE", "promtool")
    result = run(suite)
    result.assert_outcomes(passed=1, errors=1)
    result.stdout.fnmatch_lines(["*needs promtool, which TAPEWATCH_REQUIRE lists:*make servers*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_required_part_that_no_test_asked_for_fails_the_run_too(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TAPEWATCH_REQUIRE", " amtool , promtool-3.5")
    result = run(suite)
    result.assert_outcomes(passed=1, skipped=1)
    result.stdout.fnmatch_lines(["*TAPEWATCH_REQUIRE lists amtool, which is missing*", "*lists promtool-3.5, which*"])
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_misspelt_part_in_the_variable_stops_the_run(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAPEWATCH_REQUIRE", "promtol")
    result = run(suite)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*'promtol' is no part that a test can need*promtool*"])


def test_a_misspelt_part_at_a_test_is_an_error_and_no_skip(suite: pytest.Pytester) -> None:
    suite.makepyfile("import pytest\n\n@pytest.mark.needs('promtol')\ndef test_it():\n    pass\n")
    result = run(suite)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*'promtol' is no part that a test can need*"])


def test_a_part_that_is_here_lets_the_test_run(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    promtool = suite.path / "promtool"
    promtool.write_text("#!/bin/sh\necho promtool, version 3.13.5\n", encoding="utf-8")
    promtool.chmod(0o755)
    monkeypatch.setenv("TAPEWATCH_PROMTOOL", str(promtool))
    monkeypatch.setenv("TAPEWATCH_REQUIRE", "promtool")
    run(suite).assert_outcomes(passed=2)


def test_another_version_than_the_needed_one_is_a_missing_part(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    promtool = suite.path / "promtool"
    promtool.write_text("#!/bin/sh\necho promtool, version 3.13.5\n", encoding="utf-8")
    promtool.chmod(0o755)
    monkeypatch.setenv("TAPEWATCH_PROMTOOL", str(promtool))
    suite.makepyfile("import pytest\n\n@pytest.mark.needs('promtool-3.5')\ndef test_it():\n    pass\n")
    run(suite).assert_outcomes(skipped=1)


def test_docker_without_its_program_is_a_missing_part(suite: pytest.Pytester) -> None:
    suite.makepyfile("import pytest\n\n@pytest.mark.needs('docker')\ndef test_it():\n    pass\n")
    result = run(suite)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*needs docker: the program docker is not on PATH*"])


@pytest.mark.parametrize("part", ["compose", "images"])
def test_what_docker_provides_is_missing_where_docker_is(suite: pytest.Pytester, part: str) -> None:
    suite.makepyfile(f"import pytest\n\n@pytest.mark.needs('{part}')\ndef test_it():\n    pass\n")
    result = run(suite)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines([f"SKIPPED*needs {part}: the program docker is not on PATH*"])


@pytest.mark.needs("docker", "compose")
def test_docker_compose_that_is_not_linked_is_a_missing_part_with_the_way_to_get_it(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    (suite.path / "no-bin").mkdir()
    # Docker alone, without any folder in which it would look for plugins: it knows no command `compose` then.
    docker = suite.path / "no-bin" / "docker"
    docker.write_text(
        f'#!/bin/sh\n[ "$1" = compose ] && exec {DOCKER} no-such-command\nexec {DOCKER} "$@"\n',
        encoding="utf-8",
    )
    docker.chmod(0o755)
    suite.makepyfile("import pytest\n\n@pytest.mark.needs('compose')\ndef test_it():\n    pass\n")
    result = run(suite)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*needs compose: there is no docker compose, run `make images`*"])


def test_a_program_with_a_dash_in_its_name_is_no_version_of_docker(suite: pytest.Pytester) -> None:
    suite.makepyfile("import pytest\n\n@pytest.mark.needs('docker-compose-2')\ndef test_it():\n    pass\n")
    result = run(suite)
    result.assert_outcomes(skipped=1)
    result.stdout.fnmatch_lines(["SKIPPED*needs docker-compose-2: the program docker-compose 2 is not on*"])


def test_a_program_with_a_dash_in_its_name_has_a_variable_without(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    compose = suite.path / "compose"
    compose.write_text("#!/bin/sh\necho Docker Compose version v2.40.3\n", encoding="utf-8")
    compose.chmod(0o755)
    monkeypatch.setenv("TAPEWATCH_DOCKER_COMPOSE", str(compose))
    suite.makepyfile("import pytest\n\n@pytest.mark.needs('docker-compose-2.40')\ndef test_it():\n    pass\n")
    run(suite).assert_outcomes(passed=1)
