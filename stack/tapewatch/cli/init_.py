"""`tapewatch init`."""

from __future__ import annotations

from pathlib import Path

import click

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

_IGNORED = "# What tapewatch keeps while it writes; the generated files themselves are committed.\n/.tapewatch/\n"


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Start a project in a new FOLDER.

    It gets the sample catalogue of a trading platform.

    \b
    Example:
      tapewatch init demo && cd demo && tapewatch generate && tapewatch test
    """
    from tapewatch.sample import sample_catalogue

    catalogue = folder / "catalogue.yaml"
    if catalogue.exists():
        raise ProblemsError([_exists(catalogue)])
    folder.mkdir(parents=True, exist_ok=True)
    catalogue.write_text(sample_catalogue(), encoding="utf-8")
    ignored = folder / ".gitignore"
    if not ignored.exists():
        ignored.write_text(_IGNORED, encoding="utf-8")
    click.echo(f"created {catalogue}\nnext: cd {folder} && tapewatch generate && tapewatch test")


def _exists(catalogue: Path) -> Problem:
    return Problem(
        code="init/exists",
        summary=f"{catalogue} is there already",
        must="a project starts in a folder without a catalogue",
        fix="choose another folder",
        where=Place(file=str(catalogue)),
    )
