"""What it costs."""

from __future__ import annotations

from pathlib import Path

import yaml
from pydantic import Field, ValidationError

from tapewatch.capacity.model import GB, Needs
from tapewatch.schema.types import Model
from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

__all__ = ["EXAMPLE", "Prices", "money", "read_prices"]

EXAMPLE = Path(__file__).with_name("prices.example.yaml")

MONTH = 30 * 24 * 3600.0
"""Seconds."""


class Prices(Model):
    """What a month costs, in one currency."""

    currency: str
    source: str
    """Where the prices come from."""
    date: str
    """Of when they are."""
    core_month: float = Field(ge=0)
    memory_gb_month: float = Field(ge=0)
    disk_gb_month: float = Field(ge=0)
    object_gb_month: float = Field(ge=0)
    network_gb: float = Field(ge=0)
    """Of what is sent to remote storage; what is scraped stays at home."""


def read_prices(file: Path | None) -> Prices:
    """Prices from a file; the example's without one.

    Raises:
        ProblemsError: the file cannot be read, or something is missing in it.
    """
    path = file or EXAMPLE
    try:
        return Prices.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise ProblemsError([_bad(path, error)]) from error


def money(needed: Needs, prices: Prices) -> dict[str, float]:
    """What each thing costs a month, by its name."""
    return {
        "memory": needed.servers * needed.memory / GB * prices.memory_gb_month,
        "processor": needed.servers * needed.cores * prices.core_month,
        "disk": needed.servers * needed.disk / GB * prices.disk_gb_month,
        "object storage": needed.objects / GB * prices.object_gb_month,
        "network": needed.sent * MONTH / GB * prices.network_gb,
    }


def _bad(path: Path, error: Exception) -> Problem:
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        what = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
    else:
        what = str(error).splitlines()[0]
    return Problem(
        code="capacity/prices",
        summary=f"{path}: {what}",
        must="a file of prices has currency, source, date, and a number for each unit",
        fix=f"write it as {EXAMPLE.name} is written: `tapewatch plan capacity --help` says where that is",
        where=Place(file=str(path)),
    )
