"""A stack without containers with an hour of data behind it: folders of its own for each part, as under systemd."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from support.cli import run
from support.historian import Historian
from support.stack import SERVICES, Stack, running_stack
from tapewatch.history.store import connect, socket_of
from tapewatch.servers import find

__all__ = ["HOUR", "PAST", "Standing", "backfill", "standing"]

HOUR = 3600

PAST = "desk_orders_total"
"""Metric of which an hour was filled in."""

STEP = 5
"""Seconds between two of its samples."""


@dataclass
class Standing:
    """The stack.

    Parameters:
        folder: the project.
        stack: Prometheus and Alertmanager, on `data`.
        historian: the history.
    """

    folder: Path
    stack: Stack
    historian: Historian

    @property
    def data(self) -> Path:
        return self.folder / "parts"

    def tapewatch(self, *words: str | Path) -> subprocess.CompletedProcess[str]:
        """A command on it."""
        return run(*map(str, words), folder=self.folder)

    def backup(self, target: str | Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
        return self.tapewatch("backup", target, "--data", self.data, *words)

    def history_rows(self, until: float | None = None) -> int:
        """Samples in the history."""
        reader = connect(socket_of(self.historian.database))
        try:
            where = f"WHERE epoch(timestamp::TIMESTAMP) <= {until}" if until else ""
            ((count,),) = reader.sql(f"SELECT count(*) FROM trading_metrics {where}").rows
        finally:
            reader.close()
        return int(str(count))

    def silence(self, service: str) -> str:
        """A new silence; gives its id."""
        now = datetime.now(UTC)
        answer = self.stack.alertmanager.post(
            "/api/v2/silences",
            {
                "matchers": [
                    {"name": "service", "value": service, "isRegex": False, "isEqual": True},
                    {"name": "severity", "value": "info|warning", "isRegex": True, "isEqual": False},
                ],
                "startsAt": now.isoformat(),
                "endsAt": (now + timedelta(hours=2)).isoformat(),
                "createdBy": "désk",
                "comment": f"maintenance of {service}",
            },
        )
        return str(yaml.safe_load(answer)["silenceID"])


def addresses(stack: Stack) -> dict[str, str]:
    return {f"{name.upper().replace('-', '_')}_ADDRESS": f"127.0.0.1:{stack.targets[name].port}" for name in SERVICES}


@contextmanager
def standing(folder: Path) -> Iterator[Standing]:
    """Started, with an hour of metrics, an alert that was delivered, and Grafana's database, which nobody runs here."""
    data = folder / "parts"
    backfill(folder, data / "prometheus")
    grafana = data / "grafana"
    grafana.mkdir()
    with sqlite3.connect(grafana / "grafana.db") as database:
        database.execute("CREATE TABLE star (id INTEGER PRIMARY KEY, dashboard TEXT)")
        database.executemany("INSERT INTO star (dashboard) VALUES (?)", [(f"board-{n}",) for n in range(100)])
    database.close()
    with running_stack(
        folder,
        alertmanager_flags=["--data.maintenance-interval=1s"],
        data={"prometheus": data / "prometheus", "alertmanager": data / "alertmanager"},
    ) as stack:
        _without_variables(folder / "catalogue.yaml", addresses(stack))
        stack.targets["risk-manager"].set("risk_kill_switch_active", 1)
        historian = Historian(folder, "--prometheus", stack.prometheus.url)
        with historian:
            running = Standing(folder, stack, historian)
            stack.wait("the alert is delivered", lambda: stack.told("KillSwitchActivated"))
            stack.wait("the history has scraped for some seconds", lambda: running.history_rows() >= 3)
            stack.wait("who was told is on disk", lambda: (data / "alertmanager" / "nflog").stat().st_size > 0)
            yield running


def _without_variables(catalogue: Path, values: Mapping[str, str]) -> None:
    """The addresses written out, so that no command needs --env."""
    text = catalogue.read_text(encoding="utf-8")
    for name, value in values.items():
        text = re.sub(rf"\$\{{{name}(:-[^}}]*)?\}}", value, text)
    catalogue.write_text(text, encoding="utf-8")


def backfill(folder: Path, data: Path) -> None:
    """An hour of 20 series, in blocks, as promtool makes them."""
    data.mkdir(parents=True)
    end = int(time.time()) // 60 * 60 - 180
    lines = [f"# TYPE {PAST.removesuffix('_total')} counter"]
    for number in range(20):
        lines += [f'{PAST}{{desk="{number}"}} {at - end + HOUR} {at}' for at in range(end - HOUR, end, STEP)]
    text = folder / "past.om"
    text.write_text("\n".join([*lines, "# EOF", ""]), encoding="utf-8")
    command: list[str | Path] = [
        find("promtool").path,
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        "--max-block-duration=30m",
        text,
        data,
    ]
    subprocess.run(command, check=True, capture_output=True)
