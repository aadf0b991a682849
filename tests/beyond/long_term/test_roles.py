"""Mimir by role: one configuration, a process for each role, three of those that take samples in."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from support.long_term import BUCKET, Stage, credentials_file, mimir_server, minio_server
from support.rendering import render, varied, write
from support.servers import Server, free_port
from support.waiting import wait_for
from tapewatch.catalogue import Catalogue
from tapewatch.renderers.long_term import LongTermRenderer
from tapewatch.renderers.long_term._processes import mimir_processes
from tapewatch.renderers.where import native

pytestmark = [
    pytest.mark.needs("mimir", "minio"),
    pytest.mark.skipif(not os.environ.get("TAPEWATCH_NIGHTLY"), reason="twelve processes: TAPEWATCH_NIGHTLY=1 runs it"),
]


def catalogue(store: int, key: Path) -> Catalogue:
    def change(data: dict[str, Any]) -> None:
        bucket = {"endpoint": f"127.0.0.1:{store}", "bucket": BUCKET, "credentials_file": str(key), "tls": False,
                  "path_style": True}  # fmt: skip
        data["stack"]["long_term"] = {"engine": "mimir", "object_store": bucket, "by_role": True, "replicas": 3}
        data["stack"]["images"]["mimir"] = {"image": "grafana/mimir", "version": "3.0.5"}
        data["stack"]["ports"] = {"long_term": free_port(), "long_term_grpc": free_port()}

    return varied(change)


@contextmanager
def roles(folder: Path) -> Iterator[tuple[Stage, dict[str, Server]]]:
    """Every process that the catalogue makes, on one machine: each has ports of its own there, by flags."""
    key, store = credentials_file(folder), free_port()
    given = catalogue(store, key)
    where = partial(native, data=str(folder / "parts"), config=str(folder / "provisioning"))
    write(render(LongTermRenderer(where), given), folder)
    gossip = free_port()
    servers: dict[str, Server] = {}
    minio = minio_server(folder / "minio", store)
    engine = given.stack.long_term
    assert engine is not None
    with ExitStack() as stack:
        stack.enter_context(minio.start())
        for process in mimir_processes(engine):
            home = folder / "logs" / process.name
            home.mkdir(parents=True)
            http = given.stack.ports.long_term if process.role == "query-frontend" else free_port()
            grpc = given.stack.ports.long_term_grpc if process.role == "query-scheduler" else free_port()
            flags = [
                f"-target={process.role}", f"-server.http-listen-port={http}", f"-server.grpc-listen-port={grpc}",
                f"-memberlist.nodename={process.name}", f"-memberlist.join=127.0.0.1:{gossip}",
                f"-blocks-storage.tsdb.dir={home}/tsdb", f"-blocks-storage.bucket-store.sync-dir={home}/sync",
                f"-compactor.data-dir={home}/compactor", f"-ruler.rule-path={home}/ruler",
                *(f"-{ring}.instance-id={process.name}" for ring in ("distributor.ring", "ingester.ring")),
            ]  # fmt: skip
            own = gossip if not servers else free_port()
            server = mimir_server(folder, home, http, key, *flags, gossip=own)
            # All at once: a querier is ready once it has a scheduler.
            servers[process.name] = server
            stack.callback(server.stop, signal.SIGKILL)
            server.launch()
        for server in servers.values():
            server.wait_until_ready()
        yield Stage(folder, given, where, minio, servers["mimir-query-frontend"]), servers


def test_every_role_comes_up_and_the_loss_of_an_ingester_loses_nothing(tmp_path: Path) -> None:
    with roles(tmp_path) as (stage, servers):
        assert len(servers) == 12
        write_url = f"{servers['mimir-distributor'].url}/api/v1/push"
        written: list[float] = []

        def written_and_read(count: int) -> None:
            for _ in range(count):
                at = round(time.time(), 3)
                answer = stage.push("risk", [({"__name__": "paced", "team": "risk"}, at, 1.0)], url=write_url)
                assert answer.status == 200, answer
                written.append(at)
            expr = "paced[10m]"
            wait_for(
                "all is read", lambda: {at for at, _ in stage.samples(expr, tenant="risk")} >= set(written), 60.0,
                stage.engine.log_tail,
            )  # fmt: skip

        first = [({"__name__": "first", "team": "risk"}, time.time(), 1.0)]
        wait_for("the rings are known", lambda: stage.push("risk", first, url=write_url).status == 200, 60.0)
        written_and_read(50)
        servers["mimir-ingester-b"].stop(signal.SIGKILL)
        written_and_read(50)
        servers["mimir-distributor-b"].stop(signal.SIGKILL)
        written_and_read(50)
        answers = {name: each.get("/ready").strip() for name, each in servers.items() if each.is_running()}
        assert set(answers.values()) == {"ready"}, answers
        print(  # noqa: T201
            f"{len(written)} samples over the loss of an ingester and of a distributor, none lost; {len(answers)} ready"
        )
