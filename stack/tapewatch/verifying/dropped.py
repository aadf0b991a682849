"""What the SDK kept from being exposed, and says so: the exposition alone would look right."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.verifying.exposition import Sample
from tapewatch.verifying.subject import Subject, cited
from tapewatch_sdk.families import Family
from tapewatch_sdk.instruments import DROPPED_UPDATES
from tapewatch_sdk.problems import Problem

__all__ = ["dropped_updates"]


def dropped_updates(subject: Subject) -> Iterator[Problem]:
    """Families that the service updates with too many or with other labels: the SDK drops these, and counts them."""
    counted = subject.exposition.families.get(DROPPED_UPDATES)
    for sample in counted.samples if counted else ():
        family = subject.families.get(sample.labels.get("family", ""))
        if family is None or not sample.value > 0:
            continue
        match sample.labels.get("reason"):
            case "series_budget":
                yield _over_budget(subject, family, sample)
            case "labels":
                yield _other_labels(subject, family, sample)


def _over_budget(subject: Subject, family: Family, sample: Sample) -> Problem:
    place = subject.setting("series_budget")
    return Problem(
        "verify/series-budget",
        f"`{family.name}` of `{subject.name}` is full: the SDK has dropped {sample.value:,.0f} updates of more series",
        f"the combinations of its labels fit the `series_budget`, {subject.service.series_budget:,} ({cited(place)})",
        "take a label with fewer values, or raise the budget, in the service too",
        subject.at_sample(sample, family),
    )


def _other_labels(subject: Subject, family: Family, sample: Sample) -> Problem:
    return Problem(
        "verify/wrong-labels",
        f"`{subject.name}` updates `{family.name}` with other labels: the SDK has dropped {sample.value:,.0f} updates",
        f"each update names all of its labels and no other, {subject.says(family)}",
        "find the call; a strict registry raises there, in a test of the service",
        subject.at_sample(sample, family),
    )
