"""The sample catalogue, with which `tapewatch init` starts a project."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

__all__ = ["sample_catalogue"]


def sample_catalogue() -> str:
    """Text of the sample catalogue.

    An installed distribution carries a copy of the repository's `catalogue.yaml`; in a checkout it is that file.
    """
    packaged = files("tapewatch") / "sample_catalogue.yaml"
    if packaged.is_file():
        return packaged.read_text(encoding="utf-8")
    return (Path(__file__).parents[2] / "catalogue.yaml").read_text(encoding="utf-8")
