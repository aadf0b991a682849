"""A catalogue whose names are as odd as the catalogue's rules allow."""

from __future__ import annotations

from typing import Any

from support.rendering import varied
from tapewatch.catalogue import Catalogue

__all__ = ["odd", "with_domains"]

HELP = 'Says """quoted""" \\ and {braces}\nin two lines, from right to left \u202e, ü 😀, the *end*/'

DOMAINS: dict[str, Any] = {
    "2 fast, été": {
        "a:b_total": {"type": "counter", "labels": ["class", "type", "fn", "self", "typed", "None", "_x"]},
        ":begins": {"type": "gauge", "help": HELP, "unit": "odd \\ \" unit '"},
        "_private": {"type": "gauge", "help": '"'},
        "__dunder__": {"type": "gauge", "help": "It's \"both\" and more 'than' that"},
        "typed": {"type": "gauge", "help": "a" * 200},
        "after_typed": {"type": "gauge", "labels": ["Counter", "BySymbol", "str", "dict"]},
    },
    "counter": {
        "class": {"type": "gauge"},
        "fn": {"type": "gauge", "labels": ["fn"]},
        "mixedCase_total": {"type": "counter", "labels": ["mixedCase", "a_b", "c"], "help": "語" * 70},
        "match": {"type": "summary", "labels": ["a", "b_c"], "unit": "bytes"},
        "plain_summary": {"type": "summary", "help": "A summary without labels"},
        "one_bound": {"type": "histogram", "buckets": [-5, 1e16], "labels": ["Zone", "a"]},
        "many_bounds": {"type": "histogram", "buckets": [each / 7 for each in range(1, 40)], "labels": ["zone"]},
    },
    "None": {"only": {"type": "counter", "labels": ["x"]} | {"type": "gauge"}},
    "by_x": {"taken": {"type": "gauge", "labels": [f"label_number_{each}" for each in range(9)]}},
    "": {},
    "metric": {},
}


def with_domains(domains: dict[str, Any], **services: Any) -> Catalogue:
    """The sample with these domains and services in place of its own."""

    def change(data: dict[str, Any]) -> None:
        data["domains"] = domains
        data["services"] = services
        data["stack"]["simulate"] = False
        data["routing"]["teams"] = {}

    return varied(change)


def odd() -> Catalogue:
    """The catalogue."""
    return with_domains(DOMAINS)
