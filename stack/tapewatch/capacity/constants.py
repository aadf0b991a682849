"""What Prometheus takes, as it was measured."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from tapewatch.schema.types import Model

__all__ = ["FILE", "Constants", "Origin", "measured"]

FILE = Path(__file__).with_name("constants.yaml")


class Origin(Model):
    """Where the constants come from."""

    date: str
    machine: str
    prometheus: str
    command: str
    largest_error_percent: float
    """Of what was predicted for another size than those that it was fitted on."""


class Constants(Model):
    """What was measured; all of it is Prometheus's, scraping and writing to remote storage."""

    measured: Origin
    memory_base_bytes: float
    """Resident memory without series."""
    memory_series_bytes: float
    """Resident memory for each series of the head, with its labels, its open chunk and what scraping needs."""
    cpu_base_cores: float
    """Processor time a second without series."""
    cpu_sample_seconds: float
    """Processor time for a sample: scraped, stored in the head and its log, sent to remote storage."""
    disk_sample_bytes: float
    """Bytes of a sample in a block."""
    disk_series_bytes: float
    """Bytes of a series in each block, in its index and the heads of its chunks."""
    log_sample_bytes: float
    """Bytes of a sample in the log of the head, compressed as it is by default."""
    scrape_sample_bytes: float
    """Bytes on the wire for a sample that is scraped, compressed."""
    remote_sample_bytes: float
    """Bytes on the wire for a sample that is sent to remote storage."""


@cache
def measured() -> Constants:
    """The constants that come with tapewatch."""
    return Constants.model_validate(yaml.safe_load(FILE.read_text(encoding="utf-8")))
