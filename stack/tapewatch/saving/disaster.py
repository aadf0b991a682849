"""The disaster drill: a backup comes back into an empty place, on real servers, and is held against what runs."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tapewatch import servers
from tapewatch.catalogue.stack import Ports
from tapewatch.documents import dump
from tapewatch.running.clients import Alertmanager, Prometheus
from tapewatch.running.ports import free_ports
from tapewatch.running.process import Process
from tapewatch.saving.comparing import Held, Lost, held, lost
from tapewatch.saving.counting import TABLES, Counted, counted
from tapewatch.saving.manifest import PartEntry
from tapewatch.saving.places import HISTORY, FileHistory, Place, folders
from tapewatch.saving.restoring import Backup, plan, restore
from tapewatch.saving.taking import PROJECT
from tapewatch.saving.wire import notified
from tapewatch.schema import seconds as duration_seconds
from tapewatch_sdk.errors import ProblemsError, ToolError

__all__ = ["NOTIFICATIONS_MAY_LOSE", "Finding", "Report", "drill"]

NOTIFICATIONS_MAY_LOSE = 60.0
"""Seconds: how often Alertmanager stores its notification log (`renderers.flags.STORED`)."""

_LATE = 0.5
"""Seconds that a scrape may begin late on a busy machine, without being a lost one."""

_HISTORY_MAY_LOSE = 5.0
"""Seconds: its beat, and what it gathers before it writes, with room for a slow moment."""


@dataclass(frozen=True)
class Finding:
    """What was lost of one thing.

    Parameters:
        what: of what.
        lost: seconds of data; None where nothing can be said.
        allowed: seconds that may be lost.
        words: the details.
        bad: whether more is lost than may be, or something else is not as it was.
    """

    what: str
    lost: float | None
    allowed: float | None
    words: str
    bad: bool = False


@dataclass
class Report:
    """What a drill found.

    Parameters:
        backup: the backup's name.
        findings: what was lost.
        took: how long each step took, in seconds.
    """

    backup: str
    findings: list[Finding] = field(default_factory=list)
    took: dict[str, float] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether no more was lost than may be."""
        return not any(finding.bad for finding in self.findings)

    def to_data(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "backup": self.backup, "passed": self.passed,
            "took_seconds": {name: round(value, 2) for name, value in self.took.items()},
            "findings": [
                {"what": each.what, "lost_seconds": None if each.lost is None else round(each.lost, 3),
                 "allowed_seconds": each.allowed, "words": each.words, "bad": each.bad}
                for each in self.findings
            ],
        }  # fmt: skip

    @contextmanager
    def timed(self, step: str, told: Callable[[str], None]) -> Iterator[None]:
        """Measure a step."""
        told(step)
        began = time.monotonic()
        try:
            yield
        finally:
            self.took[step] = time.monotonic() - began


def drill(
    backup: Backup,
    live: Place | None,
    project: Path,
    folder: Path,
    *,
    allowed: float | None,
    hours: int,
    report: Report,
    told: Callable[[str], None],
) -> Report:
    """Restore into an empty folder, start the servers there, and compare.

    Parameters:
        backup: what comes back.
        live: the stack that it was taken of; what does not run there cannot be compared. None where it is gone.
        project: its folder.
        folder: an empty one.
        allowed: seconds of metrics and of history that may be lost; without it the longest scrape interval.
        hours: how far back samples are counted.
        report: is added to.
        told: is told what is done.

    Raises:
        ProblemsError: it cannot be restored at all.
        ToolError: a server does not start on what was restored.
    """
    ports = Ports(**free_ports("prometheus", "alertmanager", "grafana"))
    (folder / "data" / "grafana").mkdir(parents=True)
    place = folders(folder / "data", ports, folder / "history" / "observability.duckdb", new=True)
    with report.timed("check", told):
        backup.verify(lambda text: None)
    for step in plan(backup.manifest, place, replace=False):
        with report.timed(f"restore {step.part}", told):
            restore(backup, place, [step], lambda text: None)
    with ExitStack() as running:
        if "prometheus" in backup.manifest.parts:
            with report.timed("start prometheus", told):
                server = running.enter_context(_prometheus(folder, ports))
            with report.timed("compare metrics", told):
                report.findings.append(_metrics(backup, live, server, allowed, hours))
        if "alertmanager" in backup.manifest.parts:
            with report.timed("start alertmanager", told):
                told_by = running.enter_context(_alertmanager(folder, ports))
            report.findings.append(_silences(backup, live, told_by))
    if "alertmanager" in backup.manifest.parts:
        report.findings.append(_notifications(backup, folder))
    if HISTORY in backup.manifest.parts:
        with report.timed("compare history", told):
            report.findings += _history(backup, live, folder, allowed)
    report.findings.append(_files(backup, project))
    return report


