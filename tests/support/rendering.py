"""Catalogues that differ from the sample, and what a renderer makes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from support.samples import SAMPLE
from tapewatch.catalogue import Catalogue, load_text
from tapewatch_sdk.plugins import Dashboard, Renderer, Request

__all__ = ["render", "varied", "varied_text", "write"]


def varied_text(change: Callable[[dict[str, Any]], object]) -> str:
    """The sample as YAML, after `change` has worked on its data."""
    data = yaml.safe_load(SAMPLE)
    change(data)
    return yaml.safe_dump(data, sort_keys=False)


def varied(change: Callable[[dict[str, Any]], object]) -> Catalogue:
    """The sample's catalogue, after `change` has worked on its data."""
    return load_text(varied_text(change)).catalogue


def render(renderer: Renderer, catalogue: Catalogue, dashboards: Sequence[Dashboard] = ()) -> dict[str, str]:
    """The files that a renderer makes, text by path."""
    files = list(renderer.render(Request(catalogue, (), dashboards)))
    assert len({file.path for file in files}) == len(files), "a renderer wrote one path twice"
    return {file.path: file.text for file in files}


def write(files: Mapping[str, str], folder: Path) -> Path:
    """Writes files below a folder, and gives the folder."""
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text, encoding="utf-8")
    return folder
