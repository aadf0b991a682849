"""What a service exposes, in one form for both text formats and for what Prometheus tells of a service that pushes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["INFINITY", "UNTYPED", "Exposed", "Exposition", "Sample", "number", "own_label"]

UNTYPED = "untyped"
"""The type of a family that has no TYPE line, or one that says `untyped` or `unknown`."""

INFINITY = float("inf")

_OWN_LABELS = {("histogram", "_bucket"): "le", ("summary", ""): "quantile"}


@dataclass(frozen=True, slots=True)
class Sample:
    """One line with a value.

    Parameters:
        name: as it is written, so with `_bucket` and the like.
        labels: its labels.
        value: the value.
        line: the line of the answer, counted from 1; 0 when there is none.
    """

    name: str
    labels: Mapping[str, str]
    value: float
    line: int = 0


@dataclass(slots=True)
class Exposed:
    """A metric family as a service exposes it.

    Parameters:
        name: the name as the catalogue has it: a counter's ends in `_total` in OpenMetrics too.
        type: what its TYPE line says.
        line: its first line.
        type_line: its TYPE line; 0 without one.
        samples: its samples.
    """

    name: str
    type: str = UNTYPED
    line: int = 0
    type_line: int = 0
    samples: list[Sample] = field(default_factory=list)

    def label_sets(self) -> Mapping[tuple[tuple[str, str], ...], list[Sample]]:
        """The samples by their labels: the parts of one histogram, or of one summary, belong together."""
        found: dict[tuple[tuple[str, str], ...], list[Sample]] = {}
        for sample in self.samples:
            special = own_label(self, sample)
            key = tuple(sorted((name, value) for name, value in sample.labels.items() if name != special))
            found.setdefault(key, []).append(sample)
        return found


@dataclass(frozen=True, slots=True)
class Exposition:
    """All that a service exposes.

    Parameters:
        families: by name, in the order of the answer.
        lines: the lines of the answer; empty when it was not read from one.
    """

    families: Mapping[str, Exposed]
    lines: Sequence[str] = ()

    @property
    def series(self) -> int:
        """How many series Prometheus stores of it."""
        return sum(len(family.samples) for family in self.families.values())


def own_label(family: Exposed, sample: Sample) -> str:
    """The label that the format itself puts on a sample: `le` or `quantile`; empty for others."""
    return _OWN_LABELS.get((family.type, sample.name.removeprefix(family.name)), "")


def number(text: str | None) -> float | None:
    """A bound or a quantile as a number; `None` when it is none."""
    try:
        return float(text or "")
    except ValueError:
        return None
