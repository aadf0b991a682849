"""Where a drill is played, and what one that was killed has left there."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.servers import start_prometheus
from support.waiting import wait_for
from tapewatch.drilling.venue import Venue, clear_leftovers, running_venue
from tapewatch.project import Project
from tapewatch_sdk.errors import ToolError

Changed = Callable[[Callable[[dict[str, Any]], object]], Project]

RULES = """\
groups:
- name: left
  rules:
  - {record: tapewatch_expected, expr: vector(1), labels: {service: drill-left, environment: local, team: data}}
"""


@pytest.fixture(scope="module")
def dead() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left(venue: Venue) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in venue.folder.glob("*/*") if "drill-" in path.name}


@pytest.mark.needs("prometheus", "alertmanager")
def test_what_a_killed_drill_left_is_taken_away_and_a_living_ones_is_not(venue: Venue, dead: int) -> None:
    living = os.getppid()
    kept = {f"targets/drill-{living}.yml", f"rules/drill-{living}.yml"}
    gone = {
        f"targets/drill-{dead}.yml",
        f"rules/drill-{dead}.yml",
        f"targets/.drill-{dead}.yml.new",
        f"targets/drill-{os.getpid()}.yml",  # of an earlier process of our number, as in a container
        "targets/drill-all.yml",
    }
    for name in kept | gone:
        (venue.folder / name).write_text("[]" if name.startswith("targets") else "groups: []", encoding="utf-8")
    others = {path for path in venue.folder.glob("*/*") if "drill-" not in path.name}

    clear_leftovers(venue)

    assert left(venue) == kept
    assert {path for path in venue.folder.glob("*/*") if "drill-" not in path.name} == others
    for name in kept:
        (venue.folder / name).unlink()


@pytest.mark.needs("prometheus", "alertmanager")
def test_prometheus_forgets_the_rules_that_were_left(venue: Venue, dead: int) -> None:
    (venue.folder / "rules" / f"drill-{dead}.yml").write_text(RULES, encoding="utf-8")
    venue.prometheus.reload()
    wait_for("it is expected", lambda: venue.prometheus.query('tapewatch_expected{service="drill-left"}'))

    clear_leftovers(venue)

    assert "left" not in {rule.get("labels", {}).get("service", "").removeprefix("drill-") for rule in rules(venue)}


def rules(venue: Venue) -> list[dict[str, Any]]:
    return venue.prometheus.rules()


@pytest.mark.needs("prometheus")
def test_a_stack_that_runs_natively_is_reached_over_the_loopback(changed: Changed, tmp_path: Path) -> None:
    with start_prometheus("{}", tmp_path) as prometheus:
        ports = {"prometheus": prometheus.port, "alertmanager": 19999, "drill": 19998}
        project = changed(lambda data: data["stack"].update(ports=ports))

        venue = running_venue(project)

        assert (venue.listen, venue.reach, venue.port) == ("127.0.0.1", "127.0.0.1", 19998)
        assert venue.prometheus.url == prometheus.url
        assert venue.alertmanager.url == "http://127.0.0.1:19999"
        assert venue.folder == project.root / "provisioning/prometheus"
        assert (venue.scrape, venue.evaluation) == (5, 5)


@pytest.mark.needs("prometheus")
def test_a_stack_in_containers_knows_alertmanager_by_its_name_there(changed: Changed, tmp_path: Path) -> None:
    config = "alerting: {alertmanagers: [{static_configs: [{targets: ['alertmanager:9093']}]}]}"
    with start_prometheus(config, tmp_path) as prometheus:
        project = changed(lambda data: data["stack"].update(ports={"prometheus": prometheus.port}))

        def inside() -> bool:
            return running_venue(project).reach == "host.docker.internal"

        assert wait_for("Prometheus has read whom it tells", inside, 20, prometheus.log_tail)


@pytest.mark.parametrize(
    ("bind", "host"), [("0.0.0.0", "127.0.0.1"), ("::1", "[::1]"), ("::", "127.0.0.1"), ("127.0.0.2", "127.0.0.2")]
)
def test_a_stack_that_does_not_run_is_told_with_its_address(bind: str, host: str, changed: Changed) -> None:
    def change(data: dict[str, Any]) -> None:
        data["stack"] |= {"bind": bind, "ports": {"prometheus": 1}}

    with pytest.raises(ToolError) as error:
        running_venue(changed(change))

    assert [problem.code for problem in error.value.problems] == ["server/silent"]
    assert f"http://{host}:1/" in str(error.value)
