"""Collectors: plugins that turn the samples of a round into rows of their own tables."""

from __future__ import annotations

from tapewatch.history.collecting.engine import Collectors
from tapewatch.history.collecting.host import Host

__all__ = ["Collectors", "Host"]
