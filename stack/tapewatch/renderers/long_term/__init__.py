"""The engine that keeps metrics for years: its configuration, its bucket's rules, and how the others reach it."""

from tapewatch.renderers.long_term._renderer import LongTermRenderer
from tapewatch.renderers.long_term.front import Front, front, writes

__all__ = ["Front", "LongTermRenderer", "front", "writes"]
