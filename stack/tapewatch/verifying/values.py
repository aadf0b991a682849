"""Values that a metric's type rules out, whatever it measures."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tapewatch.verifying.exposition import INFINITY, Exposed, Sample, number
from tapewatch.verifying.subject import Subject
from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.problems import Problem

__all__ = ["impossible_values"]

_Offence = tuple[Sample, str, str]
"""The sample, what is wrong with its value, and what must hold."""


def impossible_values(subject: Subject, family: Family, exposed: Exposed) -> Iterator[Problem]:
    """The first value of a family that cannot be, and the first histogram or summary of it that is not whole."""
    match family.type:
        case MetricType.COUNTER:
            offences = _counters(exposed)
        case MetricType.HISTOGRAM | MetricType.SUMMARY:
            yield from _parts(subject, family, exposed)
            offences = _distributions(family, exposed)
        case _:
            return
    for sample, wrong, must in offences:
        yield Problem(
            "verify/impossible-value",
            f"`{sample.name}` of `{subject.name}` {wrong}",
            must,
            "find where the service computes it; a client library does not let this happen",
            subject.at_sample(sample, family),
        )
        return


def _counters(exposed: Exposed) -> Iterator[_Offence]:
    for sample in exposed.samples:
        if not (math.isfinite(sample.value) and sample.value >= 0):
            yield sample, f"is {_written(sample.value)}", "a counter is a finite number, 0 or more"


@dataclass
class _Distribution:
    """The samples of one histogram or summary."""

    buckets: dict[float, Sample] = field(default_factory=dict)
    quantiles: list[Sample] = field(default_factory=list)
    sum: Sample | None = None
    count: Sample | None = None


def _distribution(family: Family, samples: Sequence[Sample]) -> _Distribution:
    found = _Distribution()
    for sample in samples:
        match sample.name.removeprefix(family.name):
            case "_bucket":
                bound = number(sample.labels.get("le"))
                if bound is not None:
                    found.buckets[bound] = sample
            case "_sum":
                found.sum = sample
            case "_count":
                found.count = sample
            case "":
                found.quantiles.append(sample)
    return found


def _parts(subject: Subject, family: Family, exposed: Exposed) -> Iterator[Problem]:
    for samples in exposed.label_sets().values():
        found = _distribution(family, samples)
        lacks = [name for name, part in (("_sum", found.sum), ("_count", found.count)) if part is None]
        if lacks:
            yield Problem(
                "verify/incomplete",
                f"`{family.name}` of `{subject.name}` lacks {' and '.join(f'`{family.name}{each}`' for each in lacks)}",
                f"a {family.type} has a sum and a count for every combination of labels",
                "expose them; averages and rates come from them",
                subject.at_sample(samples[0], family),
            )
            return


def _distributions(family: Family, exposed: Exposed) -> Iterator[_Offence]:
    for samples in exposed.label_sets().values():
        found = _distribution(family, samples)
        counts = [*found.buckets.values(), *([found.count] if found.count else [])]
        for sample in counts:
            if not (math.isfinite(sample.value) and sample.value >= 0 and sample.value == int(sample.value)):
                yield (
                    sample,
                    f"is {_written(sample.value)}",
                    "it counts observations, so it is a whole number, 0 or more",
                )
        if found.sum and not math.isfinite(found.sum.value):
            yield (
                found.sum,
                f"is {_written(found.sum.value)}",
                "a sum is a finite number; NaN once added stays for ever",
            )
        yield from _cumulative(found)
        yield from _quantiles(found)


def _cumulative(found: _Distribution) -> Iterator[_Offence]:
    below: Sample | None = None
    for bound in sorted(found.buckets):
        sample = found.buckets[bound]
        if below is not None and sample.value < below.value:
            text = f"counts {_each(sample)}, although {_each(below)}"
            yield sample, text, "a bucket counts all observations up to its bound, so none has fewer than the one below"
        below = sample
    last = found.buckets.get(INFINITY)
    if last and found.count and last.value != found.count.value:
        text = f"is {_written(found.count.value)}, although the bucket +Inf has {_written(last.value)}"
        yield found.count, text, "`_count` and the bucket +Inf both count all observations"


def _quantiles(found: _Distribution) -> Iterator[_Offence]:
    for sample in found.quantiles:
        part = number(sample.labels.get("quantile"))
        if part is None or not 0 <= part <= 1:
            text = f"has the quantile `{sample.labels.get('quantile', '')}`"
            yield sample, text, "a quantile is a number between 0 and 1"


def _each(bucket: Sample) -> str:
    return f'{_written(bucket.value)} up to le="{bucket.labels["le"]}"'


def _written(value: float) -> str:
    return f"{value:.15g}".replace("nan", "NaN").replace("inf", "Inf")
