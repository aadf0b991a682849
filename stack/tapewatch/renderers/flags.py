"""The command lines of Prometheus and Alertmanager: the same in containers and without."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.catalogue import Catalogue
from tapewatch.renderers.members import Member, configuration_file, members
from tapewatch.renderers.where import Where

__all__ = ["FLUSH", "STORED", "alertmanager_flags", "prometheus_flags", "published", "sends"]

FLUSH = "5s"
"""How long a Prometheus that ends still tries to send what waits for a remote end. Its own minute is longer than the
ten seconds after which compose kills it."""

STORED = "1m"
"""How old silences and notification log on disk may be. Alertmanager's own 15 minutes would be lost in a disaster."""


def prometheus_flags(catalogue: Catalogue, where: Where, member: Member | None = None) -> tuple[str, ...]:
    """The flags of Prometheus.

    Parameters:
        catalogue: of the stack.
        where: where the parts are.
        member: which of several; the first one unless given.
    """
    member = member or next(members(catalogue.stack, "prometheus"))
    where = member.where(where)
    retention = catalogue.stack.retention
    size = (f"--storage.tsdb.retention.size={retention.metrics_size}",) if retention.metrics_size else ()
    flush = (f"--storage.remote.flush-deadline={FLUSH}",) if sends(catalogue) else ()
    return (
        f"--config.file={where.config['prometheus']}/{configuration_file(member.shard)}",
        f"--storage.tsdb.path={where.data['prometheus']}",
        f"--storage.tsdb.retention.time={retention.metrics}",
        *size,
        *flush,
        f"--web.listen-address={where.listen('prometheus')}",
        f"--web.external-url={published(catalogue, 'prometheus', member, where)}",
        "--web.enable-lifecycle",
        "--web.enable-otlp-receiver",
        "--web.enable-remote-write-receiver",
        "--enable-feature=exemplar-storage",
        "--rules.alert.for-grace-period=0s",  # otherwise a restart forgets every `for` under 10m
    )


def sends(catalogue: Catalogue) -> bool:
    """Whether a Prometheus has anybody to whom it sends its samples."""
    return bool(catalogue.stack.remote_write) or catalogue.stack.long_term is not None


def alertmanager_flags(catalogue: Catalogue, where: Where, member: Member | None = None) -> tuple[str, ...]:
    """The flags of Alertmanager; the parameters are those of `prometheus_flags`."""
    member = member or next(members(catalogue.stack, "alertmanager"))
    peers = tuple(_cluster(catalogue, where, member))
    where = member.where(where)
    return (
        f"--config.file={where.config['alertmanager']}/alertmanager.yml",
        f"--storage.path={where.data['alertmanager']}",
        f"--web.listen-address={where.listen('alertmanager')}",
        f"--web.external-url={published(catalogue, 'alertmanager', member, where)}",
        f"--data.maintenance-interval={STORED}",
        *peers,
        "--enable-feature=receiver-name-in-metrics",  # by it a drill sees that a receiver was told
    )


def _cluster(catalogue: Catalogue, where: Where, member: Member) -> Iterator[str]:
    """How it finds the others of its kind."""
    ha = catalogue.stack.high_availability
    if ha is None:
        yield "--cluster.listen-address="  # one of its kind: the cluster's port stays closed
        return
    port = ha.cluster_port
    host = where.reach("alertmanager").rpartition(":")[0]
    own = port if where.apart or where.spread else member.published(port)
    yield f"--cluster.listen-address={where.listening}:{own}"
    for other in members(catalogue.stack, "alertmanager"):
        if other != member:
            yield f"--cluster.peer={other.reach(where, host, port)}"
    yield f"--cluster.peer-timeout={ha.peer_timeout}"
    yield f"--cluster.settle-timeout={ha.settle_timeout}"
    yield f"--cluster.reconnect-interval={ha.reconnect_interval}"
    yield f"--cluster.reconnect-timeout={ha.reconnect_timeout}"


def published(catalogue: Catalogue, port: str, member: Member | None = None, where: Where | None = None) -> str:
    """The URL under which people open a part of the stack; it stands in links."""
    stack = catalogue.stack
    if member and where and where.spread:
        return f"http://{member.reach(where, '', int(getattr(stack.ports, port)))}/"
    host = "localhost" if stack.bind in ("127.0.0.1", "::1", "0.0.0.0", "::") else stack.bind  # noqa: S104
    number = int(getattr(stack.ports, port))
    return f"http://{f'[{host}]' if ':' in host else host}:{member.published(number) if member else number}/"
