"""A real engine behind its query front, beside one Prometheus that gets all that the engine gets.

    with running_front(tmp_path, services=400, shards=4) as front:
        assert front.engine("sum(up)") == front.one("sum(up)")

Each sample comes from a shard and goes to both, so the answers must be the same to the last figure.
"""

from __future__ import annotations

import json
import signal
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from support.long_term import BUCKET, credentials_file, mimir_server, minio_server
from support.many import Many
from support.rendering import write
from support.servers import Server, free_port, start_prometheus
from support.sharded import STEP, sharded_text
from tapewatch.catalogue import Catalogue
from tapewatch.project import open_project
from tapewatch.renderers.flags import prometheus_flags
from tapewatch.renderers.long_term import Front as Reached
from tapewatch.renderers.long_term import LongTermRenderer, front
from tapewatch.renderers.members import members
from tapewatch.renderers.prometheus import PrometheusRenderer
from tapewatch.renderers.rules import RulesRenderer
from tapewatch.renderers.where import Where, native
from tapewatch.servers import find
from tapewatch_sdk.names import HEARTBEAT

__all__ = ["QueryFront", "running_front"]

Answer = dict[frozenset[tuple[str, str]], list[tuple[float, float]]]
"""Samples by labels: time and value of each."""

NOT_COMPARED = frozenset({"shard", "__tenant_id__"})
"""Labels that say where a series is kept, and nothing of it: the one Prometheus is told the shard, and the engine names
the tenant in a query over several."""


@dataclass
class QueryFront:
    """What runs.

    Parameters:
        reached: how the engine is asked.
        alone: the Prometheus with all the data.
        mimir: the engine.
        shards: those that write to both.
    """

    reached: Reached
    alone: Server
    mimir: Server
    shards: list[Server] = field(default_factory=list)

    def engine(self, query: str, **times: float) -> Answer:
        """The answer of the engine to a query at a time (`time`) or over a range (`start`, `end`, `step`)."""
        headers = {self.reached.header: self.reached.everybody} if self.reached.everybody else {}
        return _answer(self.reached.query, query, times, headers)

    def one(self, query: str, **times: float) -> Answer:
        """The answer of the one Prometheus."""
        return _answer(self.alone.url, query, times, {})

    def beats(self) -> bool:
        """Whether the engine's ruler says that all is well."""
        nobodys = self.reached.tenants[-1]
        request = urllib.request.Request(f"{self.reached.query}/api/v1/alerts", headers={self.reached.header: nobodys})
        with urllib.request.urlopen(request, timeout=20) as answer:
            alerts = json.loads(answer.read())["data"]["alerts"]
        return any((each["labels"]["alertname"], each["state"]) == (HEARTBEAT, "firing") for each in alerts)

    def log_tail(self) -> str:
        """The end of the engine's log and of a shard's."""
        return "\n".join(each.log_tail() for each in (self.mimir, *self.shards[:1]))


def _answer(url: str, query: str, times: Mapping[str, float], headers: Mapping[str, str]) -> Answer:
    path = "query_range" if "start" in times else "query"
    asked = urllib.parse.urlencode({"query": query, **{name: f"{value:.3f}" for name, value in times.items()}})
    request = urllib.request.Request(f"{url}/api/v1/{path}", asked.encode(), dict(headers))
    with urllib.request.urlopen(request, timeout=60) as answer:
        found = json.loads(answer.read())["data"]
    series = [{"metric": {}, "value": found["result"]}] if found["resultType"] == "scalar" else found["result"]
    return {_labels(each["metric"]): _samples(each) for each in series}


def _labels(metric: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    return frozenset((name, value) for name, value in metric.items() if name not in NOT_COMPARED)


def _samples(series: Mapping[str, Any]) -> list[tuple[float, float]]:
    return [(float(at), float(value)) for at, value in series.get("values") or [series["value"]]]


@contextmanager
def running_front(folder: Path, *, services: int, shards: int) -> Iterator[QueryFront]:
    """Everything started; stopped at the end.

    Parameters:
        folder: an empty folder for files, logs and data.
        services: how many are scraped; with none there are no shards either, and samples come from whoever pushes them.
        shards: how many Prometheus share them.
    """
    with ExitStack() as stack:
        many = stack.enter_context(Many(services))
        flags = ("--web.enable-remote-write-receiver", "--storage.tsdb.retention.time=7d")
        alone = stack.enter_context(start_prometheus("global: {}", folder, *flags))
        store, key = free_port(), credentials_file(folder)
        catalogue = _catalogue(folder, many, shards, store, key, alone)
        where = native(catalogue.stack.ports, str(folder / "parts"), str(folder / "provisioning"), ("prometheus",))
        minio = stack.enter_context(minio_server(_home(folder, "minio"), store).start())
        mimir = mimir_server(folder, _home(folder, "mimir"), catalogue.stack.ports.long_term, key)
        stack.enter_context(mimir.start())
        reached = front(catalogue, where)
        assert reached is not None
        found = QueryFront(reached, alone, mimir)
        for server in _shards(folder, catalogue, where) if services else ():
            found.shards.append(stack.enter_context(server.start()))
        yield found
        for each in (*found.shards, mimir, minio, alone):
            each.stop(signal.SIGKILL)  # an orderly end of each takes seconds, and is nothing that is tried here


def _catalogue(folder: Path, many: Many, shards: int, store: int, key: Path, alone: Server) -> Catalogue:
    bucket = {"endpoint": f"127.0.0.1:{store}", "bucket": BUCKET, "credentials_file": str(key)}
    engine = {"engine": "mimir", "object_store": {**bucket, "tls": False, "path_style": True}}
    names = ("alertmanager", "drill", "long_term", "long_term_grpc")
    text = sharded_text(
        len(many.names) or shards,
        many.port,
        shards=shards,
        long_term=engine,
        ports={"prometheus": free_port(*range(STEP, shards * STEP, STEP)), **{name: free_port() for name in names}},
        heartbeat={"url": f"http://127.0.0.1:{many.port}/"},
        remote_write=[{"name": "alone", "url": f"{alone.url}/api/v1/write"}],
    )
    (folder / "catalogue.yaml").write_text(text, encoding="utf-8")
    project = open_project(folder)
    locate = partial(native, data=str(folder / "parts"), config=str(folder / "provisioning"), only=("prometheus",))
    for renderer in (PrometheusRenderer(locate), LongTermRenderer(locate), RulesRenderer()):
        write({file.path: file.text for file in renderer.render(project.request)}, folder)
    return project.catalogue


def _shards(folder: Path, catalogue: Catalogue, where: Where) -> Iterator[Server]:
    for member in members(catalogue.stack, "prometheus"):
        command: list[str | Path] = [find("prometheus").path, *prometheus_flags(catalogue, where, member)]
        port = member.published(catalogue.stack.ports.prometheus)
        yield Server(f"prometheus{member.suffix}", command, port, "/-/ready", _home(folder, f"shard-{member.shard}"))


def _home(folder: Path, name: str) -> Path:
    home = folder / "logs" / name
    home.mkdir(parents=True)
    return home
