"""`remote_write`: where a copy of all samples goes, and the queue in which they wait."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tapewatch.catalogue.remote_write import RemoteWrite

__all__ = ["remote_write"]


def remote_write(remote: RemoteWrite, own: Sequence[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """One remote end as Prometheus reads it; with no key that is newer than 3.5.

    Parameters:
        remote: the remote end.
        own: relabelling that keeps what is to be sent there at all.
    """
    relabelling = [*map(dict, own), *_relabelling(remote)]
    return {
        "name": remote.name,
        "url": remote.url,
        "remote_timeout": remote.timeout,
        **_sign_in(remote),
        **({"tls_config": remote.tls.model_dump(exclude_defaults=True)} if remote.tls else {}),
        **({"headers": dict(sorted(remote.headers.items()))} if remote.headers else {}),
        **({"write_relabel_configs": relabelling} if relabelling else {}),
        "send_exemplars": remote.send_exemplars,
        "queue_config": _queue(remote),
    }


def _sign_in(remote: RemoteWrite) -> dict[str, Any]:
    if remote.username:
        return {"basic_auth": {"username": remote.username, "password_file": remote.password_file}}
    if remote.credentials_file:
        return {"authorization": {"credentials_file": remote.credentials_file}}
    return {}


def _relabelling(remote: RemoteWrite) -> Iterator[dict[str, Any]]:
    for action, wanted in (("keep", remote.keep), ("drop", remote.drop)):
        for each in wanted:
            yield {"source_labels": [each.label], "regex": each.regex, "action": action}


def _queue(remote: RemoteWrite) -> dict[str, Any]:
    limit = {"sample_age_limit": remote.sample_age_limit} if remote.sample_age_limit else {}
    return {
        "capacity": remote.capacity,
        "max_shards": remote.max_shards,
        "max_samples_per_send": remote.max_samples_per_send,
        "batch_send_deadline": remote.batch_send_deadline,
        "min_backoff": remote.min_backoff,
        "max_backoff": remote.max_backoff,
        "retry_on_http_429": remote.retry_on_429,
        **limit,
    }
