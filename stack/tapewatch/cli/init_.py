"""`tapewatch init`."""

from __future__ import annotations

from pathlib import Path

import click

from tapewatch_sdk.errors import ProblemsError
from tapewatch_sdk.problems import Place, Problem

_IGNORED = (
    "# What tapewatch keeps while it writes, what a drill adds while it runs, and secrets.\n"
    "# The generated files are committed.\n"
    "/.tapewatch/\n/provisioning/prometheus/*/drill-*.yml\n/secrets/\n"
)
_KEPT_BACK = "# The image needs nothing of this folder, so nothing of it goes to the docker daemon.\n*\n"


@click.command("init")
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def command(folder: Path) -> None:
    """Start a project in a new FOLDER.

    It gets the sample catalogue of a trading platform, and the Dockerfile of the sample platform.

    \b
    Example:
      tapewatch init demo && cd demo && tapewatch generate && tapewatch test
    """
    from tapewatch.sample import sample_catalogue, sample_dockerfile

    catalogue = folder / "catalogue.yaml"
    if catalogue.exists():
        raise ProblemsError([_exists(catalogue)])
    folder.mkdir(parents=True, exist_ok=True)
    catalogue.write_text(sample_catalogue(), encoding="utf-8")
    _add(folder / ".gitignore", _IGNORED)
    if _add(folder / "Dockerfile", sample_dockerfile()):
        _add(folder / ".dockerignore", _KEPT_BACK)
    else:
        click.echo(f"kept {folder / 'Dockerfile'}: put `simulate: false` into the catalogue unless it builds tapewatch")
    click.echo(f"created {catalogue}\nnext: cd {folder} && tapewatch generate && tapewatch test")


def _add(path: Path, text: str) -> bool:
    """Write a file, unless there is one; whether it was written."""
    if path.exists():
        return False
    path.write_text(text, encoding="utf-8")
    return True


def _exists(catalogue: Path) -> Problem:
    return Problem(
        code="init/exists",
        summary=f"{catalogue} is there already",
        must="a project starts in a folder without a catalogue",
        fix="choose another folder",
        where=Place(file=str(catalogue)),
    )
