"""The command lines of Thanos's processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tapewatch.catalogue import Catalogue
from tapewatch.catalogue.long_term import LongTerm
from tapewatch.catalogue.thanos import REPLICA, TENANT
from tapewatch.renderers.flags import published
from tapewatch.renderers.intake import EXEMPLARS, OUT_OF_ORDER, RULES_LATE
from tapewatch.renderers.long_term._tenants import NO_TEAM
from tapewatch.renderers.long_term._thanos import copies, dropped
from tapewatch.renderers.long_term._thanos_processes import ThanosProcess, thanos_processes
from tapewatch.renderers.where import Where

__all__ = ["GRACE", "thanos_flags"]

GRACE = "10s"
"""How long a process that ends waits for who still asks it. Its own two minutes would only hold an update up."""

_HERE = "3d"
"""How long Receive keeps what is in the bucket already, and what is not while the bucket is away: a long weekend."""

_NEW_BLOCKS = "5m"
"""How often the bucket is looked through. Receive has what is newer."""

_CHUNKS = "256MB"
"""Memory for what is read from the bucket at one time; Thanos's own 2GB is more than its container has."""


def thanos_flags(catalogue: Catalogue, where: Where, process: ThanosProcess) -> tuple[str, ...]:
    """The role, and all flags.

    Parameters:
        catalogue: of the stack.
        where: where the parts are.
        process: which one.
    """
    engine = catalogue.stack.long_term
    assert engine is not None
    grpc = () if process.role == "compact" else (
        f"--grpc-address={process.listen(where, 'long_term_grpc')}", f"--grpc-grace-period={GRACE}",
    )  # fmt: skip
    return (
        process.role,
        "--log.level=warn",
        "--enable-auto-gomemlimit",
        f"--http-address={process.listen(where, 'long_term')}",
        f"--http-grace-period={GRACE}",
        *grpc,
        *_OWN[process.role](catalogue, engine, where, process),
    )


def _config(where: Where, name: str) -> str:
    return f"{where.config['long_term']}/{name}"


def _bucket(where: Where) -> str:
    return f"--objstore.config-file={_config(where, 'bucket.yml')}"


def _receive(_: Catalogue, engine: LongTerm, where: Where, process: ThanosProcess) -> tuple[str, ...]:
    write = process.port(where, "long_term_write")
    return (
        f"--remote-write.address={where.listening}:{write}",
        f"--receive.capnproto-address={where.listening}:{write + 1}",  # open in any case, though nobody asks it
        f"--tsdb.path={process.data(where)}",
        f"--tsdb.retention={_HERE}",
        f"--tsdb.out-of-order.time-window={OUT_OF_ORDER}",
        f"--tsdb.max-exemplars={EXEMPLARS}",
        f'--label={REPLICA}="{process.name}"',
        _bucket(where),
        f"--receive.hashrings-file={_config(where, 'hashrings.json')}",
        f"--receive.limits-config-file={_config(where, 'limits.yml')}",
        f"--receive.local-endpoint={process.reach(where, 'long_term_grpc')}",
        f"--receive.replication-factor={copies(engine)}",
        f"--receive.tenant-label-name={TENANT}",
        f"--receive.default-tenant-id={NO_TEAM}",
    )


def _query(catalogue: Catalogue, _: LongTerm, where: Where, __: ThanosProcess) -> tuple[str, ...]:
    return (
        f"--endpoint.sd-config-file={_config(where, 'endpoints.yml')}",
        *(f"--query.replica-label={label}" for label in dropped(catalogue)),
        "--query.auto-downsampling",  # what is older than `object_store` is there no other way
    )


def _store(_: Catalogue, __: LongTerm, where: Where, process: ThanosProcess) -> tuple[str, ...]:
    return (
        f"--data-dir={process.data(where)}",
        _bucket(where),
        f"--sync-block-duration={_NEW_BLOCKS}",
        f"--chunk-pool-size={_CHUNKS}",
    )


def _compact(_: Catalogue, engine: LongTerm, where: Where, process: ThanosProcess) -> tuple[str, ...]:
    whole = engine.retention.object_store
    thinned = engine.retention.archive or whole
    return (
        "--wait",
        f"--data-dir={process.data(where)}",
        _bucket(where),
        f"--retention.resolution-raw={whole}",
        f"--retention.resolution-5m={thinned}",
        f"--retention.resolution-1h={thinned}",
        # What came late makes blocks that overlap; and what several Receives kept is the same, sample for sample.
        "--compact.enable-vertical-compaction",
        f"--deduplication.replica-label={REPLICA}",
    )


def _rule(catalogue: Catalogue, engine: LongTerm, where: Where, process: ThanosProcess) -> tuple[str, ...]:
    query = next(each for each in thanos_processes(engine) if each.role == "query")
    labels = {**catalogue.stack.external_labels, REPLICA: process.name}
    return (
        f"--data-dir={process.data(where)}",
        _bucket(where),
        f"--rule-file={_config(where, 'rules')}/*.yml",
        f"--eval-interval={catalogue.defaults.evaluation_interval}",
        f"--rule-query-offset={RULES_LATE}",
        "--for-grace-period=0s",  # otherwise a restart forgets every `for` under 10m
        f"--query=http://{query.reach(where, 'long_term')}",
        f"--alertmanagers.config-file={_config(where, 'alertmanagers.yml')}",
        f"--alert.query-url={published(catalogue, 'long_term').rstrip('/')}",
        *(f"--label={name}={_quoted(value)}" for name, value in sorted(labels.items())),
        f"--alert.label-drop={REPLICA}",  # an alert is the same, whoever found it
    )


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


_OWN: Mapping[str, Callable[[Catalogue, LongTerm, Where, ThanosProcess], tuple[str, ...]]] = {
    "receive": _receive,
    "query": _query,
    "store": _store,
    "compact": _compact,
    "rule": _rule,
}
