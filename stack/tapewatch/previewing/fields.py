"""What a panel's model says about values: unit, thresholds, words, ends of the scale."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from tapewatch.previewing.numbers import formatted
from tapewatch.previewing.theme import color

__all__ = ["Fields", "Step"]

_UNIT = re.compile(r'"unit", "([^"]*)"')


@dataclass(frozen=True, slots=True)
class Step:
    """From a value on, a colour; the first one has no value.

    Parameters:
        value: where it begins.
        color: its colour.
    """

    value: float
    color: str


class Fields:
    """Reads a panel's model.

    Parameters:
        panel: the model.
    """

    def __init__(self, panel: Mapping[str, Any]) -> None:
        self.panel = panel
        self._defaults: Mapping[str, Any] = panel.get("fieldConfig", {}).get("defaults", {})
        self.custom: Mapping[str, Any] = self._defaults.get("custom", {})
        self.options: Mapping[str, Any] = panel.get("options", {})
        self.unit = str(self._defaults.get("unit") or "short")
        self.no_value = str(self._defaults.get("noValue") or "")
        self.minimum: float | None = self._defaults.get("min")
        self.maximum: float | None = self._defaults.get("max")

    @cached_property
    def steps(self) -> Sequence[Step]:
        """The thresholds, ascending."""
        given = self._defaults.get("thresholds", {}).get("steps", ())
        values = [(-math.inf if each.get("value") is None else float(each["value"]), each["color"]) for each in given]
        return [Step(value, color(name)) for value, name in values] or [Step(-math.inf, color("green"))]

    @cached_property
    def colors(self) -> Mapping[str, str]:
        """Name of a series -> its colour, where the panel decides it."""
        made: dict[str, str] = {}
        for override in self.panel.get("fieldConfig", {}).get("overrides", ()):
            names = override["matcher"].get("options", {})
            shades = [each["value"].get("fixedColor") for each in override["properties"] if each["id"] == "color"]
            if override["matcher"]["id"] == "byNames" and shades:
                made.update(dict.fromkeys(names["names"], color(str(shades[0]))))
        return made

    @cached_property
    def _configs(self) -> Sequence[tuple[str, str]]:
        """The queries that bring units and no data, by their letter: which series get the unit."""
        options = [each["options"] for each in self.panel.get("transformations", ()) if each["id"] == "configFromData"]
        return [(str(each["configRefId"]), str(each["applyTo"]["options"])) for each in options]

    def is_data(self, ref: str) -> bool:
        """Whether a query's answer is drawn."""
        return all(ref != config for config, _ in self._configs)

    def right_unit(self, name: str) -> str:
        """The unit of a series that is drawn against an axis on the right; empty for all others."""
        for ref, pattern in self._configs:
            if re.search(pattern, name):
                exprs = [str(each.get("expr", "")) for each in self.panel["targets"] if each["refId"] == ref]
                return next((match[1] for expr in exprs if (match := _UNIT.search(expr))), "")
        return ""

    @property
    def limits(self) -> Sequence[Step]:
        """The thresholds that stand at a value, each in the colour of its bad side."""
        pairs = zip(self.steps, self.steps[1:], strict=False)
        good = color("green")
        return [Step(here.value, here.color if here.color != good else before.color) for before, here in pairs]

    @cached_property
    def _words(self) -> Mapping[str, Mapping[str, Any]]:
        made: dict[str, Mapping[str, Any]] = {}
        for mapping in self._defaults.get("mappings", ()):
            if mapping.get("type") == "value":
                made.update(mapping["options"])
        return made

    def word(self, value: float) -> str:
        """The word for a value, where it has one."""
        return str(self._words.get(f"{value:g}", {}).get("text", ""))

    def text(self, value: float) -> str:
        """The word for a value, or the value with its unit."""
        return self.word(value) or formatted(value, self.unit)

    def color_of(self, value: float) -> str:
        """The colour of a value: of its word, or of the threshold that it has passed."""
        if name := self._words.get(f"{value:g}", {}).get("color"):
            return color(str(name))
        found = self.steps[0]
        for step in self.steps:
            if value >= step.value:
                found = step
        return found.color
