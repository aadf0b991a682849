"""`tapewatch up` without containers, as a user has it."""

from __future__ import annotations

import json
import os
import signal
import socket
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from support.cli import run
from support.embedded import Embedded
from support.waiting import wait_for
from tapewatch.embedded import NAMES


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    made = Embedded(tmp_path_factory.mktemp("embedded"))
    with made.running("--embedded"):
        made.wait_until_up()
        yield made


def ready(embedded: Embedded) -> bool:
    return bool(embedded.ask("/health/ready"))


@pytest.mark.needs("prometheus", "alertmanager")
def test_the_page_shows_the_platform_and_every_service_is_scraped(embedded: Embedded) -> None:
    wait_for("the history is ready", lambda: ready(embedded), 60, embedded.said)
    with urllib.request.urlopen(embedded.url, timeout=10) as page:
        assert "text/html" in page.headers["Content-Type"]

    def priced() -> bool:
        return any(each["name"] == "market_data_price" for each in embedded.ask("/api/metrics/current")["metrics"])

    wait_for("prices are there", priced, 60, embedded.said)


@pytest.mark.needs("prometheus", "alertmanager")
def test_what_is_pushed_is_in_the_history_too(embedded: Embedded) -> None:
    def pushed() -> bool:
        found = embedded.ask("/api/metrics/current")["metrics"]
        return any(each["name"] == "coinbase_messages_received_total" for each in found)

    wait_for("capture-pipeline's rows are there", pushed, 60, embedded.said)


@pytest.mark.needs("prometheus", "alertmanager")
def test_a_fault_becomes_an_alert_and_an_event(embedded: Embedded) -> None:
    done = run("fault", "kill-switch", folder=embedded.folder)
    assert done.returncode == 0, done.stderr

    def firing() -> bool:
        told = embedded.events("ALERT_FIRING")
        return any(each["data"].get("alertname") == "KillSwitchActivated" for each in told)

    wait_for(
        "the kill switch's own event is there", lambda: embedded.events("KILL_SWITCH_TRIGGERED"), 60, embedded.said
    )
    wait_for("the alert is there", firing, 90, embedded.said)


@pytest.mark.needs("prometheus", "alertmanager")
def test_status_and_logs_tell_of_what_runs_here(embedded: Embedded) -> None:
    status = run("status", "--format", "json", folder=embedded.folder)
    told = json.loads(status.stdout)

    assert {each["name"]: each["state"] for each in told["services"]} == dict.fromkeys(NAMES, "healthy")
    assert (told["problems"], status.returncode) == ([], 0)
    logs = run("logs", "--tail", "1", "history", "platform", folder=embedded.folder)
    assert [line for line in logs.stdout.splitlines() if line.startswith("==> ")] == [
        f"==> {embedded.folder}/data/embedded/logs/{name}.log <==" for name in ("history", "platform")
    ]
    assert "Did you mean 'history'?" in run("logs", "histori", folder=embedded.folder).stderr


@pytest.mark.needs("prometheus", "alertmanager")
def test_a_catalogue_that_changes_is_told_of(embedded: Embedded) -> None:
    path = embedded.folder / "catalogue.yaml"
    before = path.read_text(encoding="utf-8")
    path.write_text(f"{before}# later\n", encoding="utf-8")
    try:
        status = run("status", folder=embedded.folder)
    finally:
        path.write_text(before, encoding="utf-8")

    assert "warning[embedded/changed]" in status.stdout
    assert status.returncode == 0


@pytest.mark.needs("prometheus", "alertmanager")
def test_a_second_one_is_refused_and_leaves_the_first_as_it_is(embedded: Embedded) -> None:
    rules = embedded.folder / "data/embedded/provisioning/prometheus/rules/risk.yml"
    before = rules.stat()

    done = run("up", "--embedded", folder=embedded.folder, env=embedded.environ)

    assert (done.returncode, "error[embedded/runs]" in done.stderr) == (2, True)
    assert rules.stat() == before


@pytest.mark.needs("prometheus", "alertmanager")
@pytest.mark.parametrize("words", [("reload",), ("down", "--volumes"), ("status", "--grafana-password")])
def test_what_only_containers_can_do_is_refused(embedded: Embedded, words: tuple[str, ...]) -> None:
    done = run(*words, folder=embedded.folder)

    assert (done.returncode, "error[embedded/cannot]" in done.stderr) == (2, True)


