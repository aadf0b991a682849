"""The kinds of panels that grafanalib lacks, or makes for an older Grafana."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from grafanalib import core

__all__ = ["BarGauge", "Candlestick", "Gauge", "Heatmap", "NodeGraph"]

_REDUCED = {"reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False}}
_LEGEND = {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": True}}


class _Visual(core.Panel):  # type: ignore[misc]
    """A panel with one unit and its own kind.

    Parameters:
        unit: a Grafana unit id.
        no_value: what is shown instead of nothing.
        more: grafanalib's own parameters of a panel.
    """

    def __init__(self, *, unit: str = "short", no_value: str = "", **more: Any) -> None:
        super().__init__(**more)
        self.unit = unit
        self.no_value = no_value

    def _json(self, kind: str, options: dict[str, Any], defaults: dict[str, Any]) -> Any:
        own = {"unit": self.unit, "noValue": self.no_value or None, **defaults}
        return self.panel_json({"type": kind, "options": options, "fieldConfig": {"defaults": own, "overrides": []}})


class _Scaled(_Visual):
    """One that draws between two ends.

    Parameters:
        minimum, maximum: the ends.
    """

    def __init__(self, *, minimum: float | None = None, maximum: float | None = None, **more: Any) -> None:
        super().__init__(**more)
        self._ends = {"min": minimum, "max": maximum, "color": {"mode": "thresholds"}}


class Gauge(_Scaled):
    """A dial for each series."""

    def to_json_data(self) -> Any:
        """The panel's JSON."""
        options = {**_REDUCED, "showThresholdMarkers": True, "showThresholdLabels": False}
        return self._json("gauge", options, self._ends)


class BarGauge(_Scaled):
    """A bar for each series.

    Parameters:
        vertical: whether the bars stand.
    """

    def __init__(self, *, vertical: bool = False, **more: Any) -> None:
        super().__init__(**more)
        self.vertical = vertical

    def to_json_data(self) -> Any:
        """The panel's JSON."""
        orientation = "vertical" if self.vertical else "horizontal"
        options = {**_REDUCED, "orientation": orientation, "displayMode": "basic", "showUnfilled": True}
        # Grafana leaves out the name of a bar that stands alone, unless it is set.
        named = {} if self.vertical else {"displayName": "${__series.name}"}
        return self._json("bargauge", options, {**self._ends, **named})


class Heatmap(_Visual):
    """Buckets of a classic histogram over time.

    Parameters:
        data_links: where a click leads.
    """

    def __init__(self, *, data_links: Sequence[Mapping[str, Any]] = (), **more: Any) -> None:
        super().__init__(**more)
        self.data_links = list(data_links)

    def to_json_data(self) -> Any:
        """The panel's JSON."""
        options = {
            "calculate": False,
            "cellGap": 1,
            "color": {"mode": "scheme", "scheme": "Blues", "steps": 32, "exponent": 0.5, "fill": "dark-blue"},
            "exemplars": {"color": "rgba(255,0,255,0.7)"},
            "filterValues": {"le": 1e-9},
            "legend": {"show": True},
            "rowsFrame": {"layout": "auto"},
            "tooltip": {"show": True, "yHistogram": False},
            "yAxis": {"axisPlacement": "left", "unit": self.unit},
        }
        return self._json("heatmap", options, {"unit": "short", "links": self.data_links, "custom": {}})


class Candlestick(_Visual):
    """Open, high, low, close; the queries carry these names as legends.

    A volume is drawn on a panel of its own: with one in here Grafana 9 lets the prices begin at 0, where no candle can
    be told from the next.
    """

    def to_json_data(self) -> Any:
        """The panel's JSON."""
        names = ("open", "high", "low", "close")
        options = {
            **_LEGEND,
            "mode": "candles",
            "candleStyle": "candles",
            "colorStrategy": "open-close",
            "colors": {"up": "green", "down": "red"},
            "fields": {name: name for name in names},
            "includeAllFields": False,
        }
        made = self._json("candlestick", options, {"custom": {"axisPlacement": "auto"}})
        made["transformations"] = [{"id": "joinByField", "options": {"byField": "Time", "mode": "outer"}}]
        return made


class NodeGraph(_Visual):
    """Nodes and edges."""

    def to_json_data(self) -> Any:
        """The panel's JSON."""
        return self._json("nodeGraph", {"nodes": {}, "edges": {}}, {})
