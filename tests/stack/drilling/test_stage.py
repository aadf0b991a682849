"""A drill's targets answer, stop answering, leave the list and push, and leave nothing behind."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.waiting import wait_for
from tapewatch.drilling.exposition import Families
from tapewatch.drilling.scenario import Scenario
from tapewatch.drilling.stage import Stage
from tapewatch.drilling.venue import Venue
from tapewatch.rules.values import Absent
from tapewatch.running.clients import Alertmanager, Prometheus, RefusedError
from tapewatch_sdk.errors import ToolError

Make = Callable[..., Scenario]


@pytest.fixture
def alone(tmp_path: Path) -> Venue:
    """Folders for the files, and no server: what neither is expected nor pushes needs none."""
    (tmp_path / "targets").mkdir()
    (tmp_path / "rules").mkdir()
    nobody = "http://127.0.0.1:1"
    return Venue(Prometheus(nobody), Alertmanager(nobody), tmp_path, "127.0.0.1", "127.0.0.1", 0, 1.0, 1.0)


def files(venue: Venue) -> list[str]:
    """The files of drills, whole or not."""
    return sorted(f"{path.parent.name}/{path.name}" for path in venue.folder.glob("*/*") if "drill-" in path.name)


def listed(venue: Venue, name: str = "drill-test.yml") -> list[dict[str, Any]]:
    """The groups in a drill's file of targets."""
    path = venue.folder / "targets" / name
    return (yaml.safe_load(path.read_text(encoding="utf-8")) or []) if path.exists() else []


def address(venue: Venue, service: str) -> tuple[str, int]:
    """Where a drill's target is said to be."""

    def look() -> str:
        groups = [group for group in listed(venue) if group["labels"]["service"] == service]
        return str(groups[0]["targets"][0]) if groups else ""

    host, _, port = wait_for(f"{service} is listed", look).rpartition(":")
    return host, int(port)


def scrape(where: tuple[str, int]) -> str:
    connection = HTTPConnection(*where, timeout=5)
    try:
        connection.request("GET", "/metrics")
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def refuses(where: tuple[str, int]) -> bool:
    try:
        with socket.create_connection(where, timeout=5):
            return False
    except ConnectionRefusedError:
        return True


def test_the_files_of_a_drill_are_there_while_it_is_played_and_then_gone(alone: Venue, make: Make) -> None:
    with Stage([make("a", queue=[7.0]), make("b")], alone, Families([]), "test"):
        where = address(alone, "drill-a")
        assert scrape(where) == "# TYPE queue gauge\nqueue 7.0\n"
        assert files(alone) == ["targets/drill-test.yml"]
        assert [group["labels"] for group in listed(alone)] == [
            {"environment": "local", "service": f"drill-{name}", "team": "data"} for name in "ab"
        ]

    assert files(alone) == []
    assert refuses(where)


def test_the_server_may_read_the_files_whatever_the_users_umask_is(alone: Venue, make: Make) -> None:
    before = os.umask(0o077)
    try:
        with Stage([make("a")], alone, Families([]), "test"):
            address(alone, "drill-a")
            assert (alone.folder / "targets" / "drill-test.yml").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


def test_before_the_start_nothing_changes_and_then_step_follows_step(alone: Venue, make: Make) -> None:
    with Stage([make("a", step=0.3, queue=[0, 1, 2])], alone, Families([]), "test") as stage:
        where = address(alone, "drill-a")
        assert stage.elapsed() == 0
        assert "queue 0" in scrape(where)

        stage.start()

        wait_for("the last step comes", lambda: "queue 2" in scrape(where))
        assert stage.elapsed() >= 0.6
        wait_for("time goes on", lambda: stage.elapsed() > 1.2)
        assert "queue 2" in scrape(where)


def test_a_target_that_stops_answering_refuses_connections_and_comes_back_at_the_same_place(
    alone: Venue, make: Make
) -> None:
    with Stage([make("a", step=0.3, up=[1, *[0] * 6, 1], queue=[1])], alone, Families([]), "test") as stage:
        where = address(alone, "drill-a")

        stage.start()
        wait_for("it refuses", lambda: refuses(where))
        assert address(alone, "drill-a") == where, "it is down, not gone"

        wait_for("it answers again", lambda: "queue 1" in scrape(where))
        assert address(alone, "drill-a") == where


def test_a_target_that_is_removed_leaves_the_list_and_another_stays(alone: Venue, make: Make) -> None:
    gone = make("gone", step=0.3, up=[1, Absent.STALE, *[Absent.MISSING] * 5, 1])
    with Stage([gone, make("stays")], alone, Families([]), "test") as stage:
        where = address(alone, "drill-gone")
        stage.start()

        wait_for("it is not listed", lambda: len(listed(alone)) == 1)
        assert listed(alone)[0]["labels"]["service"] == "drill-stays"
        assert refuses(where)

        wait_for("it is back", lambda: len(listed(alone)) == 2)


def test_a_drill_waits_at_its_last_step_before_the_end_until_it_is_released(alone: Venue, make: Make) -> None:
    waiting = make("waiting", step=0.2, until=0.6, queue=[0, 1, 1, 0], seen_total=[0, 10, 20, 20])
    with Stage([waiting], alone, Families([]), "test") as stage:
        where = address(alone, "drill-waiting")
        stage.start()
        wait_for("it should long have ended", lambda: stage.elapsed() > 1.5)

        held = scrape(where)
        assert "queue 1" in held
        assert float(held.split()[-1]) >= 20 + 4 * 10, "what grew goes on growing"

        stage.release(waiting)
        wait_for("it ends", lambda: "queue 0" in scrape(where))
        assert float(scrape(where).split()[-1]) >= 20 + 4 * 10, "a counter never falls"


