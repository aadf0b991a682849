"""A small panel for any family, from what the catalogue says of it: a new domain has its panels the day it enters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from grafanalib import core

from tapewatch_dashboards.facade.layout import Row, row
from tapewatch_dashboards.facade.panels import heatmap, timeseries
from tapewatch_dashboards.facade.queries import Query
from tapewatch_dashboards.facade.sheet import Sheet
from tapewatch_sdk.families import Family, MetricType

__all__ = ["compact", "everything"]

_ACROSS = 4
_HEIGHT = 6

_POINT_IN_TIME = "_timestamp_seconds"
"""How the name of a gauge ends that tells when something was; what a person wants to know is how long ago."""


def everything(sheet: Sheet, families: Iterable[Family], title: str) -> Iterator[Row]:
    """A collapsed row with a panel for each family.

    Parameters:
        sheet: the dashboard's.
        families: what it shows, in this order.
        title: heading of the row.
    """
    panels = [compact(sheet, family) for family in families]
    for start in range(0, len(panels), _ACROSS):
        some = panels[start : start + _ACROSS]
        widths = [24 // _ACROSS] * len(some)
        widths[-1] += 24 - sum(widths)
        yield row(*some, title="" if start else title, collapsed=True, height=_HEIGHT, widths=widths)


def compact(sheet: Sheet, family: Family) -> core.Panel:
    """The panel of one family: rates of a counter, values of a gauge, buckets of a histogram, quantiles of a summary.

    It is called what the family is called, for that is what people look for.
    """
    said = family.help.rstrip(".?") or family.name
    if family.type is MetricType.HISTOGRAM:
        question = f"{said}: how is it spread over time?"
        heat = sheet.heat(family.name)
        return heatmap(family.name, question, heat, unit=sheet.unit(family.name), no_value="nothing measured yet")
    if family.type is MetricType.COUNTER:
        rate, unit = sheet.rate(family.name, by=family.labels), sheet.unit(family.name, rate=True)
        return timeseries(family.name, f"{said}: how fast?", rate, unit=unit, no_value="nothing counted yet")
    question = f"{said}: how much is it?"
    return timeseries(family.name, question, _value(sheet, family), unit=sheet.unit(family.name))


def _value(sheet: Sheet, family: Family) -> Query:
    """A gauge, or the quantiles of a summary; of several instances the largest."""
    if family.type is MetricType.SUMMARY:
        by = ("service", *family.labels, "quantile")
        legend = " ".join(f"{{{{{label}}}}}" for label in by[1:])
        return Query(f"max by ({', '.join(by)}) ({sheet.of(family.name)})", legend)
    query = sheet.value(family.name, by=family.labels, how="max")
    return Query(f"time() - {query.expr}", query.legend) if family.name.endswith(_POINT_IN_TIME) else query
