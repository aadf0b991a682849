"""The command lines of Prometheus and Alertmanager: the same in containers and without."""

from __future__ import annotations

from tapewatch.catalogue import Catalogue
from tapewatch.renderers.where import Where

__all__ = ["FLUSH", "alertmanager_flags", "prometheus_flags", "published"]

FLUSH = "5s"
"""How long a Prometheus that ends still tries to send what waits for a remote end. Its own minute is longer than the
ten seconds after which compose kills it."""


def prometheus_flags(catalogue: Catalogue, where: Where) -> tuple[str, ...]:
    """The flags of Prometheus."""
    retention = catalogue.stack.retention
    size = (f"--storage.tsdb.retention.size={retention.metrics_size}",) if retention.metrics_size else ()
    flush = (f"--storage.remote.flush-deadline={FLUSH}",) if catalogue.stack.remote_write else ()
    return (
        f"--config.file={where.config['prometheus']}/prometheus.yml",
        f"--storage.tsdb.path={where.data['prometheus']}",
        f"--storage.tsdb.retention.time={retention.metrics}",
        *size,
        *flush,
        f"--web.listen-address={where.listen('prometheus')}",
        f"--web.external-url={published(catalogue, 'prometheus')}",
        "--web.enable-lifecycle",
        "--web.enable-otlp-receiver",
        "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage",
        "--rules.alert.for-grace-period=0s",  # otherwise a restart forgets every `for` under 10m
    )


def alertmanager_flags(catalogue: Catalogue, where: Where) -> tuple[str, ...]:
    """The flags of Alertmanager."""
    return (
        f"--config.file={where.config['alertmanager']}/alertmanager.yml",
        f"--storage.path={where.data['alertmanager']}",
        f"--web.listen-address={where.listen('alertmanager')}",
        f"--web.external-url={published(catalogue, 'alertmanager')}",
        "--cluster.listen-address=",  # one of its kind: the cluster's port stays closed
        "--enable-feature=receiver-name-in-metrics",  # by it a drill sees that a receiver was told
    )


def published(catalogue: Catalogue, port: str) -> str:
    """The URL under which people open a part of the stack; it stands in links."""
    stack = catalogue.stack
    host = "localhost" if stack.bind in ("127.0.0.1", "::1", "0.0.0.0", "::") else stack.bind  # noqa: S104
    return f"http://{f'[{host}]' if ':' in host else host}:{getattr(stack.ports, port)}/"