def test_a_drill_without_an_end_is_taken_away_when_it_is_released(alone: Venue, make: Make) -> None:
    endless, other = make("endless", queue=[1]), make("other")
    with Stage([endless, other], alone, Families([]), "test") as stage:
        where = address(alone, "drill-endless")
        stage.start()

        stage.release(endless)

        wait_for("it is not listed", lambda: [each["labels"]["service"] for each in listed(alone)] == ["drill-other"])
        wait_for("it refuses", lambda: refuses(where))


def test_instances_of_a_service_are_told_apart(alone: Venue, make: Make) -> None:
    both = make("a")
    twice = replace(both, targets=tuple(replace(both.targets[0], instance=name) for name in ("1", "2")))

    with Stage([twice], alone, Families([]), "test"):
        wait_for("both are listed", lambda: len(listed(alone)) == 2)
        assert [group["labels"]["instance"] for group in listed(alone)] == ["drill-a:1", "drill-a:2"]
        assert len({group["targets"][0] for group in listed(alone)}) == 2


def test_an_exception_leaves_nothing(alone: Venue, make: Make) -> None:
    where: list[tuple[str, int]] = []

    with pytest.raises(KeyboardInterrupt):
        _interrupted(Stage([make("a")], alone, Families([]), "test"), alone, where)

    assert files(alone) == []
    assert refuses(where[0])


def _interrupted(stage: Stage, venue: Venue, where: list[tuple[str, int]]) -> None:
    with stage:
        where.append(address(venue, "drill-a"))
        raise KeyboardInterrupt


def test_two_drills_at_once_do_not_touch_each_others_files(alone: Venue, make: Make) -> None:
    with Stage([make("a")], alone, Families([]), "1"):
        with Stage([make("b")], alone, Families([]), "2"):
            wait_for("both are listed", lambda: listed(alone, "drill-1.yml") and listed(alone, "drill-2.yml"))
        assert files(alone) == ["targets/drill-1.yml"]


def test_a_folder_that_is_not_there_is_a_problem_that_names_it(alone: Venue, make: Make) -> None:
    shutil.rmtree(alone.folder / "targets")

    with Stage([make("a")], alone, Families([]), "test") as stage:
        error = wait_for("it is told", lambda: failure(stage))

    assert [problem.code for problem in error.problems] == ["drill/folder"]
    assert "targets" in str(error)


def test_a_port_that_was_taken_meanwhile_is_a_problem_that_names_it(alone: Venue, make: Make) -> None:
    with Stage([make("a", step=0.3, up=[1, *[0] * 6, 1])], alone, Families([]), "test") as stage:
        where = address(alone, "drill-a")
        stage.start()
        wait_for("it refuses", lambda: refuses(where))
        with socket.create_server(where, reuse_port=False):
            error = wait_for("it is told", lambda: failure(stage))

    assert [problem.code for problem in error.problems] == ["drill/target"]
    assert str(where[1]) in str(error)


def failure(stage: Stage) -> ToolError | None:
    try:
        stage.check()
    except ToolError as error:
        return error
    return None


def expected(venue: Venue, service: str) -> bool:
    """Whether Prometheus has a rule by which it expects the service."""
    return any(rule.get("labels", {}).get("service") == service for rule in venue.prometheus.rules())


@pytest.mark.needs("prometheus", "alertmanager")
def test_prometheus_expects_a_service_that_is_to_be_missed_for_as_long_as_it_is_played(
    venue: Venue, make: Make
) -> None:
    with Stage([make("missed", expected=True), make("other")], venue, Families([]), "test") as stage:
        wait_for("the targets are written", lambda: listed(venue))
        assert files(venue) == ["targets/drill-test.yml"], "it would be missed before it was ever seen"
        assert stage.expected == {"drill-missed"}

        stage.expect()

        assert files(venue) == ["rules/drill-test.yml", "targets/drill-test.yml"]
        assert expected(venue, "drill-missed")
        assert not expected(venue, "drill-other")

    assert files(venue) == []
    assert not expected(venue, "drill-missed")


@pytest.mark.needs("prometheus", "alertmanager")
def test_where_prometheus_refuses_to_expect_a_service_nothing_is_left(venue: Venue, make: Make) -> None:
    broken = venue.folder / "rules" / "broken.yml"
    broken.write_text("groups: {}\n", encoding="utf-8")
    try:
        with pytest.raises(RefusedError), Stage([make("a", expected=True)], venue, Families([]), "test") as stage:
            stage.expect()
    finally:
        broken.unlink()

    assert files(venue) == []
    venue.prometheus.reload()


@pytest.mark.needs("prometheus", "alertmanager")
def test_a_target_that_pushes_does_so_before_the_start_and_stops_when_it_has_nothing_to_say(
    venue: Venue, make: Make
) -> None:
    pushing = make("pushing", step=0.3, pushed=True, queue=[5.0, 6.0, *[Absent.MISSING] * 500])

    def values() -> list[float]:
        found = venue.prometheus.query('queue{service="drill-pushing"}[1m]')
        return [float(value) for _, value in found[0]["values"]] if found else []

    with Stage([pushing], venue, Families([]), "test") as stage:
        wait_for("it arrives", lambda: len(values()) > 1)
        assert set(values()) == {5.0}
        assert listed(venue) == [], "nothing is scraped of what pushes"

        stage.start()
        wait_for("the second step arrives", lambda: 6.0 in values())
        said = len(values())
        silent = time.monotonic()
        wait_for("some steps pass", lambda: time.monotonic() > silent + 1.5)
        assert len(values()) <= said + 1
