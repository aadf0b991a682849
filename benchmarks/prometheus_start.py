"""Prometheus with 10,000 generated services: from start to ready, against one scrape job a service."""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import yaml

from _measure import ROOT, Figure

sys.path.insert(0, str(ROOT / "tests"))
from support.samples import large
from support.servers import start_prometheus

SERVICES = 10_000
LIMIT_RATIO = 0.05


def run() -> list[Figure]:
    """Both configurations, the peer's last because it takes most of a minute."""
    from tapewatch.project import open_project

    with tempfile.TemporaryDirectory() as folder:
        project = Path(folder)
        (project / "catalogue.yaml").write_text(large(SERVICES), encoding="utf-8")
        for path, text in open_project(project).render().items():
            (project / path).parent.mkdir(parents=True, exist_ok=True)
            (project / path).write_text(text, encoding="utf-8")
        ours = project / "provisioning/prometheus/prometheus.yml"
        generated = _seconds_to_ready(ours, project / "ours")
        peer = _seconds_to_ready(_one_job_each(project), project / "peer")
    return [
        Figure("10000 services, generated: ready after", generated),
        Figure("10000 services, one job each: ready after", peer),
        Figure("ratio", generated / peer, "", LIMIT_RATIO),
    ]


def _one_job_each(project: Path) -> Path:
    jobs = [
        {"job_name": f"service-{number}", "static_configs": [{"targets": [f"127.0.0.1:{1024 + number}"]}]}
        for number in range(SERVICES)
    ]
    path = project / "one-job-each.yml"
    path.write_text(yaml.dump({"scrape_configs": jobs}, Dumper=yaml.CSafeDumper), encoding="utf-8")
    return path


def _seconds_to_ready(config: Path, data: Path) -> float:
    data.mkdir()
    start = time.perf_counter()
    with start_prometheus(config, data):
        return time.perf_counter() - start
