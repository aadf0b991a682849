"""Dashboards as a person would see them: variables chosen, macros filled in, every query of every panel asked."""

from __future__ import annotations

from tapewatch.viewing.answers import Answer, Line, PanelView, Series, State
from tapewatch.viewing.moment import Moment, since_now
from tapewatch.viewing.sources import Sources
from tapewatch.viewing.view import View, view

__all__ = ["Answer", "Line", "Moment", "PanelView", "Series", "Sources", "State", "View", "since_now", "view"]
