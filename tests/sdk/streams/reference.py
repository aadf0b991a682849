"""The tracker's rules in their simplest form: everything that ever came is remembered, and nothing is made fast."""

from __future__ import annotations

from collections import Counter

__all__ = ["Reference"]


class Reference:
    """Answers as `SequenceTracker.check` must; `counts` has the same names as `StreamStats`."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._seen: list[int] = []
        self._before: list[int] | None = None
        self.counts: Counter[str] = Counter()

    def check(self, sequence: int) -> tuple[str, int]:
        if self._before is not None:
            goes_on = max(self._before) < sequence <= max(self._before) + self._window
            self.counts["strays" if goes_on else "resets"] += 1
            self._seen, self._before = (self._before if goes_on else self._seen), None
        kind, gap = self._kind(sequence)
        if kind == "reset":
            self._before, self._seen = self._seen, []
        if kind == "gap":
            self.counts["missing"] += gap
        if kind == "late" and sequence > self._seen[0]:
            self.counts["recovered"] += 1
        name = {"first": "in_order", "gap": "gaps", "duplicate": "duplicates"}.get(kind, kind)
        if name != "reset":
            self.counts[name] += 1
        self._seen.append(sequence)
        return kind, gap

    def _kind(self, sequence: int) -> tuple[str, int]:
        if not self._seen:
            return "first", 0
        newest = max(self._seen)
        if sequence > newest:
            gap = sequence - newest - 1
            return ("gap", gap) if gap else ("in_order", 0)
        if sequence < newest - self._window:
            return "reset", 0
        return ("duplicate" if sequence in self._seen else "late"), 0
