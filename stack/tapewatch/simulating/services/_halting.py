"""Whether trading is halted, as those know it who trade."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from tapewatch.simulating.scene import Scene
from tapewatch.simulating.wire import Answer, Unreachable

__all__ = ["ASK_EVERY", "Halted"]

ASK_EVERY = 5.0
"""Simulated seconds after which the risk manager is asked again, in case that its word was lost."""


class Halted:
    """What the risk manager said last. Being told is a reason to ask it, and no more: anybody might tell.

    Attributes:
        now: whether trading is halted.
    """

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._ask_at = 0.0
        self.now = False

    def look(self, *_: Answer | Mapping[str, str]) -> Answer:
        """Ask the risk manager."""
        with suppress(Unreachable, KeyError):  # without an answer, what it said last holds
            self.now = bool(self._scene.wire.ask("risk", "/kill-switch")["active"])
        return {"halted": self.now}

    def advance(self, now: float) -> None:
        """Ask now and then."""
        if now >= self._ask_at:
            self._ask_at = now + ASK_EVERY
            self.look()
