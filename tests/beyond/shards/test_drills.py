"""The drills of all 29 alerts on four shards: each is delivered, and by the shard of its service alone."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from rich.console import Console

from support.cluster import FACTOR, Ear
from support.sharded import Sharded, running_shards
from support.waiting import wait_for
from tapewatch.drilling.play import play
from tapewatch.drilling.report import as_table
from tapewatch.drilling.scale import SCRAPE, Scale
from tapewatch.drilling.scenario import scenarios
from tapewatch.drilling.venue import Venue
from tapewatch.project import Project
from tapewatch.running.clients import Alertmanager, Prometheus
from tapewatch.sharding.hashing import shard_of

pytestmark = [pytest.mark.needs("prometheus", "alertmanager"), pytest.mark.alone]

SERVICES, SHARDS = 40, 4


@pytest.mark.skipif(not os.environ.get("TAPEWATCH_NIGHTLY"), reason="takes a minute; TAPEWATCH_NIGHTLY=1 runs it")
def test_every_drill_is_delivered_by_the_shard_of_its_service(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with running_shards(tmp_path, services=SERVICES, shards=SHARDS, factor=FACTOR, seldom=False) as stack:
        project = stack.write(shards=SHARDS)
        wait_for("all are scraped", lambda: sum(len(stack.scraped(each)) for each in range(SHARDS)) == SERVICES, 30)
        every = scenarios(project.rules, project.catalogue, notify=True, pace=Scale(FACTOR).pace)
        assert len({each.rule.alert for each in every}) == 29

        outcomes = play(every, venue(stack, project), project.catalogue, Ear(stack.webhook))

        with capsys.disabled():
            Console(width=110).print("", as_table(outcomes))
        assert [each.failure for each in outcomes if each.failure] == []
        told = {
            (alert["labels"]["alertname"], alert["labels"]["service"], urlsplit(alert["generatorURL"]).port)
            for payload in stack.webhook.payloads
            for alert in payload["alerts"]
            if alert["labels"].get("service", "").startswith("drill-")
        }
        assert len({alert for alert, _, _ in told}) == 29
        ports = [each.port for each in stack.prometheus]
        assert {(alert, service) for alert, service, port in told if port != ports[shard_of(service, SHARDS)]} == set()
        assert len({port for _, _, port in told}) == SHARDS


def venue(stack: Sharded, project: Project) -> Venue:
    first, *others = [Prometheus(each.url) for each in stack.prometheus]
    assert stack.alertmanager is not None
    return Venue(
        prometheus=first,
        alertmanager=Alertmanager(stack.alertmanager.url),
        folder=stack.folder / "provisioning" / "prometheus",
        listen="127.0.0.1",
        reach="127.0.0.1",
        port=project.catalogue.stack.ports.drill,
        scrape=SCRAPE,
        evaluation=SCRAPE,
        others=tuple(others),
    )
