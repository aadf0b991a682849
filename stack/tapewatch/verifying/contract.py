"""A service's exposition held against the catalogue: families, types, labels, buckets, budgets.

| module | what |
|---|---|
| contract | which families there are, and their types, labels, buckets and number |
| values | the values, as far as a type says what they can be |
| dropped | what the SDK did not let through |
| subject | what is held against what, and where |
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

from tapewatch.schema import nearest
from tapewatch.verifying.dropped import dropped_updates
from tapewatch.verifying.exposition import INFINITY, UNTYPED, Exposed, Sample, number, own_label
from tapewatch.verifying.subject import Subject, cited
from tapewatch.verifying.values import impossible_values
from tapewatch_sdk.families import Family, MetricType
from tapewatch_sdk.problems import Problem, Severity

__all__ = ["KNOWN_EXTRAS", "KNOWN_PREFIXES", "violations"]

KNOWN_PREFIXES = ("go_", "process_", "promhttp_", "python_", "tapewatch_history_", "tapewatch_sdk_")
"""Families that client libraries add by themselves need not be declared."""

KNOWN_EXTRAS = frozenset({"otel_scope_info", "target_info"})
"""The same for OpenTelemetry's."""


def violations(subject: Subject) -> Iterator[Problem]:
    """Everything in which a service breaks its contract, family by family as the catalogue lists them."""
    for family in subject.families.values():
        exposed = subject.exposition.families.get(family.name)
        parts = [subject.exposition.families.get(name) for name in family.series_names]
        if exposed is not None and exposed.samples:
            yield from _of_family(subject, family, exposed)
        elif part := next((each for each in parts if each is not None and each.samples), None):
            yield _wrong_type(subject, family, part)
        elif exposed is not None:
            yield _empty(subject, family, exposed)
        else:
            yield _missing(subject, family)
    yield from _undeclared(subject)
    yield from _doubled(subject)
    yield from _target_labels(subject)
    yield from dropped_updates(subject)


def _of_family(subject: Subject, family: Family, exposed: Exposed) -> Iterator[Problem]:
    fits = exposed.type == family.type
    if not fits:
        yield _wrong_type(subject, family, exposed)
    yield from _labels(subject, family, exposed)
    yield from _budget(subject, family, exposed)
    if fits and family.type is MetricType.HISTOGRAM:
        yield from _buckets(subject, family, exposed)
    if fits:
        yield from impossible_values(subject, family, exposed)


# --- families


def _missing(subject: Subject, family: Family) -> Problem:
    others = [name for name in subject.exposition.families if name not in subject.families]
    near = nearest(family.name, others)
    came = "comes from" if subject.pushes else "is exposed by"
    return Problem(
        "verify/missing-family",
        f"no `{family.name}` {came} `{subject.name}` at {subject.url}",
        f"`{subject.name}` emits every family of its domain `{family.domain}`",
        f"rename `{near}`, if that is meant"
        if near
        else f"emit it, also before the first event; or remove `{family.domain}` from its `emits`",
        subject.declared(family),
    )


def _empty(subject: Subject, family: Family, exposed: Exposed) -> Problem:
    """A family that was announced and has no series: without labels it always has one, with labels it may not yet."""
    place = subject.at_type(exposed, family)
    if not family.labels:
        return Problem(
            "verify/missing-family",
            f"`{family.name}` of `{subject.name}` has a TYPE line and no value",
            "a family without labels has a value from the start",
            "set it, to 0 if nothing has happened yet",
            place,
        )
    return Problem(
        "verify/no-series",
        f"`{family.name}` of `{subject.name}` has no series yet, so its labels could not be checked",
        f"it has the labels {_list(family.labels)}, {subject.says(family)}",
        "give each combination of labels that is known a value of 0 at the start; alerts on it need that too",
        place,
        Severity.WARNING,
    )


