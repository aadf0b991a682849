"""A real Apache Cassandra of one server, from its jars: it asks for a password, and forgets all with its folder."""

from __future__ import annotations

import os
import socket
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from support.servers import free_port
from support.started import note_started
from support.waiting import wait_for

__all__ = ["CASSANDRA", "PASSWORD", "USER", "Cassandra"]

CASSANDRA = "TAPEWATCH_CASSANDRA"
"""Variable that names the folder of its jars."""

USER = PASSWORD = "cassandra"
"""Whom it knows from the start."""

START = 120.0
"""Seconds that it may take; on two idle cores it takes 14."""

_OPENED = {
    "java.base": (
        "java.io", "java.lang", "java.lang.module", "java.net", "java.nio", "java.util", "java.util.concurrent",
        "java.util.concurrent.atomic", "jdk.internal.loader", "jdk.internal.math", "jdk.internal.misc",
        "jdk.internal.module", "jdk.internal.ref", "jdk.internal.reflect", "jdk.internal.util.jar", "sun.nio.ch",
    ),
    "java.management.rmi": ("com.sun.jmx.remote.internal.rmi",),
    "java.rmi": ("sun.rmi.registry", "sun.rmi.server"),
    "java.sql": ("java.sql",),
    "jdk.management": ("com.sun.management.internal",),
}  # fmt: skip
"""Packages of Java's own that it looks into, as its start script for Java 17 says."""

_SETTINGS = {
    "cassandra-foreground": "yes",  # otherwise it closes its output, and nobody reads why it ended
    "cassandra.ring_delay_ms": "100",
    "cassandra.skip_wait_for_gossip_to_settle": "0",
    "cassandra.superuser_setup_delay_ms": "0",
    "java.net.preferIPv4Stack": "true",
    "jdk.attach.allowAttachSelf": "true",
}

_LOGGING = (
    '<configuration><appender name="all" class="ch.qos.logback.core.ConsoleAppender"><encoder><pattern>%-5level %msg%n'
    '</pattern></encoder></appender><root level="INFO"><appender-ref ref="all"/></root></configuration>'
)


class Cassandra:
    """The server, as long as its `with` block lasts.

    Parameters:
        folder: an existing folder for its configuration, log and data.

    Attributes:
        address: `host:port` for clients.
        datacenter: what it calls the place where it is.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._storage = free_port(), free_port()
        self.address = f"127.0.0.1:{self._port}"
        self.datacenter = "ld4"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        jars = Path(os.environ[CASSANDRA])
        note_started(next(jars.glob("cassandra-all-*.jar")).stem)
        self._write()
        command = [
            "java", f"-javaagent:{next(jars.glob('jamm-*.jar'))}", "-Xms512m", "-Xmx1g",
            *(word for module, names in _OPENED.items() for name in names for word in _opened(module, name)),
            *(f"-D{name}={value}" for name, value in _SETTINGS.items()),
            f"-Dcassandra.storagedir={self._folder / 'data'}",
            f"-Dcassandra.config=file://{self._folder}/cassandra.yaml",
            "-cp", f"{self._folder}:{jars}/*", "org.apache.cassandra.service.CassandraDaemon",
        ]  # fmt: skip
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                command, cwd=self._folder, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT
            )
        try:
            wait_for("Cassandra knows its first user", self._is_ready, START, self.log_tail)
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def log_tail(self) -> str:
        """The last lines that it wrote."""
        return "\n".join((self._folder / "log").read_text(encoding="utf-8", errors="replace").splitlines()[-30:])

    def _write(self) -> None:
        data = self._folder / "data"
        seeds = {"class_name": "org.apache.cassandra.locator.SimpleSeedProvider"}
        configuration = {
            "cluster_name": "traces",
            "num_tokens": 1,
            "partitioner": "org.apache.cassandra.dht.Murmur3Partitioner",
            "endpoint_snitch": "GossipingPropertyFileSnitch",
            "authenticator": "PasswordAuthenticator",
            "authorizer": "CassandraAuthorizer",
            "role_manager": "CassandraRoleManager",
            "commitlog_sync": "batch",  # what is acknowledged is on disk
            "commitlog_directory": str(data / "commitlog"),
            "data_file_directories": [str(data / "data")],
            "saved_caches_directory": str(data / "saved_caches"),
            "hints_directory": str(data / "hints"),
            "cdc_raw_directory": str(data / "cdc"),
            "listen_address": "127.0.0.1",
            "rpc_address": "127.0.0.1",
            "native_transport_port": self._port,
            "storage_port": self._storage,
            "seed_provider": [{**seeds, "parameters": [{"seeds": f"127.0.0.1:{self._storage}"}]}],
        }
        (self._folder / "cassandra.yaml").write_text(yaml.safe_dump(configuration), encoding="utf-8")
        (self._folder / "cassandra-rackdc.properties").write_text(f"dc={self.datacenter}\nrack=one\n", encoding="utf-8")
        (self._folder / "logback.xml").write_text(_LOGGING, encoding="utf-8")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"Cassandra ended before it was ready\nlog:\n{self.log_tail()}"
        log = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
        socket.create_connection(("127.0.0.1", self._port), timeout=2).close()
        return "Created default superuser role" in log

    def _stop(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()


def _opened(module: str, name: str) -> tuple[str, ...]:
    return "--add-exports", f"{module}/{name}=ALL-UNNAMED", "--add-opens", f"{module}/{name}=ALL-UNNAMED"
