"""What a real Prometheus takes for a sample and a series: the constants of `tapewatch plan capacity`.

    python benchmarks/capacity.py            measure, print the constants and how far off they predict another size
    python benchmarks/capacity.py --write    write them to stack/tapewatch/capacity/constants.yaml too

Four Prometheus run side by side for two and a half minutes, on generated targets of loopback, and send all to a sink
that counts: one without targets, two on which the constants are fitted, and one of another size, for which what was
predicted is held against what was measured. Scraping each second, a chunk of 120 samples is over within the run. Blocks
are made by promtool, of two hours at three intervals. Compaction, queries and rules are not in it: `model.HEADROOM` is
for them.
"""

from __future__ import annotations

import argparse
import gzip
import multiprocessing
import platform
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from _measure import ROOT, Figure, used_by

sys.path.insert(0, str(ROOT / "tests"))
from support.servers import Server, free_port, start_prometheus
from tapewatch import servers
from tapewatch.capacity.constants import FILE, Constants, Origin

SECONDS = 150
"""How long they run; what a second costs is measured over the last `STEADY` of them."""

STEADY = 90

LIMIT = 20.0
"""Percent by which another size may be off."""

SIZES = {"small": (10, 500), "large": (40, 1000)}
"""Targets and series of each, on which the constants are fitted."""

CHECKED = ("middle", (25, 800))

BLOCKS = {"5 s": (200, 5), "60 s": (1000, 60)}
"""Series and seconds between two samples, of blocks of two hours."""

CHECKED_BLOCK = (300, 15)

TWO_HOURS = 7200

KINDS = (*["counter"] * 4, *["gauge"] * 3, *["bucket"] * 2, "still")
"""What ten series of a service are."""


@dataclass(frozen=True)
class Run:
    """What one Prometheus took."""

    series: float
    rate: float
    memory: float
    cores: float
    log: float
    scraped: float
    sent: float


def run() -> list[Figure]:
    """The figures alone; nothing is written."""
    return measure()[1]


def measure() -> tuple[Constants, list[Figure]]:
    """The constants, and how far off they predict what they were not fitted on."""
    with tempfile.TemporaryDirectory(prefix="tapewatch-capacity-") as folder:
        sizes = {"empty": (0, 0), **SIZES, CHECKED[0]: CHECKED[1]}
        runs = _together(sizes, Path(folder))
        blocks = {name: _block(*size, Path(folder) / name) for name, size in BLOCKS.items()}
        checked = _block(*CHECKED_BLOCK, Path(folder) / "checked")
    fitted = _fitted(runs, blocks)
    figures = list(_checked(fitted, runs[CHECKED[0]], checked))
    errors = [figure.value for figure in figures if figure.name.endswith("off by")]
    origin = fitted.measured.model_copy(update={"largest_error_percent": round(max(errors), 1)})
    return fitted.model_copy(update={"measured": origin}), figures


