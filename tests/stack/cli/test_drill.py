"""`tapewatch drill` as a user runs it: what it refuses, what it prints, how it ends, what it leaves."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from support.cli import run
from support.samples import SAMPLE, edited
from support.servers import free_port
from support.waiting import wait_for

OVERRIDE = (
    "    emits: [execution, host]\n",
    "    emits: [execution, host]\n    alerts: {OrderRejectionRateHigh: {threshold: 0.05}}\n",
)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with an override, on ports where nobody listens."""
    folder = tmp_path_factory.mktemp("project")
    ports = f"stack:\n  ports: {{prometheus: {free_port()}, alertmanager: {free_port()}, drill: {free_port()}}}\n"
    (folder / "catalogue.yaml").write_text(edited(OVERRIDE, ("stack:\n", ports)), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "name the alerts to drill, or give --all"),
        (["--all", "ServiceDown"], "name the alerts to drill, or give --all"),
        (["KillSwitchActive"], "called KillSwitchActive; did you mean KillSwitchActivated?"),
        (["SomethingElse"], "no alert that can be drilled is called SomethingElse"),
        (["ServiceDown", "--service", "market-data"], "the catalogue overrides none of these alerts for market-data"),
        (["--all", "--service", "nobody"], "the catalogue overrides none of these alerts for nobody"),
        (["--all", "--notify", "--time-scale", "20"], "--notify is for the running stack"),
        (["--all", "--time-scale", "0.5"], "is not in the range 1<=x<=1000"),
        (["--all", "--junit", "not/there.xml"], "there is no folder not for the JUnit report"),
    ],
)
def test_what_cannot_be_drilled_is_refused_in_a_line(arguments: list[str], says: str, project: Path) -> None:
    done = run("drill", *arguments, folder=project)

    assert done.returncode == 2
    assert says in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_without_a_running_stack_it_says_which_address_does_not_answer(project: Path) -> None:
    done = run("drill", "KillSwitchActivated", folder=project)

    assert done.returncode == 2
    assert "error[server/silent]" in done.stderr
    assert "Traceback" not in done.stderr


def test_without_the_server_programs_a_copy_names_the_one_that_is_missing(project: Path) -> None:
    environment = {"TAPEWATCH_ALERTMANAGER": "/nowhere/alertmanager"}

    done = run("drill", "KillSwitchActivated", "--time-scale", "20", folder=project, env=environment)

    assert done.returncode == 2
    assert "error[tool/" in done.stderr
    assert "/nowhere/alertmanager" in "".join(done.stderr.split())


def begin(project: Path, *arguments: str, temporary: Path) -> subprocess.Popen[str]:
    """`tapewatch drill` in a copy, with a folder of its own for what is temporary."""
    temporary.mkdir()
    return subprocess.Popen(
        [sys.executable, "-m", "tapewatch.cli", "drill", *arguments, "--time-scale", "20"],
        cwd=project,
        env={**os.environ, "COLUMNS": "80", "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@dataclass
class Copies:
    """Three commands that were run side by side."""

    text: list[str]
    code: int
    junit: ElementTree.Element
    data: list[dict[str, object]]
    servers: list[int]
    """The processes that the interrupted one had started."""
    interrupted: int
    temporary: Path


@pytest.fixture(scope="module")
def copies(project: Path, tmp_path_factory: pytest.TempPathFactory) -> Copies:
    folder = tmp_path_factory.mktemp("copies")
    alerts = ("KillSwitchActivated", "OrderRejectionRateHigh")
    text = begin(project, *alerts, "--junit", "drills.xml", temporary=folder / "text")
    data = begin(project, alerts[1], "--service", "execution-engine", "--format", "json", temporary=folder / "data")
    interrupted = begin(project, alerts[0], temporary=folder / "interrupted")
    try:
        servers = wait_for("both servers run", lambda: len(found := children(interrupted)) == 2 and found, 60)
        assert isinstance(servers, list)
        interrupted.send_signal(signal.SIGINT)
        interrupted.communicate(timeout=60)
        printed, errors = text.communicate(timeout=200)
        assert not errors, errors
        given, errors = data.communicate(timeout=200)
        assert not errors, errors
    finally:
        for process in (text, data, interrupted):
            if process.poll() is None:
                process.terminate()
                process.communicate(timeout=60)
    assert data.returncode == 0
    junit = ElementTree.parse(project / "drills.xml").getroot()
    lines = printed.splitlines()
    return Copies(lines, text.returncode, junit, json.loads(given), servers, interrupted.returncode, folder)


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that a process has started and that still run."""
    listed = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(number) for number in listed.read_text(encoding="ascii").split()] if listed.exists() else []


needs_servers = pytest.mark.needs("prometheus", "alertmanager")


@needs_servers
def test_it_says_that_it_plays_in_a_copy_and_tells_each_step_with_its_time(copies: Copies) -> None:
    assert copies.text[0].startswith("not the running stack: a throw-away copy of rules and routes")
    steps = [line.partition("KillSwitchActivated: ")[2] for line in copies.text if " s  KillSwitchActivated: " in line]

    assert steps == ["scraped", "firing", "at Alertmanager", "delivered", "resolved"]


@needs_servers
def test_the_table_has_a_line_for_each_drill_in_80_columns(copies: Copies) -> None:
    heading = next(index for index, line in enumerate(copies.text) if line.startswith("drill "))
    table = copies.text[heading:-1]

    assert all(len(line) <= 80 for line in table)
    assert sum(line.rstrip().endswith(" ok") for line in table) == 3
    assert {line.split()[0] for line in table[1:]} >= {"KillSwitchActivated", "OrderRejectionRateHigh"}
    assert copies.text[-1] == "3 of 3 drills fired, arrived and resolved"


@needs_servers
def test_drills_that_all_went_well_end_with_0_and_are_reported_for_machines(copies: Copies) -> None:
    assert copies.code == 0
    assert (copies.junit.get("tests"), copies.junit.get("failures")) == ("3", "0")
    assert {case.get("name") for case in copies.junit} == {
        "KillSwitchActivated",
        "OrderRejectionRateHigh",
        "OrderRejectionRateHigh of execution-engine",
    }


@needs_servers
def test_json_is_all_that_stands_on_standard_output_and_the_service_was_the_only_one(copies: Copies) -> None:
    (drill,) = copies.data

    assert (drill["drill"], drill["passed"]) == ("OrderRejectionRateHigh of execution-engine", True)


@needs_servers
def test_an_interrupted_copy_leaves_no_process_and_no_file(copies: Copies) -> None:
    assert copies.interrupted == 130
    assert len(copies.servers) == 2
    assert [number for number in copies.servers if Path(f"/proc/{number}").exists()] == []
    assert [path.name for path in copies.temporary.glob("*/*")] == []


def test_the_sample_has_no_override_to_drill(tmp_path: Path) -> None:
    (tmp_path / "catalogue.yaml").write_text(SAMPLE, encoding="utf-8")

    done = run("drill", "--all", "--service", "execution-engine", folder=tmp_path)

    assert done.returncode == 2
    assert "overrides none" in done.stderr