@contextmanager
def _prometheus(folder: Path, ports: Ports) -> Iterator[Prometheus]:
    # It scrapes nothing and evaluates nothing: what it holds is what came back.
    config = {"storage": {"tsdb": {"out_of_order_time_window": "10m"}}}
    (folder / "prometheus.yml").write_text(dump(config), encoding="utf-8")
    server = Prometheus(f"http://127.0.0.1:{ports.prometheus}")
    command: list[str | Path] = [
        servers.find("prometheus").path, f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data/prometheus", "--storage.tsdb.retention.time=100y",
        f"--web.listen-address=127.0.0.1:{ports.prometheus}",
    ]  # fmt: skip
    with Process(command, server, "/-/ready", folder / "prometheus.log"):
        yield server


@contextmanager
def _alertmanager(folder: Path, ports: Ports) -> Iterator[Alertmanager]:
    config = {"route": {"receiver": "nobody"}, "receivers": [{"name": "nobody"}]}
    (folder / "alertmanager.yml").write_text(dump(config), encoding="utf-8")
    server = Alertmanager(f"http://127.0.0.1:{ports.alertmanager}")
    command: list[str | Path] = [
        servers.find("alertmanager").path, f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/data/alertmanager", f"--web.listen-address=127.0.0.1:{ports.alertmanager}",
        "--cluster.listen-address=",
    ]  # fmt: skip
    with Process(command, server, "/-/ready", folder / "alertmanager.log"):
        yield server


def _metrics(backup: Backup, live: Place | None, server: Prometheus, allowed: float | None, hours: int) -> Finding:
    at = backup.manifest.parts["prometheus"].at.timestamp()
    after = held(server, at, hours)
    original = _answering(live, "prometheus")
    if original is None:
        newest = max((moments[-1] for moments in after.recent.values()), default=0.0)
        gone = max(0.0, at - newest)
        limit = allowed if allowed is not None else 60.0
        words = f"{_held(after)}; the newest is {gone:.1f} s older than the backup; nothing runs to compare with"
        return Finding("metrics", gone, limit, words, gone > limit)
    source = Prometheus(original)
    interval = _longest_interval(source)
    limit = allowed if allowed is not None else interval
    gone_ones = lost(held(source, at, hours), after, interval)
    early = {hour: count for hour, count in gone_ones.hours.items() if hour > 0}
    words = f"{_held(after)}; {_less(gone_ones)}"
    if early:
        words += f"; also before the last hour: {sum(early.values()):,}"
    return Finding("metrics", gone_ones.seconds, limit, words, gone_ones.seconds > limit + _LATE or bool(early))


def _held(held_ones: Held) -> str:
    return f"{len(held_ones.counts):,} series, {held_ones.samples:,} samples came back"


def _less(gone: Lost) -> str:
    if not gone.samples:
        return "none is missing"
    return f"{gone.samples:,} samples are missing, {gone.series:,} series altogether; most in {gone.example}"


def _longest_interval(source: Prometheus) -> float:
    targets = source.get_json("/api/v1/targets", state="active")["data"]["activeTargets"]
    return max((duration_seconds(each["scrapeInterval"]) for each in targets), default=60.0)


