"""Names of instruments and labels, and buckets: valid where prometheus-client takes them for valid."""

from __future__ import annotations

import math
import os
import re
import sys
from collections.abc import Iterable, Sequence
from itertools import pairwise

from tapewatch_sdk.families import MetricType
from tapewatch_sdk.instruments.errors import instrument_error

__all__ = ["PLAIN_NAME", "check_buckets", "check_labels", "check_name", "claimed", "family_name"]

PLAIN_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
"""Names that every escaping scheme but `dots` leaves alone (a `:` is changed in OpenMetrics)."""

_LEGACY_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")

_SUFFIXES = {
    MetricType.COUNTER: ("", "_total", "_created"),
    MetricType.GAUGE: ("",),
    MetricType.HISTOGRAM: ("", "_bucket", "_sum", "_count", "_created"),
}


def family_name(name: str, kind: MetricType) -> str:
    """The name of the family; a counter's goes without `_total`."""
    return name.removesuffix("_total") if kind is MetricType.COUNTER else name


def claimed(family: str, kind: MetricType) -> tuple[str, ...]:
    """The names of series that a family takes for itself; they are those that prometheus-client reserves."""
    return tuple(family + suffix for suffix in _SUFFIXES[kind])


def check_name(name: str) -> None:
    """Refuse what is no name of a metric.

    Raises:
        InstrumentError: it is empty, no Unicode text, or beyond letters, digits, `_` and `:` where
            `PROMETHEUS_LEGACY_NAME_VALIDATION` asks for those.
    """
    if not name or not _is_unicode(name) or (_is_legacy() and not _LEGACY_NAME.fullmatch(name)):
        raise instrument_error(
            "bad-name",
            f"`{_shown(name)}` cannot be the name of a metric",
            must="a name of letters, digits and `_` that begins with no digit",
            fix="rename the instrument",
            name=_shown(name),
        )


def check_labels(labels: Iterable[str], kind: MetricType, name: str) -> tuple[str, ...]:
    """The names of an instrument's labels, checked, in the order in which they are exposed.

    Raises:
        InstrumentError: one is no label name, is kept for the system (`__...`, a histogram's `le`), or stands twice.
    """
    names = (labels,) if isinstance(labels, str) else tuple(labels)
    for label in names:
        if not _is_label(label) or (kind is MetricType.HISTOGRAM and label == "le"):
            raise _bad_label(f"`{_shown(label)}` cannot be a label of `{name}`", name)
    if len(set(names)) < len(names):
        raise _bad_label(f"a label of `{name}` is named twice: {', '.join(names)}", name)
    return tuple(sorted(names))


def check_buckets(buckets: Sequence[float], name: str) -> tuple[float, ...]:
    """The upper bounds of a histogram's buckets, with +Inf at the end.

    Raises:
        InstrumentError: they are no numbers, do not ascend, or there is none but +Inf.
    """
    try:
        bounds = tuple(float(bound) for bound in buckets)
    except (TypeError, ValueError):
        bounds = ()
    if bounds and bounds[-1] != math.inf:
        bounds += (math.inf,)
    if len(bounds) < 2 or not all(low < high for low, high in pairwise(bounds)):
        raise instrument_error(
            "bad-buckets",
            f"the buckets of `{name}` are not upper bounds in ascending order: {buckets!r}",
            must="at least one number besides +Inf, each larger than the one before",
            fix="sort the bounds and remove what stands twice",
            name=name,
        )
    return bounds


def _bad_label(summary: str, name: str) -> Exception:
    must = "letters, digits and `_`, not beginning with a digit or `__`; a histogram has its own `le`"
    return instrument_error("bad-label", summary, must=must, fix="rename or remove the label", name=name)


def _is_label(label: object) -> bool:
    if not isinstance(label, str) or not label or label.startswith("__") or not _is_unicode(label):
        return False
    return not _is_legacy() or PLAIN_NAME.fullmatch(label) is not None


def _is_legacy() -> bool:
    """Whether names are held to the old character set: prometheus-client's switch, or the variable that sets it."""
    if client := sys.modules.get("prometheus_client.validation"):
        return bool(client.get_legacy_validation())
    return os.environ.get("PROMETHEUS_LEGACY_NAME_VALIDATION", "").lower() in ("true", "1", "t")


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except (AttributeError, UnicodeEncodeError):
        return False
    return True


def _shown(name: object) -> str:
    return str(name).encode(errors="backslashreplace").decode()
