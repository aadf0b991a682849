"""The bridge: asks every service for its metrics, once a second, and never makes a number up.

| module | what |
|---|---|
| bridge | all targets at once, in a loop that keeps its beat |
| targets | what is asked, from the catalogue |
| asking | one target: its connection, its limits, its pauses after a failure |
| parser | an answer into series and values; what a target exposes again is only floated |
"""

from __future__ import annotations

from tapewatch.history.bridge.bridge import Bridge, Round
from tapewatch.history.bridge.parser import GarbageError, Parser
from tapewatch.history.bridge.targets import Target, targets_of

__all__ = ["Bridge", "GarbageError", "Parser", "Round", "Target", "targets_of"]
