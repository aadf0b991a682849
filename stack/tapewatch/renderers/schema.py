"""The JSON Schema of the catalogue, beside the other generated files, for editors."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch import layout
from tapewatch_sdk.plugins import API_VERSION, File, Request

__all__ = ["SchemaRenderer"]


class SchemaRenderer:
    """`provisioning/catalogue.schema.json`; the same for every catalogue."""

    name = "schema"
    api_version = API_VERSION

    def render(self, request: Request) -> Iterator[File]:
        """The one file."""
        from tapewatch.catalogue.schema import schema_text

        yield File(layout.SCHEMA, schema_text())
