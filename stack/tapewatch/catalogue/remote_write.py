"""`stack.remote_write`: where Prometheus sends a copy of its samples."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import Field

from tapewatch.catalogue.tls import Tls
from tapewatch.schema.types import Duration, FilePath, LabelName, Model, Regex, Url

__all__ = ["Relabel", "RemoteWrite"]


class Relabel(Model):
    """Series whose label matches a regular expression as a whole."""

    label: LabelName = "__name__"
    regex: Regex


class RemoteWrite(Model):
    """Where Prometheus sends a copy of its samples, and what waits while nobody is there.

    The queue's numbers are Prometheus's own defaults unless said otherwise; they are written into its configuration
    all the same, so that another version of Prometheus holds as much.
    """

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    url: Url
    username: str | None = None
    password_file: FilePath | None = None
    credentials_file: FilePath | None = None
    headers: Mapping[str, str] = {}
    tls: Tls | None = None
    keep: tuple[Relabel, ...] = ()
    """Only series that match each of these are sent."""
    drop: tuple[Relabel, ...] = ()
    """Series that match one of these are not sent; looked at after `keep`."""
    send_exemplars: bool = True
    timeout: Duration = "30s"
    """How long one request may take."""
    max_shards: int = Field(10, ge=1)
    """Connections at most; Prometheus's own 50 are meant for a million samples a second."""
    capacity: int = Field(10000, ge=1)
    """Samples that the queue of one shard holds."""
    max_samples_per_send: int = Field(2000, ge=1)
    batch_send_deadline: Duration = "5s"
    """How long a batch waits to be full."""
    min_backoff: Duration = "30ms"
    max_backoff: Duration = "5s"
    retry_on_429: bool = True
    """Whether what the far end refuses as too much is tried again. Prometheus's own default loses it."""
    sample_age_limit: Duration | None = None
    """Samples that are older when their turn comes are not sent any more."""
