"""`tapewatch schema`."""

from __future__ import annotations

import click


@click.command("schema")
def command() -> None:
    """Print the JSON Schema of the catalogue, for editors.

    `tapewatch generate` writes the same to provisioning/catalogue.schema.json.

    \b
    Example:
      tapewatch schema > catalogue.schema.json
    """
    from tapewatch.catalogue.schema import schema_text

    click.echo(schema_text(), nl=False)
