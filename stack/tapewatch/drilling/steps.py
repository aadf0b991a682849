"""What becomes of an alert, step by step."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tapewatch.drilling.ears import Message
from tapewatch.drilling.scenario import Expectation, Scenario

__all__ = ["Outcome", "Step", "Track"]


class Step(StrEnum):
    """The way of an alert, in this order."""

    SCRAPED = "scraped"
    """Prometheus has the target's samples."""
    PENDING = "pending"
    """The condition holds, but not yet for long enough; an alert without `for` skips this."""
    FIRING = "firing"
    """It fires in Prometheus."""
    ALERTMANAGER = "at Alertmanager"
    """Alertmanager holds it."""
    DELIVERED = "delivered"
    """A receiver was told that it fires."""
    RESOLVED = "resolved"
    """It fires no longer, and the receiver was told."""


@dataclass
class Track:
    """One alert that must fire, and when it took each step.

    Parameters:
        expectation: what must come.
        steps: seconds from the start of the drill, by step.
        told: the message with which it was delivered.
        gone: seconds from the start when Prometheus no longer had it.
    """

    expectation: Expectation
    steps: dict[Step, float] = field(default_factory=dict)
    told: Message | None = None
    gone: float | None = None

    @property
    def labels(self) -> Mapping[str, str]:
        """The alert's labels."""
        return self.expectation.labels

    @property
    def next(self) -> Step | None:
        """The step that has not been seen; None when all have been."""
        return next((step for step in Step if step is not Step.PENDING and step not in self.steps), None)


@dataclass
class Outcome:
    """What came of a drill.

    Parameters:
        scenario: what was played.
        tracks: one for each alert that had to fire.
        failure: why the drill failed; empty while it has not.
    """

    scenario: Scenario
    tracks: list[Track]
    failure: str = ""

    @property
    def title(self) -> str:
        """The drill's name."""
        return self.scenario.title

    @property
    def done(self) -> bool:
        """Whether nothing more is to be seen of it."""
        return bool(self.failure) or all(track.next is None for track in self.tracks)

    @property
    def passed(self) -> bool:
        """Whether every alert took every step."""
        return not self.failure and all(track.next is None for track in self.tracks)

    def at(self, step: Step) -> float | None:
        """When the last of its alerts took a step, in seconds from the start; None if one has not."""
        times = [track.steps.get(step) for track in self.tracks]
        return None if any(time is None for time in times) else max(time for time in times if time is not None)