@pytest.mark.needs("prometheus", "alertmanager")
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL], ids=["Ctrl-C", "SIGKILL"])
def test_its_end_is_the_end_of_everything(tmp_path: Path, how: signal.Signals) -> None:
    made = Embedded(tmp_path)
    with made.running("--embedded") as process:
        made.wait_until_up()
        everybody = len(made.ports) + len(made.sample.ports)
        wait_for("every service listens", lambda: len(made.listening()) == everybody, 60, made.said)

        process.send_signal(how)
        process.wait(60)

        wait_for("nobody listens", lambda: not made.listening(), 30, made.said)
    assert "Traceback" not in made.said()
    assert process.returncode == (0 if how is signal.SIGINT else -how)


def test_down_ends_it_and_the_next_start_goes_on_without_rules_that_are_gone(tmp_path: Path) -> None:
    made = Embedded(tmp_path, {"TAPEWATCH_CACHE": str(tmp_path / "none"), "PATH": str(tmp_path / "nothing")})
    gone = tmp_path / "data/embedded/provisioning/prometheus/rules/gone.yml"
    gone.parent.mkdir(parents=True)
    gone.write_text("groups: []\n", encoding="utf-8")
    with made.running() as process:
        made.wait_until_up()
        status = run("status", folder=tmp_path)
        done = run("down", folder=tmp_path)

        assert (done.returncode, process.wait(10), made.listening()) == (0, 0, set())
    assert "warning[embedded/left-out]: prometheus is left out" in status.stdout
    assert not gone.exists()
    assert "error[embedded" not in run("status", folder=tmp_path, env={"PATH": str(tmp_path)}).stderr


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    made = Embedded(tmp_path)
    (tmp_path / "data").write_text("in the way", encoding="utf-8")

    done = run("up", "--embedded", folder=tmp_path, env=made.environ)

    assert (done.returncode, "error[writing/in-the-way]" in done.stderr) == (2, True)


def test_without_the_servers_it_runs_and_says_what_is_missing(tmp_path: Path) -> None:
    made = Embedded(tmp_path, {"TAPEWATCH_CACHE": str(tmp_path / "none"), "PATH": str(tmp_path / "nothing")})
    with made.running() as process:
        made.wait_until_up()
        wait_for("the history is ready", lambda: ready(made), 60, made.said)

        said = " ".join(made.said().split())
        assert "without containers, because the program docker is not on this machine" in said
        assert (
            "prometheus left out it is not on this machine, so rules are not evaluated; `make servers` gets it" in said
        )
        assert process.poll() is None


def test_a_part_that_ends_is_named_and_ends_the_rest(tmp_path: Path) -> None:
    made = Embedded(tmp_path, {"TAPEWATCH_CACHE": str(tmp_path / "none"), "PATH": str(tmp_path / "nothing")})
    with made.running() as process:
        made.wait_until_up()
        (platform,) = children(process.pid, "simulate")
        os.kill(platform, signal.SIGKILL)

        assert process.wait(60) == 2
    assert "platform ended with code" in made.said()
    wait_for("nobody listens", lambda: not made.listening(), 30, made.said)


def children(parent: int, word: str) -> list[int]:
    """The guards of a process's parts whose command line has a word."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent and word in (folder / "cmdline").read_text().split("\0"):
                found.append(int(folder.name))
    return found


def test_a_taken_port_is_told_before_anything_starts(tmp_path: Path) -> None:
    made = Embedded(tmp_path)
    with socket.create_server(("127.0.0.1", made.sample.ports["api"])):
        done = run("up", "--embedded", folder=tmp_path, env=made.environ)

    assert done.returncode == 2
    assert "error[embedded/port-taken]" in done.stderr
    assert not made.listening()


def test_whoever_wants_containers_is_told_that_there_are_none(tmp_path: Path) -> None:
    made = Embedded(tmp_path)
    done = run("up", "--containers", folder=tmp_path, env={**made.environ, "PATH": str(tmp_path)})

    assert done.returncode == 2
    assert "error[compose/no-docker]" in done.stderr
