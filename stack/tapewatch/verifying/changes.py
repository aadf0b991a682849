"""Two looks at one service: counters only grow, and something moves."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.verifying.exposition import Exposed, Exposition, Sample
from tapewatch.verifying.subject import Subject
from tapewatch_sdk.families import MetricType
from tapewatch_sdk.names import UPTIME
from tapewatch_sdk.problems import Problem

__all__ = ["changes"]

_STARTED = "process_start_time_seconds"
"""What client libraries say of a process's start."""

_Key = tuple[str, frozenset[tuple[str, str]]]


def changes(subject: Subject, before: Exposition) -> Iterator[Problem]:
    """What cannot be of a service that was looked at before.

    Parameters:
        subject: the service as it is now.
        before: what it exposed some seconds ago.
    """
    earlier = _values(before)
    if _has_restarted(subject, before):
        return
    for family in subject.families.values():
        exposed = subject.exposition.families.get(family.name)
        if exposed is None or exposed.type != family.type:
            continue
        for sample in _growing(exposed):
            was = earlier.get(_key(sample))
            if was is not None and sample.value < was:
                yield Problem(
                    "verify/counter-fell",
                    f"`{sample.name}` of `{subject.name}` fell from {was:.15g} to {sample.value:.15g}",
                    "what counts only grows, until the service starts again",
                    "add to the counter, never set it; what goes up and down is a gauge",
                    subject.at_sample(sample, family),
                )
                break
    yield from _frozen(subject, earlier)


def _frozen(subject: Subject, earlier: dict[_Key, float]) -> Iterator[Problem]:
    """The uptime always moves; when it and all else stands still, the answer was made once and kept."""
    now = _values(subject.exposition)
    shared = now.keys() & earlier.keys()
    uptime = next((key for key in shared if key[0] == UPTIME), None)
    if uptime is not None and all(now[key] == earlier[key] or now[key] != now[key] for key in shared):
        yield Problem(
            "verify/frozen",
            f"not one value of `{subject.name}` has changed, not even `{UPTIME}`",
            "a service is measured anew for each scrape or push",
            "see whether an answer is cached on the way, or the thread that measures has died",
            subject.at_family(subject.exposition.families[UPTIME], subject.families.get(UPTIME)),
        )


def _growing(exposed: Exposed) -> Iterator[Sample]:
    """The samples of a family that never fall."""
    endings = {
        MetricType.COUNTER: ("",),
        MetricType.HISTOGRAM: ("_bucket", "_count"),
        MetricType.SUMMARY: ("_count",),
    }.get(MetricType(exposed.type), ())
    names = {exposed.name + ending for ending in endings}
    return (sample for sample in exposed.samples if sample.name in names)


def _has_restarted(subject: Subject, before: Exposition) -> bool:
    earlier, now = _first(before, UPTIME), _first(subject.exposition, UPTIME)
    if earlier is not None and now is not None and now < earlier:
        return True
    return _first(before, _STARTED) != _first(subject.exposition, _STARTED)


def _first(exposition: Exposition, name: str) -> float | None:
    family = exposition.families.get(name)
    return family.samples[0].value if family and family.samples else None


def _values(exposition: Exposition) -> dict[_Key, float]:
    return {_key(sample): sample.value for family in exposition.families.values() for sample in family.samples}


def _key(sample: Sample) -> _Key:
    return sample.name, frozenset(sample.labels.items())