def _silences(backup: Backup, live: Place | None, server: Alertmanager) -> Finding:
    entry = backup.manifest.parts["alertmanager"]
    there = {each["id"]: each["endsAt"] for each in server.get_json("/api/v2/silences")}
    original = _answering(live, "alertmanager")
    age = float(entry.facts["silences_age_seconds"])
    if original is None:
        short = len(there) < int(entry.facts["silences"])
        return Finding("silences", age, 0.0, f"{len(there)} came back; nothing runs to compare with", short or age > 0)
    current = Alertmanager(original).get_json("/api/v2/silences")
    older = [each for each in current if datetime.fromisoformat(each["updatedAt"]) <= entry.at]
    missing = [each["id"] for each in older if there.get(each["id"]) != each["endsAt"]]
    words = f"{len(there)} came back" + (f"; not as they are: {', '.join(missing)}" if missing else "")
    return Finding("silences", age, 0.0, words, bool(missing))


def _notifications(backup: Backup, folder: Path) -> Finding:
    """Alertmanager has ended by now, and written what it held."""
    entry = backup.manifest.parts["alertmanager"]
    stored = folder / "data" / "alertmanager" / "nflog"
    there = len(notified(stored.read_bytes())) if stored.exists() else 0
    expected, age = int(entry.facts["notifications"]), float(entry.facts["notifications_age_seconds"])
    words = f"{there} of {expected} entries came back; the file was {age:.1f} s old"
    # What has expired meanwhile is not held again; a backup of today has none of that.
    fresh = (datetime.now(UTC) - entry.at).total_seconds() < 3600
    bad = age > NOTIFICATIONS_MAY_LOSE or (fresh and there < expected)
    return Finding("notification log", age, NOTIFICATIONS_MAY_LOSE, words, bad)


def _history(backup: Backup, live: Place | None, folder: Path, allowed: float | None) -> Iterator[Finding]:
    entry = backup.manifest.parts[HISTORY]
    restored = FileHistory(folder / "history" / "observability.duckdb")
    for what in TABLES:
        came = counted(restored, what, entry.at)
        saved = entry.facts.get(what)
        try:
            if live is None or live.history is None:
                raise LookupError
            there = counted(live.history, what, entry.at)
        except (ProblemsError, LookupError):
            words = f"{came.rows:,} rows came back; nothing is there to compare with"
            yield Finding(f"history {what}", None, None, words, came.rows < (saved or 0))
            continue
        yield _compared(what, came, there, entry, allowed if allowed is not None else _HISTORY_MAY_LOSE)


def _compared(what: str, came: Counted, there: Counted, entry: PartEntry, limit: float) -> Finding:
    saved = entry.facts.get(what)
    # Retention may have removed some of them on both sides since.
    missing = max(0, min(there.rows, saved or 0) - came.rows)
    since = there.rows - max(came.rows, saved or 0)
    # A scrape is dated when it is made: one that came later than the backup was on its way then, and would be lost.
    # An event is dated by its sender, who may have kept it for hours: that no backup can have.
    late = what == "events" and saved is not None and not missing
    gone = 0.0 if late else _between(came, there, entry.at)
    words = f"{came.rows:,} of {there.rows:,} rows came back"
    words += f"; {missing:,} that the store had are missing" if missing else ""
    words += f"; {since:,} came to the store later than the backup" if since > 0 else ""
    return Finding(f"history {what}", gone, limit, words, gone > limit or missing > 0)


def _between(came: Counted, there: Counted, at: datetime) -> float:
    """Seconds from the newest row that came back to the newest one that is there."""
    if there.rows <= came.rows:
        return 0.0
    return max(0.0, there.newest - came.newest if came.rows else at.timestamp() - there.oldest)


def _files(backup: Backup, project: Path) -> Finding:
    there = 0
    differ = []
    for saved in backup.manifest.parts[PROJECT].files:
        with suppress(OSError):
            if hashlib.sha256((project / saved.name).read_bytes()).hexdigest() == saved.sha256:
                there += 1
                continue
        differ.append(saved.name)
    words = f"{there:,} of {there + len(differ):,} are as they are in the project"
    return Finding("files", 0.0, 0.0, words + (f"; otherwise: {', '.join(differ[:3])}" if differ else ""), bool(differ))


def _answering(live: Place | None, part: str) -> str | None:
    if live is None or not (url := live.urls.get(part)):
        return None
    with suppress(ToolError):
        (Prometheus if part == "prometheus" else Alertmanager)(url).get("/-/ready")
        return url
    return None