def _undeclared(subject: Subject) -> Iterator[Problem]:
    # Parts of a family whose TYPE line is missing or wrong are told with it; `_created` is what clients add.
    families = subject.families.values()
    parts = {part for family in families for part in (family.name, *family.series_names, f"{family.name}_created")}
    parts |= KNOWN_EXTRAS | {f"{name.removesuffix('_total')}_created" for name in subject.families}
    for name, exposed in subject.exposition.families.items():
        if name not in parts and not name.startswith(KNOWN_PREFIXES):
            yield _not_declared(subject, name, exposed)


def _not_declared(subject: Subject, name: str, exposed: Exposed) -> Problem:
    family = subject.loaded.catalogue.families.get(name)
    if family is not None:
        fix = f"add `{family.domain}` to the `emits` of `{subject.name}`, or do not emit it there"
    else:
        near = nearest(name, subject.families)
        fix = f"rename it to `{near}`, if that is meant; or declare it" if near else "declare it under `domains`"
    return Problem(
        "verify/undeclared-family",
        f"`{subject.name}` emits `{name}`, which the catalogue does not declare for it",
        f"a service emits the families of its domains, here {_list(subject.service.emits)}",
        fix,
        subject.at_family(exposed),
    )


def _wrong_type(subject: Subject, family: Family, exposed: Exposed) -> Problem:
    found = "has no type" if exposed.type == UNTYPED else f"is a {exposed.type}"
    return Problem(
        "verify/wrong-type",
        f"`{family.name}` of `{subject.name}` {found}, not a {family.type}",
        f"it is a {family.type}, {subject.says(family)}",
        f"expose it with `# TYPE {family.name} {family.type}`"
        if exposed.type == UNTYPED
        else "correct the service, or `type` in the catalogue and every query that uses it",
        subject.at_type(exposed, family),
    )


# --- series


def _labels(subject: Subject, family: Family, exposed: Exposed) -> Iterator[Problem]:
    """Every series has the declared labels; an empty label is none, as Prometheus sees it."""
    declared = frozenset(family.labels)
    wrong: list[tuple[Sample, frozenset[str]]] = []
    for sample in exposed.samples:
        special = own_label(exposed, sample)
        own = frozenset(name for name, value in sample.labels.items() if value and name != special)
        if (found := own - subject.target_labels.keys()) != declared:
            wrong.append((sample, found))
    if wrong:
        sample, found = wrong[0]
        word = next(iter(sorted(found - declared)), "")
        yield Problem(
            "verify/wrong-labels",
            f"`{family.name}` of `{subject.name}` has {_labels_of(found)}, not {_list(family.labels)}"
            f"{_share(wrong, exposed.samples)}",
            f"every series of it has {_labels_of(declared)}, {subject.says(family)}; an empty one counts as none",
            "correct the service, or `labels` in the catalogue and every query that uses them",
            subject.at_sample(sample, family, word),
        )


def _labels_of(names: Iterable[str]) -> str:
    found = sorted(names)
    return f"the label{'s' * (len(found) > 1)} {_list(found)}" if found else "no labels"


def _share(wrong: list[tuple[Sample, frozenset[str]]], samples: list[Sample]) -> str:
    return f" ({len(wrong):,} of {len(samples):,} series)" if len(wrong) < len(samples) else ""


def _budget(subject: Subject, family: Family, exposed: Exposed) -> Iterator[Problem]:
    budget, found = subject.service.series_budget, len(exposed.label_sets())
    if found <= budget:
        return
    values = Counter(name for name, _ in {pair for labels in exposed.label_sets() for pair in labels})
    worst = f"; `{values.most_common(1)[0][0]}` has {values.most_common(1)[0][1]:,} values" if values else ""
    place = subject.setting("series_budget")
    yield Problem(
        "verify/series-budget",
        f"`{family.name}` of `{subject.name}` has {found:,} combinations of labels{worst}",
        f"at most {budget:,}, the `series_budget` ({cited(place)})",
        "take a label with fewer values, or raise the budget of this service",
        subject.at_family(exposed, family),
    )


