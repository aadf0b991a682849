"""Catalogues for tests: the sample, small ones, large ones."""

from __future__ import annotations

from pathlib import Path

import yaml

from tapewatch.catalogue import Catalogue, load_text
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Problem

__all__ = ["ROOT", "SAMPLE", "edited", "large", "load_sample", "problems_in"]

ROOT = Path(__file__).parents[2]
SAMPLE = (ROOT / "catalogue.yaml").read_text(encoding="utf-8")


def edited(*replacements: tuple[str, str]) -> str:
    """The sample with texts replaced; each must stand in it."""
    text = SAMPLE
    for old, new in replacements:
        assert old in text, f"the sample has no {old!r}"
        text = text.replace(old, new, 1)
    return text


def load_sample(*replacements: tuple[str, str]) -> Catalogue:
    """The sample's catalogue, with texts replaced."""
    return load_text(edited(*replacements)).catalogue


def problems_in(text: str) -> list[Problem]:
    """What is wrong with a catalogue; empty when nothing is."""
    try:
        load_text(text)
    except ProblemsError as error:
        return list(error.problems)
    return []


def large(count: int) -> str:
    """The sample with `count` services in place of its own, of the sample's kinds."""
    data = yaml.safe_load(SAMPLE)
    kinds = [service for service in data["services"].values() if "address" in service and not service.get("depends_on")]
    kinds += [service for service in data["services"].values() if service.get("depends_on") and "address" in service]
    data["services"] = {
        f"service-{number:05}": {
            **{key: value for key, value in kinds[number % len(kinds)].items() if key != "depends_on"},
            "address": f"service-{number:05}.internal:{10000 + number % 5}",
        }
        for number in range(count)
    }
    return yaml.safe_dump(data, sort_keys=False)
