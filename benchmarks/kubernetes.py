"""10,000 services as objects of a cluster: time beside the plain rendering in the same run, and how many objects."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from pathlib import Path

import yaml

from _measure import ROOT, Figure

sys.path.insert(0, str(ROOT / "tests"))
from support.samples import large

LIMIT_RATIO = 1.5
LIMIT_BYTES = 400.0
ROUNDS = 3


def run() -> list[Figure]:
    """Everything is rendered with and without the cluster's objects, by turns."""
    few, lots = _objects(100), _objects(10_000)
    plain, whole = _seconds(10_000)
    largest = max(len(text.encode()) for text in lots.values()) / 1024
    return [
        Figure("10000 services: plain rendering", plain),
        Figure("10000 services: with the cluster's objects", whole),
        Figure("10000 services: ratio of the two", whole / plain, "", LIMIT_RATIO),
        Figure("100 services: objects", len(few), ""),
        Figure("10000 services: objects", len(lots), "", len(few) + 8.0),
        Figure("10000 services: largest object", largest, "KiB", LIMIT_BYTES),
    ]


def _objects(count: int) -> dict[str, str]:
    return {path: text for path, text in _rendered(count, cluster=True)[1].items() if "/kubernetes/" in path}


def _seconds(count: int) -> tuple[float, float]:
    times: dict[bool, list[float]] = {False: [], True: []}
    for _ in range(ROUNDS):
        for cluster in times:
            times[cluster].append(_rendered(count, cluster=cluster)[0])
    return statistics.median(times[False]), statistics.median(times[True])


def _rendered(count: int, *, cluster: bool) -> tuple[float, dict[str, str]]:
    from tapewatch.project import open_project

    data = yaml.load(large(count), yaml.CSafeLoader)
    if cluster:
        data["stack"]["kubernetes"] = {}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "catalogue.yaml").write_text(yaml.dump(data, Dumper=yaml.CSafeDumper), encoding="utf-8")
        project = open_project(Path(folder))
        project.request  # noqa: B018 -- rules and dashboards are the same for both, and no part of the rendering
        start = time.perf_counter()
        files = project.render()
        return time.perf_counter() - start, files
