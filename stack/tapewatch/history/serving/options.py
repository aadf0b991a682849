"""How the historian is started."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Self

from tapewatch.history.api.access import is_loopback
from tapewatch.history.store import BATCH_SIZE, WRITE_INTERVAL, socket_of
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["DATABASE", "HOST", "PORT", "RATE", "THREADS", "Options"]

DATABASE = Path("data/observability.duckdb")
HOST = "127.0.0.1"
PORT = 8000

RATE = 50.0
"""Requests a second of one client: a page asks for charts once a minute, a spool sends a few batches a second."""


THREADS = 4
"""Questions to the store that a process asks at a time; the others wait."""


@dataclass(frozen=True, slots=True)
class Options:
    """How the historian is started.

    Parameters:
        database: the store's file.
        host, port: where it listens; port 0 is any that is free.
        workers: processes that answer; with more than one none of them is the one that writes.
        interval: seconds from scrape to scrape.
        prometheus: URLs of the Prometheus whose alerts are written down, one of each shard; empty for none.
        prometheus_token: file with a token for it.
        peers: URLs of other histories of the same services, which have what this one missed.
        api_key_file: file with the key that callers must show; None where nobody must.
        allow_hosts: further names under which it is reached.
        tls_key, tls_certificate: files in PEM form; both or neither.
        access_log: whether each request is logged.
        log_level: lines below it are left out.
        rate: requests a second that one client may make; 0 for any number.
        batch_size, write_interval: as for `Store.open`.
    """

    database: Path = DATABASE
    host: str = HOST
    port: int = PORT
    workers: int = 1
    interval: float = 1.0
    prometheus: tuple[str, ...] = ()
    prometheus_token: Path | None = None
    peers: tuple[str, ...] = ()
    api_key_file: Path | None = None
    allow_hosts: tuple[str, ...] = ()
    tls_key: Path | None = None
    tls_certificate: Path | None = None
    access_log: bool = False
    log_level: str = "info"
    rate: float = RATE
    batch_size: int = BATCH_SIZE
    write_interval: float = WRITE_INTERVAL

    @property
    def loopback(self) -> bool:
        """Whether this machine alone can reach it."""
        return is_loopback(self.host)

    @property
    def api_socket(self) -> Path:
        """Where the historian answers its workers."""
        return socket_of(self.database).with_suffix(".api.sock")

    def check(self) -> None:
        """Refuse what must not be started.

        Raises:
            ProblemsError: it would listen to other machines without a key, or has half of what TLS needs.
        """
        problems = []
        if not self.loopback and self.api_key_file is None:
            problems.append(_without_key(self.host))
        if (self.tls_key is None) != (self.tls_certificate is None):
            problems.append(_half_tls())
        if problems:
            raise ProblemsError(problems)

    def dumps(self) -> str:
        """As JSON, for a worker."""
        return json.dumps({name: _plain(value) for name, value in asdict(self).items()})

    @classmethod
    def loads(cls, text: str) -> Self:
        """From what `dumps` gave."""
        found: dict[str, Any] = json.loads(text)
        for each in fields(cls):
            if "Path" in str(each.type) and found[each.name] is not None:
                found[each.name] = Path(found[each.name])
        return cls(**{**found, "allow_hosts": tuple(found["allow_hosts"]), "peers": tuple(found["peers"])})


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, Path) else value


def _without_key(host: str) -> Problem:
    return Problem(
        code="history/open-to-all",
        summary=f"other machines would reach the history at {host}, and nobody would have to show a key",
        must="a history that listens on anything but this machine's loopback has an API key",
        fix="give --api-key-file FILE, or leave out --host; "
        "to make a key: (umask 077; head -c 32 /dev/urandom | base64 > FILE)",
        where=Place(path="--host"),
    )


def _half_tls() -> Problem:
    return Problem(
        code="history/half-tls",
        summary="one half of what TLS needs is missing",
        must="--tls-key and --tls-certificate are given both, or neither",
        fix="give the other one too",
        where=Place(path="--tls-key"),
    )
