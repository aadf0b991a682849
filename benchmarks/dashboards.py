"""Dashboards: how fast they are made, drawn and proven, and what their queries cost with an hour of data."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from _measure import ROOT, Figure, median
from tapewatch.previewing import page
from tapewatch.project import Project, open_project
from tapewatch.servers import find
from tapewatch.viewing import Moment, Sources, view
from tapewatch.viewing.proof import prove
from tapewatch_dashboards import Dashboards

sys.path.insert(0, str(ROOT / "tests"))
from support.observed import Observed, observed
from support.samples import large
from support.servers import Server, start_prometheus
from support.waiting import wait_for

HOUR = 3600
"""Seconds of data, a sample a second: as much as the bridge and a developer's Prometheus keep in reach."""

WARM = 60.0
"""Seconds for which the sample runs before its series are taken."""

_PLAIN = re.compile(r"[A-Za-z_:][\w:]*")
_TEXT = re.compile(r'[\\"\n]')


def run() -> list[Figure]:
    """Making, drawing, proving."""
    project = open_project(ROOT)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        proof, slowest, queries = _with_an_hour(project, folder)
        many = _many(folder)
    pack, now = Dashboards(), time.time()
    moment = Moment(now - HOUR, now, 5)
    made = median(lambda: _timed(lambda: list(pack.dashboards(project.request))))
    return [
        Figure("all dashboards of the sample made", made, limit=0.3),
        Figure("dashboards of 10000 services of few kinds made", many),
        Figure("one page of all previews", median(lambda: _timed(lambda: _page(project, moment))), limit=5.0),
        Figure(f"panel proof, {queries} queries over an hour at 1 s", proof, limit=15.0),
        Figure("its slowest query", slowest, limit=0.1),
    ]


def _page(project: Project, moment: Moment) -> None:
    page(list(view(project.dashboards, Sources(), moment)), moment, "", "")


def _many(folder: Path) -> float:
    path = folder / "many"
    path.mkdir()
    (path / "catalogue.yaml").write_text(large(10_000), encoding="utf-8")
    request = open_project(path).request
    pack = Dashboards()
    boards = list(pack.dashboards(request))
    services = [board for board in boards if board.uid.startswith("service-")]
    assert len(services) <= 8, len(services)  # one for each kind, however many services
    return median(lambda: _timed(lambda: list(pack.dashboards(request))))


def _with_an_hour(project: Project, folder: Path) -> tuple[float, float, int]:
    """Seconds that the panel proof takes, those of its slowest query, and how many queries it has."""
    with observed(folder / "sample") as sample:
        time.sleep(WARM)
        end = int(time.time())
        series = _series(sample)
        with _filled(series, end, folder) as prometheus:
            sources = Sources(prometheus.url, sample.loki.url, sample.jaeger.url)
            moment = Moment(end - HOUR, end, 1)
            for _ in range(2):  # the first time the blocks are read from disk
                began = time.monotonic()
                proofs = prove(view(project.dashboards, sources, moment, every_choice=True))
                proof = time.monotonic() - began
            slowest = max(_alone(sources, project, moment))
    return proof, slowest, sum(each.queries for each in proofs)


def _alone(sources: Sources, project: Project, moment: Moment) -> Iterator[float]:
    """Seconds of each query when nobody else asks: the best of two."""
    views = [list(view(project.dashboards, sources, moment, at_once=1)) for _ in range(2)]
    for first, second in zip(*views, strict=True):
        for one, two in zip(first.panels, second.panels, strict=True):
            yield from (min(a.seconds, b.seconds) for a, b in zip(one.answers, two.answers, strict=True))


def _series(sample: Observed) -> list[dict[str, Any]]:
    """Every series that Prometheus has now, recorded ones and alerts among them, with its value."""
    found: list[dict[str, Any]] = wait_for(
        "the sample's series are there",
        lambda: sample.prometheus.get_json("/api/v1/query?query=%7B__name__%3D~%22.%2B%22%7D")["data"]["result"],
    )
    return found


@contextmanager
def _filled(series: list[dict[str, Any]], end: int, folder: Path) -> Iterator[Server]:
    """A Prometheus with these series for an hour: counters rise evenly to their value, gauges stay."""
    path, data = folder / "hour.txt", folder / "hour"
    with path.open("w", encoding="utf-8") as file:
        for each in series:
            labels = each["metric"]
            name = labels.pop("__name__")
            pairs = [f'{_quoted(key)}="{_escaped(value)}"' for key, value in labels.items()]
            head = (
                f"{name}{{{','.join(pairs)}}}" if _PLAIN.fullmatch(name) else f"{{{','.join([_quoted(name), *pairs])}}}"
            )
            if not math.isfinite(float(each["value"][1])):
                continue
            value, rises = float(each["value"][1]), name.endswith(("_total", "_count", "_sum", "_bucket"))
            for second in range(HOUR):
                shown = value * second / HOUR if rises else value
                file.write(f"{head} {shown:g} {end - HOUR + second}\n")
        file.write("# EOF\n")
    command: list[str | Path] = [
        find("promtool").path,
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--quiet",
        str(path),
        str(data),
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr[-500:]
    path.unlink()
    config = "global: {scrape_interval: 1s}\n"
    with start_prometheus(config, folder, "--storage.tsdb.retention.time=30d", data=data) as prometheus:
        yield prometheus


def _quoted(name: str) -> str:
    """A name; one of OpenTelemetry's, with a dot, stands in quotes."""
    return name if _PLAIN.fullmatch(name) else f'"{name}"'


def _escaped(value: str) -> str:
    return _TEXT.sub(lambda match: {"\n": "\\n"}.get(match[0], f"\\{match[0]}"), value)


def _timed(work: Any) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began