def _buckets(subject: Subject, family: Family, exposed: Exposed) -> Iterator[Problem]:
    wanted = (*family.buckets, INFINITY)
    for samples in exposed.label_sets().values():
        buckets = [each for each in samples if each.name == f"{family.name}_bucket"]
        bounds = [number(each.labels.get("le")) for each in buckets]
        if len(bounds) == len(wanted) and set(bounds) == set(wanted):
            continue
        written = [each.labels.get("le", "") or "no `le`" for each in buckets]
        odd = (each for each, bound in zip(buckets, bounds, strict=True) if bound not in wanted)
        yield Problem(
            "verify/wrong-buckets",
            f"`{family.name}` of `{subject.name}` has {_difference(written, bounds, wanted)}",
            f"its buckets are {_bounds(wanted)}, {subject.says(family)}",
            "correct the service, or `buckets` in the catalogue",
            subject.at_sample(next(odd, (buckets or samples)[0]), family, "le"),
        )
        return


def _difference(written: list[str], bounds: list[float | None], wanted: tuple[float, ...]) -> str:
    """What differs, since whole lists of bounds are long."""
    more = [text for text, bound in zip(written, bounds, strict=True) if bound not in wanted]
    less = [bound for bound in wanted if bound not in bounds]
    if not more and not less:
        return "a bucket twice"
    parts = [f"no bucket {_bounds(less)}"] if less else []
    parts += [f"a bucket {', '.join(more)} more" if not less else f"but {', '.join(more)}"] if more else []
    return ", ".join(parts)


def _bounds(bounds: Iterable[float]) -> str:
    return ", ".join("+Inf" if math.isinf(bound) else f"{bound:.15g}" for bound in bounds)


def _doubled(subject: Subject) -> Iterator[Problem]:
    """One problem for each family that has a series twice."""
    for name, exposed in subject.exposition.families.items():
        seen: dict[tuple[str, frozenset[tuple[str, str]]], Sample] = {}
        for sample in exposed.samples:
            first = seen.setdefault((sample.name, frozenset(sample.labels.items())), sample)
            if first is not sample:
                yield Problem(
                    "verify/duplicate-series",
                    f"`{subject.name}` exposes a series of `{name}` twice, first in line {first.line}",
                    "each series stands in an answer once; Prometheus drops the second",
                    "find the two places of the service that register or write it",
                    subject.at_sample(sample, subject.families.get(name)),
                )
                break


# --- target labels


def _target_labels(subject: Subject) -> Iterator[Problem]:
    """A scraped service sets none of them; one that pushes sets those that the catalogue knows to its values."""
    for label, value in subject.target_labels.items():
        wrong = [
            (exposed, sample)
            for exposed in subject.exposition.families.values()
            for sample in exposed.samples
            if (label in sample.labels if not subject.pushes else value and sample.labels.get(label) != value)
        ]
        if wrong:
            yield _target_label(subject, label, value, wrong)


def _target_label(subject: Subject, label: str, value: str, wrong: list[tuple[Exposed, Sample]]) -> Problem:
    exposed, sample = wrong[0]
    count = len({id(each) for each, _ in wrong})
    others = f" and {count - 1:,} more" if count > 1 else ""
    family = subject.families.get(exposed.name)
    if not subject.pushes:
        return Problem(
            "verify/target-label",
            f"`{subject.name}` sets the label `{label}` itself, on `{exposed.name}`{others}",
            "target labels are Prometheus's to set; it renames those that a service sets to `exported_...`",
            "remove the label from the service",
            subject.at_sample(sample, family, label),
        )
    found = f"`{label}` is `{sample.labels[label]}`" if label in sample.labels else f"there is no label `{label}`"
    return Problem(
        "verify/target-label",
        f"{found} on what `{subject.name}` pushes: `{exposed.name}`{others}",
        f'what is pushed carries {label}="{value}" on every data point',
        "give the exporter of the service the labels of the catalogue",
        subject.at_sample(sample, family),
    )


def _list(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
