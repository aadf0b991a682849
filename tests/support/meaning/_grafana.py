"""Data sources and dashboards, out of what Grafana reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from support.meaning._model import Meaning

__all__ = ["add_dashboards", "add_sources"]

Data = dict[str, Any]

_KEYED = ("basicAuth", "basicAuthUser", "secureJsonData")
"""What a data source has where the history asks for its key."""


def add_sources(meaning: Meaning, sources: Data, file: str) -> None:
    """Every data source by its UID; of its URL the path."""
    for index, source in enumerate(sources["datasources"]):
        value = {key: each for key, each in source.items() if key not in _KEYED}
        value["url"] = urlsplit(source["url"]).path
        data = dict(value.get("jsonData", {}))
        for key in ("allowedHosts", "auth_method"):
            data.pop(key, None)
        meaning.add("data source", source["uid"], {**value, "jsonData": data}, f"{file}: datasources[{index}]")


def add_dashboards(meaning: Meaning, files: Mapping[str, str]) -> None:
    """Every dashboard by its UID."""
    for file, text in files.items():
        model = json.loads(text)
        meaning.add("dashboard", model["uid"], model, f"{file}: .")
