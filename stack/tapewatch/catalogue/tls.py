"""TLS towards another server, the same for what is scraped and for where samples are sent."""

from __future__ import annotations

from tapewatch.schema.types import FilePath, Model

__all__ = ["Tls"]


class Tls(Model):
    """TLS towards a server; every secret is named by file."""

    ca_file: FilePath | None = None
    cert_file: FilePath | None = None
    key_file: FilePath | None = None
    server_name: str | None = None
    insecure_skip_verify: bool = False
