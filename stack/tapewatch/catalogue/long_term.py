"""`stack.long_term`: an engine that keeps metrics for years in an object store."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from tapewatch.schema.types import Address, Duration, FilePath, Model

__all__ = ["LongTerm", "ObjectStore", "Tiers"]


class ObjectStore(Model):
    """A bucket that speaks S3."""

    endpoint: Address
    """`host:port` of the store, such as `s3.eu-west-2.amazonaws.com:443`."""
    bucket: str = Field(pattern=r"^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$")
    """Its name; each program keeps what is its own under a prefix of its own."""
    region: str = "us-east-1"
    credentials_file: FilePath
    """File with the key, in the form of AWS's shared credentials (`[default]`, `aws_access_key_id = ...`)."""
    tls: bool = True
    """Whether the store is asked by https."""
    path_style: bool = False
    """Whether the bucket stands in the path instead of the host's name, as MinIO and its like want it."""


class Tiers(Model):
    """How long metrics are kept where, counted from their own time; `stack.retention.metrics` is the tier before."""

    object_store: Duration = "90d"
    """How long they lie in the store's standard class."""
    archive: Duration | None = None
    """How long they are there at all: after `object_store` in the archive class; gone after `object_store` if unset."""
    archive_class: Literal["GLACIER_IR", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING"] = "GLACIER_IR"
    """Storage class of the archive. Only those whose objects are read at once: an engine opens every block it lists."""


class LongTerm(Model):
    """Where every sample goes besides Prometheus itself, and is queried from."""

    engine: Literal["mimir", "thanos"]
    object_store: ObjectStore | None = None
    """The bucket; an engine cannot be without it."""
    address: Address | None = None
    """`host:port` where the engine is asked, where it is somebody else's to run, such as by its makers' chart."""
    write_address: Address | None = None
    """The same where it takes samples, if that is another place."""
    retention: Tiers = Tiers()
    by_role: bool = False
    """Whether each role of Mimir is a process of its own instead of all in one; Thanos has no other way."""
    replicas: int = Field(1, ge=1, le=26)
    """Processes of the engine (of each role that takes samples in); three survive the loss of one."""
