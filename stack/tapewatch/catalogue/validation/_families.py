"""What must hold among the metric families."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from tapewatch.catalogue.model import Catalogue
from tapewatch.catalogue.validation._names import RESERVED_LABELS
from tapewatch.catalogue.validation._report import Check, Path, Report
from tapewatch_sdk.families import MetricType

__all__ = ["FAMILIES_CHECKS"]


def _families(catalogue: Catalogue, report: Report) -> None:
    first: dict[str, str] = {}
    for domain, families in catalogue.domains.items():
        for name, family in families.items():
            path: Path = ("domains", domain, name)
            if name in first:
                report(
                    "duplicate-family",
                    path,
                    f"metric family `{name}` is declared in `{first[name]}` and again in `{domain}`",
                    "a metric family belongs to one domain",
                    "remove one of the two declarations",
                    key=True,
                )
            first.setdefault(name, domain)
            _buckets(path, family.type is MetricType.HISTOGRAM, family.buckets, report)
            if family.type is MetricType.COUNTER and not name.endswith("_total"):
                report(
                    "counter-name",
                    path,
                    f"counter `{name}` does not end in `_total`",
                    "a counter's name ends in `_total`, as OpenMetrics has it",
                    f"rename it to `{name}_total`",
                    key=True,
                )
            for index, label in enumerate(family.labels):
                if label in RESERVED_LABELS:
                    report(
                        "reserved-label",
                        (*path, "labels", index),
                        f"label `{label}` of `{name}` is reserved",
                        "target labels and `le` are set by Prometheus",
                        "rename the label",
                    )
                if label in family.labels[:index]:
                    report(
                        "duplicate-label",
                        (*path, "labels", index),
                        f"label `{label}` of `{name}` stands twice",
                        "each label once",
                        "remove one",
                    )


def _buckets(path: Path, histogram: bool, buckets: Sequence[float], report: Report) -> None:
    if histogram and len(buckets) < 2:
        report(
            "buckets",
            path,
            f"histogram `{path[-1]}` declares fewer than two buckets",
            "a histogram declares its finite bucket bounds",
            "add `buckets: [...]`",
            key=True,
        )
    if not histogram and buckets:
        report(
            "buckets",
            (*path, "buckets"),
            f"`{path[-1]}` has buckets but is no histogram",
            "only a histogram has buckets",
            "remove `buckets`, or make it `type: histogram`",
            key=True,
        )
    if any(low >= high for low, high in pairwise(buckets)) or any(bound != bound for bound in buckets):
        report(
            "buckets",
            (*path, "buckets"),
            f"the buckets of `{path[-1]}` do not rise",
            "bounds are finite and rise strictly; +Inf is added by itself",
            "put them into order",
        )
    elif buckets and buckets[-1] == float("inf"):
        report(
            "buckets",
            (*path, "buckets"),
            f"the buckets of `{path[-1]}` end in infinity",
            "bounds are finite; +Inf is added by itself",
            "remove the last bound",
        )


FAMILIES_CHECKS: tuple[Check, ...] = (_families,)
