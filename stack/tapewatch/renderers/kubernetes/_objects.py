"""What every object has: a name that Kubernetes takes, labels by which others choose it, and its file."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

__all__ = [
    "LARGEST",
    "NAME",
    "OPERATOR",
    "Object",
    "chosen",
    "chunks",
    "config_map",
    "file_of",
    "object_name",
    "operated",
    "plain",
]

Object = dict[str, Any]
"""An object as the API server takes it."""

NAME = "tapewatch"
"""Name of the Prometheus and the Alertmanager objects, and of what belongs to all parts."""

OPERATOR = "monitoring.coreos.com"
"""API group of the Prometheus Operator."""

LARGEST = 300 * 1024
"""Bytes of JSON at which a list goes on in a second object. As YAML that is below 400 KiB; the limit of a
PrometheusRule is 512 KiB, and etcd's for anything 1.5 MiB."""

_LONGEST = 63
"""Characters of a name; what becomes a label's value or a host's name may not have more."""


def object_name(text: str) -> str:
    """A name that Kubernetes takes; where more than `_` had to be changed it ends with a check sum of the original."""
    name = re.sub(r"[^a-z0-9.-]+", "-", text.lower()).strip("-.")
    if name == text.replace("_", "-") and len(name) <= _LONGEST:
        return name
    check_sum = hashlib.sha256(text.encode()).hexdigest()[:8]
    return f"{name[: _LONGEST - 9].strip('-.')}-{check_sum}".lstrip("-")


def chosen(part: str) -> dict[str, str]:
    """The labels by which a part's pods are chosen."""
    return {"app.kubernetes.io/name": part, "app.kubernetes.io/part-of": NAME}


def plain(
    api: str, kind: str, name: str, namespace: str, content: Mapping[str, Any], labels: Mapping[str, str] | None = None
) -> Object:
    """An object with its metadata.

    Parameters:
        api: group and version, such as `apps/v1`.
        kind: such as `StatefulSet`.
        name: as `object_name` makes it.
        namespace: empty for what is in none.
        content: what it has beside the metadata.
        labels: further ones.
    """
    metadata = {
        "name": name,
        **({"namespace": namespace} if namespace else {}),
        "labels": {"app.kubernetes.io/part-of": NAME, **(labels or {})},
    }
    return {"apiVersion": api, "kind": kind, "metadata": metadata, **content}


def operated(kind: str, name: str, namespace: str, spec: Mapping[str, Any], version: str = "v1") -> Object:
    """An object of the operator, with the label by which our Prometheus chooses it."""
    labels = {"app.kubernetes.io/name": "prometheus"}
    return plain(f"{OPERATOR}/{version}", kind, object_name(name), namespace, {"spec": dict(spec)}, labels)


def config_map(name: str, namespace: str, data: Mapping[str, str], labels: Mapping[str, str] | None = None) -> Object:
    """Files for a part."""
    return plain("v1", "ConfigMap", object_name(name), namespace, {"data": dict(data)}, labels)


def chunks(name: str, entries: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, list[Mapping[str, Any]]]]:
    """Splits a list into as few objects as there must be; the second one is called `name.2`.

    Entries stay in their order, so the same list is always split alike.
    """
    number, size, found = 1, 0, list[Mapping[str, Any]]()
    for entry in entries:
        bytes_ = len(json.dumps(entry, ensure_ascii=False).encode())
        if found and size + bytes_ > LARGEST:
            yield _numbered(name, number), found
            number, size, found = number + 1, 0, []
        found.append(entry)
        size += bytes_
    if found:
        yield _numbered(name, number), found


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}.{number}"


def file_of(found: Object) -> str:
    """Where an object stands, below the folder of all."""
    return f"{found['kind'].lower()}/{found['metadata']['name']}.yaml"
