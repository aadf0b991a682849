"""What holds for some series or columns of a panel alone: a colour, a unit of their own.

Grafana's strict schema wants objects where Grafana itself takes any value: a matcher of names, a colour and a style of
cells are objects, a unit and a regular expression are not. So a unit comes as the answer to a query, which the
transformation `configFromData` hands to the series; one of another unit than the rest gets the axis on the right.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tapewatch_dashboards.facade.queries import Query, Target

__all__ = ["UNIT", "in_background", "in_color", "names_of", "of_words", "with_unit"]

UNIT = "unit"
"""How the letter of a query begins that is not drawn, but tells a unit."""


def names_of(pattern: str, queries: Iterable[Query]) -> list[str]:
    """Names of the series that a regular expression means: the legends that it matches, or itself where none is."""
    return [query.legend for query in queries if re.fullmatch(pattern, query.legend)] or [pattern]


def in_color(names: Sequence[str], color: str) -> dict[str, Any]:
    """An override: series of these names have this colour."""
    return _override(names, {"id": "color", "value": {"mode": "fixed", "fixedColor": color}})


def in_background(heading: str) -> dict[str, Any]:
    """An override: the cells of a column are filled with the colours of their words."""
    return _override([heading], {"id": "custom.cellOptions", "value": {"type": "color-background"}})


def of_words(words: Mapping[str, str]) -> list[dict[str, Any]]:
    """Mappings of a panel: words and their colours."""
    options = {word: {"color": color, "index": index} for index, (word, color) in enumerate(words.items())}
    return [{"type": "value", "options": options}] if options else []


def with_unit(names: Sequence[str], unit: str, number: int) -> tuple[Target, dict[str, Any]]:
    """The query that tells a unit, and the transformation that hands it to the series of these names.

    Parameters:
        number: tells several of one panel apart.
    """
    ref = f"{UNIT}{number}"
    query = Query(f'label_replace(vector(1), "{UNIT}", "{unit}", "", "")', ref, instant=True, format="table")
    options = {
        "configRefId": ref,
        "applyTo": {"id": "byRegexp", "options": f"^({'|'.join(map(re.escape, names))})$"},
        "mappings": [
            {"fieldName": UNIT, "handlerKey": UNIT},
            *({"fieldName": name, "handlerKey": "__ignore"} for name in ("Time", "Value", f"Value #{ref}")),
        ],
    }
    return Target(query, ref), {"id": "configFromData", "options": options}


def _override(names: Sequence[str], setting: Mapping[str, Any]) -> dict[str, Any]:
    options = {"mode": "include", "names": list(names), "prefix": "All except:", "readOnly": False}
    return {"matcher": {"id": "byNames", "options": options}, "properties": [setting]}
