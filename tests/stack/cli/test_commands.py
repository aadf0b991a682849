"""The commands, as a user runs them: what they print, what they write, how they end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from support.cli import run
from support.samples import SAMPLE, edited
from tapewatch.cli import COMMANDS


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The sample, generated."""
    done = run("init", "demo", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("generate", folder=tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    return tmp_path / "demo"


def change(project: Path, *replacements: tuple[str, str]) -> None:
    (project / "catalogue.yaml").write_text(edited(*replacements), encoding="utf-8")


def snapshot(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and ".tapewatch" not in path.parts
    }


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_with_an_example(command: str, tmp_path: Path) -> None:
    arguments = [command, *({"plugins": ["list"], "dashboards": ["push"]}.get(command, []))]
    done = run(*arguments, "--help", folder=tmp_path)

    assert done.returncode == 0
    assert "Example" in done.stdout
    assert all(len(line) <= 80 for line in done.stdout.splitlines()), done.stdout


def test_a_misspelt_command_names_the_nearest_one(tmp_path: Path) -> None:
    done = run("genrate", folder=tmp_path)

    assert done.returncode == 2
    assert "Did you mean 'generate'?" in done.stderr


def test_a_new_project_holds_the_sample_and_generates(project: Path) -> None:
    assert (project / "catalogue.yaml").read_text(encoding="utf-8") == SAMPLE
    assert (project / "provisioning/prometheus/prometheus.yml").is_file()
    assert (project / "docker-compose.yml").is_file()


def test_init_does_not_touch_a_project_that_is_there(project: Path) -> None:
    change(project, ("name: trading", "name: mine"))

    assert run("init", ".", folder=project).returncode == 2
    assert "name: mine" in (project / "catalogue.yaml").read_text(encoding="utf-8")


def test_generating_twice_touches_nothing(project: Path) -> None:
    before = snapshot(project)

    done = run("generate", folder=project)

    assert done.returncode == 0
    assert "nothing to do" in done.stdout
    assert snapshot(project) == before


def test_check_is_silent_about_the_sample(project: Path) -> None:
    done = run("check", folder=project)

    assert done.returncode == 0, done.stdout
    assert "29 alerts" in done.stdout
    assert "no findings" in done.stdout


def test_a_wrong_catalogue_ends_with_2_and_touches_no_file(project: Path) -> None:
    change(project, ("    team: data\n", "    taem: data\n"))
    before = snapshot(project)

    done = run("generate", folder=project)

    assert done.returncode == 2
    assert "error[catalogue/unknown-key]" in done.stderr
    assert "Traceback" not in done.stderr
    assert snapshot(project) == before


def test_a_renamed_metric_names_the_rules_and_panels_that_break_and_stops_generate(project: Path) -> None:
    change(project, ("risk_limit_breaches_total:", "risk_limit_breach_total:"))
    before = snapshot(project)

    checked = run("check", folder=project)
    generated = run("generate", folder=project)

    assert checked.returncode == 1
    assert "RiskLimitBreached" in checked.stdout
    assert "risk_limit_breach_total" in checked.stdout
    assert generated.returncode == 1
    assert "nothing was written" in generated.stderr
    assert snapshot(project) == before


@pytest.mark.parametrize("form", ["json", "github"])
def test_problems_are_there_for_machines_too(form: str, project: Path) -> None:
    change(project, ("    team: data\n", "    taem: data\n"))

    done = run("check", "--format", form, folder=project)

    assert done.returncode == 2
    if form == "json":
        assert json.loads(done.stdout)["problems"][0]["code"] == "catalogue/unknown-key"
    else:
        assert done.stdout.startswith("::error file=catalogue.yaml,line=")


def test_plan_ends_with_1_when_something_would_change_and_with_0_when_not(project: Path) -> None:
    assert run("plan", folder=project).returncode == 0
    change(project, ("alerts: {}", "alerts: {DrawdownHigh: {threshold: 0.2}}"))

    done = run("plan", folder=project)

    assert done.returncode == 1
    assert "< alert DrawdownHigh loosened: threshold > 0.1 -> 0.2" in done.stdout
    assert json.loads(run("plan", "--format", "json", folder=project).stdout)["changes"]
    assert run("plan", "--format", "markdown", folder=project).stdout.startswith("### tapewatch plan")


def test_a_file_that_a_person_edited_is_not_overwritten_unasked(project: Path) -> None:
    rules = project / "provisioning/prometheus/rules/risk.yml"
    rules.write_text(rules.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    change(project, ("alerts: {}", "alerts: {DrawdownHigh: {threshold: 0.2}}"))

    refused = run("generate", folder=project)
    assert refused.returncode == 2
    assert "provisioning/prometheus/rules/risk.yml" in refused.stderr
    assert "# mine" in rules.read_text(encoding="utf-8")

    forced = run("generate", "--force", folder=project)
    assert forced.returncode == 0
    assert "what a person wrote there is gone" in forced.stdout
    assert "# mine" not in rules.read_text(encoding="utf-8")


def test_another_environment_gets_its_own_copy(project: Path) -> None:
    before = snapshot(project)
    env = {"ENVIRONMENT": "production", "MARKET_DATA_ADDRESS": "10.1.2.3:9091"}

    refused = run("generate", "--env", folder=project, env=env)
    done = run("generate", "--env", "--output", "build/production", folder=project, env=env)

    assert refused.returncode == 2
    assert done.returncode == 0, done.stderr
    copy = project / "build/production/provisioning/prometheus"
    assert "10.1.2.3:9091" in "".join(path.read_text(encoding="utf-8") for path in (copy / "targets").iterdir())
    assert "environment: production" in (copy / "rules/expected.yml").read_text(encoding="utf-8")
    assert {path: content for path, content in snapshot(project).items() if not path.startswith("build/")} == before


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("KillSwitchActivated", ["critical", "risk: risk-pager", "runbook:", "proof:"]),
        ("risk-manager", ["team risk", "KillSwitchActivated", "needed by: execution-engine"]),
        ("risk_limit_breaches_total", ["counter", "limit_type", "emitted by: risk-manager", "alert RiskLimitBreached"]),
    ],
)
def test_explain_says_what_a_thing_is_and_who_has_to_do_with_it(name: str, says: list[str], project: Path) -> None:
    done = run("explain", name, folder=project)

    assert done.returncode == 0, done.stderr
    for text in says:
        assert text in done.stdout


def test_explaining_what_is_not_there_names_the_nearest(project: Path) -> None:
    done = run("explain", "KillSwitchActive", folder=project)

    assert done.returncode == 2
    assert "did you mean `KillSwitchActivated`?" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("kind", "lines"), [("alerts", 29), ("services", 8), ("metrics", 92), ("receivers", 7), ("dashboards", 18)]
)
def test_list_has_a_line_for_each_thing(kind: str, lines: int, project: Path) -> None:
    assert len(run("list", kind, folder=project).stdout.splitlines()) == lines


def test_schema_prints_what_generate_writes(project: Path) -> None:
    printed = run("schema", folder=project).stdout

    assert printed == (project / "provisioning/catalogue.schema.json").read_text(encoding="utf-8")


def test_plugins_list_names_the_built_in_ones_by_kind(project: Path) -> None:
    done = run("plugins", "list", folder=project)

    assert done.returncode == 0
    for name in ("prometheus", "alertmanager", "rules", "lineage"):
        assert name in done.stdout


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script_for_the_shell(shell: str, tmp_path: Path) -> None:
    done = run("completion", shell, folder=tmp_path)

    assert done.returncode == 0
    assert "_TAPEWATCH_COMPLETE" in done.stdout


def test_a_folder_without_a_catalogue_is_told_so(tmp_path: Path) -> None:
    done = run("check", folder=tmp_path)

    assert done.returncode == 2
    assert "catalogue.yaml" in done.stderr
    assert "Traceback" not in done.stderr
