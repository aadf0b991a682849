"""Backups while Prometheus writes blocks, merges them and cuts its log every few seconds: none of them has a hole.

Takes three minutes, for Prometheus has to do many times what it else does every two hours; so it runs in the nightly.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from support.servers import Server, free_port, start_prometheus
from support.waiting import wait_for
from tapewatch.catalogue.stack import Ports
from tapewatch.running.clients import Prometheus
from tapewatch.saving.comparing import Held, held, lost
from tapewatch.saving.places import folders
from tapewatch.saving.restoring import Backup, plan, restore
from tapewatch.saving.taking import take
from tapewatch.saving.targets import Folder

pytestmark = [
    pytest.mark.needs("prometheus"),
    pytest.mark.alone,
    pytest.mark.skipif(
        not os.environ.get("TAPEWATCH_NIGHTLY"), reason="takes three minutes; TAPEWATCH_NIGHTLY=1 runs it"
    ),
]

INTERVAL = 0.25

SECONDS = 75
"""Some seven blocks of ten seconds, merged twice."""

FLAGS = (
    "--storage.tsdb.min-block-duration=10s",
    "--storage.tsdb.max-block-duration=30s",
)


def test_no_backup_has_a_hole_whatever_prometheus_does_to_its_files(tmp_path: Path) -> None:
    project, data = tmp_path / "project", tmp_path / "parts" / "prometheus"
    project.mkdir()
    (project / "catalogue.yaml").write_text("", encoding="utf-8")
    data.mkdir(parents=True)
    taken: list[tuple[Folder, Held]] = []
    port = free_port()
    with start_prometheus(config(port), tmp_path, *FLAGS, port=port, data=data) as server:
        client = Prometheus(server.url)
        wait_for("it has scraped for a while", lambda: client.query("count_over_time(up[1m]) > 8"))
        begun = time.monotonic()
        place = folders(data.parent, Ports(prometheus=server.port), tmp_path / "none.duckdb")
        while time.monotonic() - begun < SECONDS:
            target = Folder(tmp_path / f"backup-{len(taken)}")
            manifest = take(place, project, target, None, lambda text: None)
            taken.append((target, held(client, manifest.parts["prometheus"].at.timestamp(), 1)))
        done = happened(server)
    assert done["blocks"] >= 4, done
    assert done["merged"] >= 1, done
    assert done["cut"] >= 2, done

    for number, (target, before) in enumerate(taken):
        after = brought_back(target, tmp_path / f"empty-{number}", before.at)
        gone = lost(before, after, INTERVAL)
        assert gone.series == 0, (number, gone)
        assert gone.seconds <= 2 * INTERVAL + 0.5, (number, gone)
        # Of each series no more than the scrape under way; a hole would miss tens of each.
        assert gone.samples <= 3 * len(before.counts), (number, gone)


def brought_back(target: Folder, folder: Path, at: float) -> Held:
    backup = Backup(target, "", None)
    place = folders(folder / "parts", Ports(), folder / "none.duckdb", new=True)
    restore(backup, place, plan(backup.manifest, place, replace=False), lambda text: None)
    quiet = "global: {}\n"
    folder.mkdir(exist_ok=True)
    with start_prometheus(quiet, folder, data=folder / "parts" / "prometheus") as server:
        return held(Prometheus(server.url), at, 1)


def config(port: int) -> str:
    return (
        "global: {scrape_interval: 250ms, scrape_timeout: 250ms}\n"
        f"scrape_configs:\n- job_name: self\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    )


def happened(server: Server) -> dict[str, float]:
    names = {
        "blocks": "prometheus_tsdb_head_truncations_total",
        "merged": "prometheus_tsdb_compactions_total",
        "cut": "prometheus_tsdb_wal_truncations_total",
    }
    return {what: Prometheus(server.url).metric(name) or 0.0 for what, name in names.items()}
