"""The bucket's lifecycle rules, in the form that AWS's `put-bucket-lifecycle-configuration` takes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from tapewatch.catalogue import Catalogue, seconds
from tapewatch.catalogue.long_term import LongTerm, Tiers
from tapewatch.renderers.long_term._store import PREFIXES

__all__ = ["kept", "lifecycle", "lifecycle_file"]

_LATER = 30
"""Days after which the bucket deletes what its engine should have deleted: the engine alone knows what a block holds,
and marks it before it is gone. What the bucket deletes is left over from an engine that no longer runs."""

_UPLOADS = 7
"""Days after which what was never uploaded whole is deleted; it costs money, and no listing shows it."""

_INFREQUENT = 30
"""Days that AWS wants an object to lie in the standard class before it goes to one for infrequent access."""


def kept(tiers: Tiers) -> str:
    """How long the engine keeps metrics at all."""
    return tiers.archive or tiers.object_store


def lifecycle_file(catalogue: Catalogue, engine: LongTerm) -> str:
    """The rules as JSON."""
    return json.dumps(lifecycle(catalogue, engine), indent=2) + "\n"


def lifecycle(catalogue: Catalogue, engine: LongTerm) -> dict[str, Any]:
    """The rules as data: of metrics, and of logs where they lie in the same bucket.

    A block is uploaded once its time is over, and merged ones later: nothing is ever moved too early by the tiers.
    """
    tiers = engine.retention
    moved = {"Transitions": [_transition(tiers)]} if tiers.archive else {}
    rules = [_rule("metrics", PREFIXES[engine.engine], kept(tiers), moved)]
    if catalogue.stack.own_engine:
        rules.append(_rule("logs", PREFIXES["loki"], catalogue.stack.retention.logs, {}))
    return {"Rules": rules}


def _rule(name: str, prefix: str, duration: str, moved: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "ID": name,
        "Status": "Enabled",
        "Filter": {"Prefix": f"{prefix}/"},
        **moved,
        "Expiration": {"Days": _days(duration) + _LATER},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": _UPLOADS},
    }


def _transition(tiers: Tiers) -> dict[str, Any]:
    days = _days(tiers.object_store)
    if tiers.archive_class in ("STANDARD_IA", "ONEZONE_IA"):
        days = max(days, _INFREQUENT)
    return {"Days": days, "StorageClass": tiers.archive_class}


def _days(duration: str) -> int:
    return math.ceil(seconds(duration) / 86_400)