def _fitted(runs: dict[str, Run], blocks: dict[str, tuple[float, float, float]]) -> Constants:
    empty, fits = runs["empty"], [runs[name] for name in SIZES]
    (series_a, samples_a, bytes_a), (series_b, samples_b, bytes_b) = blocks.values()
    sample = (bytes_a / series_a - bytes_b / series_b) / (samples_a / series_a - samples_b / series_b)
    origin = Origin(
        date=datetime.now(UTC).strftime("%Y-%m-%d"),
        machine=f"{multiprocessing.cpu_count()} cores, {_processor()}, Linux {platform.release().split('-')[0]}",
        prometheus=servers.find("prometheus").version,
        command="python benchmarks/capacity.py --write",
        largest_error_percent=0.0,
    )
    return Constants(
        measured=origin,
        memory_base_bytes=empty.memory,
        memory_series_bytes=_slope([(each.series - empty.series, each.memory - empty.memory) for each in fits]),
        cpu_base_cores=empty.cores,
        cpu_sample_seconds=_slope([(each.rate, each.cores - empty.cores) for each in fits]),
        disk_sample_bytes=sample,
        disk_series_bytes=bytes_b / series_b - sample * samples_b / series_b,
        log_sample_bytes=_slope([(1.0, each.log) for each in fits]),
        scrape_sample_bytes=_slope([(1.0, each.scraped) for each in fits]),
        remote_sample_bytes=_slope([(1.0, each.sent) for each in fits]),
    )


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the line through the origin that is nearest."""
    return sum(x * y for x, y in points) / sum(x * x for x, _ in points)


def _checked(found: Constants, other: Run, block: tuple[float, float, float]) -> Iterator[Figure]:
    series, samples, size = block
    yield Figure("memory for a series", found.memory_series_bytes, "B")
    yield Figure("processor for a million samples", found.cpu_sample_seconds * 1e6, "s")
    yield Figure("disk for a sample in a block", found.disk_sample_bytes, "B")
    yield Figure("disk for a series in a block", found.disk_series_bytes, "B")
    for name, predicted, measured in (
        ("memory (MB)", (found.memory_base_bytes + found.memory_series_bytes * other.series) / 1e6, other.memory / 1e6),
        ("processor (cores)", found.cpu_base_cores + found.cpu_sample_seconds * other.rate, other.cores),
        ("block (MB)", (found.disk_sample_bytes * samples + found.disk_series_bytes * series) / 1e6, size / 1e6),
        ("log (bytes a sample)", found.log_sample_bytes, other.log),
        ("scraped (bytes a sample)", found.scrape_sample_bytes, other.scraped),
        ("sent (bytes a sample)", found.remote_sample_bytes, other.sent),
    ):
        yield Figure(f"{name}: predicted", predicted, "")
        yield Figure(f"{name}: measured", measured, "")
        yield Figure(f"{name}: off by", abs(predicted - measured) / measured * 100, "%", LIMIT)


def _together(sizes: dict[str, tuple[int, int]], folder: Path) -> dict[str, Run]:
    found: dict[str, Run] = {}
    with ExitStack() as stack:
        watched = {}
        for name, (targets, series) in sizes.items():
            counts = stack.enter_context(_peer(series))
            server = stack.enter_context(start_prometheus(_config(targets, counts.port), folder / name))
            watched[name] = (server, counts, targets)
        threads = [
            threading.Thread(target=lambda name=name, given=given: found.update({name: _watch(*given)}))
            for name, given in watched.items()
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return {name: found[name] for name in sizes}


def _watch(server: Server, peer: _Peer, targets: int) -> Run:
    """Measured over the steady part of the run; memory at its highest."""
    time.sleep(SECONDS - STEADY)
    before, bytes_before, begun = _own(server), peer.counts(), time.monotonic()
    memory = 0.0
    while time.monotonic() - begun < STEADY:
        memory = max(memory, _own(server)["process_resident_memory_bytes"])
        time.sleep(2)
    after, bytes_after, took = _own(server), peer.counts(), time.monotonic() - begun
    name = "prometheus_tsdb_head_samples_appended_total"
    samples = after.get(name, 0) - before.get(name, 0)
    sent = after.get("prometheus_remote_storage_samples_total", 0) - before.get(
        "prometheus_remote_storage_samples_total", 0
    )
    log = sum(path.stat().st_size for path in (server.folder / "data" / "wal").rglob("*") if path.is_file())
    scraped, taken = (late - early for late, early in zip(bytes_after, bytes_before, strict=True))
    return Run(
        after["prometheus_tsdb_head_series"], samples / took, memory,
        (after["process_cpu_seconds_total"] - before["process_cpu_seconds_total"]) / took,
        log / max(after.get(name, 0), 1), scraped / max(samples, 1) if targets else 0.0, taken / max(sent, 1),
    )  # fmt: skip


def _own(server: Server) -> dict[str, float]:
    """Its own metrics; those of one name are added up."""
    found: dict[str, float] = {}
    for line in server.get("/metrics").splitlines():
        if not line.startswith("#"):
            name, _, value = line.rpartition(" ")
            name = name.partition("{")[0]
            found[name] = found.get(name, 0.0) + float(value)
    return found


def _config(targets: int, port: int) -> str:
    jobs = [
        {
            "job_name": "bench",
            "static_configs": [
                {
                    "targets": [f"127.0.0.1:{port}"],
                    "labels": {"service": f"service-{number}", "__metrics_path__": f"/{number}"},
                }
                for number in range(targets)
            ],
        }
    ] if targets else []  # fmt: skip
    return yaml.safe_dump(
        {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s"},
            "scrape_configs": jobs,
            "remote_write": [{"url": f"http://127.0.0.1:{port}/write"}],
        }
    )


class _Peer:
    """Targets and sink of one Prometheus, in a process of their own."""

    def __init__(self, port: int, scraped: object, taken: object) -> None:
        self.port, self._scraped, self._taken = port, scraped, taken

    def counts(self) -> tuple[float, float]:
        """Bytes that were scraped and that were taken so far, heads of HTTP included."""
        return float(self._scraped.value), float(self._taken.value)  # type: ignore[attr-defined]


@contextmanager
def _peer(series: int) -> Iterator[_Peer]:
    context = multiprocessing.get_context("fork")
    port, scraped, taken, ready = free_port(), context.Value("d", 0.0), context.Value("d", 0.0), context.Event()
    process = context.Process(target=_serve, args=(port, series, scraped, taken, ready), daemon=True)
    process.start()
    try:
        assert ready.wait(120), "the targets did not start"
        yield _Peer(port, scraped, taken)
    finally:
        process.terminate()
        process.join()


def _serve(port: int, series: int, scraped: object, taken: object, ready: object) -> None:
    bodies = [gzip.compress(body, 6) for body in _bodies(series)]
    lock = threading.Lock()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_GET(self) -> None:
            body = bodies[int(time.time()) % len(bodies)]
            self.send_response(200)
            self.send_header("Content-Type", "text/plain; version=0.0.4")
            self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            with lock:
                scraped.value += len(body) + 200  # type: ignore[attr-defined]

        def do_POST(self) -> None:
            length = int(self.headers["Content-Length"])
            self.rfile.read(length)
            self.send_response(204)
            self.end_headers()
            head = sum(len(key) + len(value) + 4 for key, value in self.headers.items())
            with lock:
                taken.value += length + head  # type: ignore[attr-defined]

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    ready.set()  # type: ignore[attr-defined]
    server.serve_forever()


def _bodies(series: int) -> Iterator[bytes]:
    for moment in _moments(series, SECONDS + 60):
        yield "".join(f"{name} {value:.10g}\n" for name, value in moment).encode()


def _moments(series: int, count: int) -> Iterator[list[tuple[str, float]]]:
    """Series as services have them: counters, gauges that walk, buckets of histograms, and what stands still."""
    chance = random.Random(series)
    names = []
    for number in range(series):
        kind = ("counter", "counter", "counter", "counter", "gauge", "gauge", "gauge", "bucket", "bucket", "still")[
            number % 10
        ]
        names.append((kind, f'bench_{kind}_{number // 20}{{symbol="S{number % 20}",venue="V{number % 7}"}}'))
    values = [chance.uniform(100, 10_000) if kind == "gauge" else 0.0 for kind, _ in names]
    for _ in range(count):
        for index, (kind, _) in enumerate(names):
            if kind == "counter":
                values[index] += chance.randrange(50)
            elif kind == "gauge":
                values[index] = round(values[index] + chance.gauss(0, 1), 2)
            elif kind == "bucket":
                values[index] += chance.randrange(3)
        yield [(name, value) for (_, name), value in zip(names, values, strict=True)]


def _block(series: int, interval: int, folder: Path) -> tuple[float, float, float]:
    """Series, samples and bytes of a block of two hours."""
    folder.mkdir()
    begin = int(time.time()) // TWO_HOURS * TWO_HOURS - 2 * TWO_HOURS
    points: dict[str, list[str]] = {}
    for number, moment in enumerate(_moments(series, TWO_HOURS // interval)):
        for name, value in moment:
            points.setdefault(name, []).append(f"{name} {value:.10g} {begin + number * interval}\n")
    kinds: dict[str, list[str]] = {}
    for name, lines in points.items():
        kinds.setdefault(name.partition("{")[0], []).extend(lines)
    text = folder / "text"
    with text.open("w", encoding="utf-8") as out:
        for name, lines in kinds.items():
            out.write(f"# TYPE {name} unknown\n")
            out.writelines(lines)
        out.write("# EOF\n")
    used_by(
        [
            str(servers.find("promtool").path),
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            str(text),
            str(folder / "data"),
        ],
        folder,
    )
    blocks = list((folder / "data").glob("*/meta.json"))
    assert len(blocks) == 1, f"{len(blocks)} blocks"
    size = sum(path.stat().st_size for path in (folder / "data").rglob("*") if path.is_file())
    return float(series), float(series * (TWO_HOURS // interval)), float(size)


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return " ".join(line.partition(":")[2].split())
    return platform.machine()


def main() -> int:
    """Measure, print, and write if asked to."""
    from _measure import table

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}")
    options = parser.parse_args()
    found, figures = measure()
    print(table("capacity", figures))
    text = yaml.safe_dump(_rounded(found), sort_keys=False)
    print(text)
    if options.write:
        FILE.write_text(f"# Measured by `{found.measured.command}`; not edited by hand.\n{text}", encoding="utf-8")
    return 1 if any(figure.missed for figure in figures) else 0


def _rounded(found: Constants) -> dict[str, object]:
    data = found.model_dump()
    return {key: float(f"{value:.4g}") if isinstance(value, float) else value for key, value in data.items()}


if __name__ == "__main__":
    sys.exit(main())
