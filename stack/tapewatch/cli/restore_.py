"""`tapewatch restore`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tapewatch.cli._saving import Where, key_of, place_options, store_options, target_from
from tapewatch.units import size

if TYPE_CHECKING:
    from tapewatch.saving.restoring import Backup


@click.command("restore")
@click.argument("source")
@place_options
@store_options
@click.option("--backup", "name", metavar="NAME", default="", help="Which one; the newest by default.")
@click.option("--replace", is_flag=True, help="Have the backup's data instead of what is there.")
@click.option("--yes", is_flag=True, help="Do it; without this it is only shown.")
def command(
    source: str, key_file: Path | None, endpoint: str, region: str, credentials_file: Path | None, name: str,
    replace: bool, yes: bool, **where: Any,
) -> None:  # fmt: skip
    """Bring back what `tapewatch backup` saved to SOURCE.

    Every checksum is checked before anything is touched. Then it is shown what comes where; with --yes it is done. The
    stack must not run, and its data must be empty unless --replace is given.

    \b
    Examples:
      tapewatch restore /srv/backups --key-file backup.key
      tapewatch restore /srv/backups --key-file backup.key --yes
      tapewatch restore s3://backups/desk --credentials-file s3.key --key-file key
    """
    from tapewatch.saving.restoring import Backup, check, plan, restore

    def told(text: str) -> None:
        click.echo(text, err=True)

    stack = Where(**where)
    backup = Backup(target_from(source, endpoint, region, credentials_file), name, key_of(key_file))
    backup.verify(told)
    manifest = backup.manifest
    click.echo(
        f"{manifest.name}: {size(manifest.size)} of {manifest.place}, taken {manifest.began:%Y-%m-%d %H:%M:%S} UTC by "
        f"tapewatch {manifest.tapewatch}; all checksums hold"
    )
    empty = not (stack.project / "catalogue.yaml").is_file()
    if empty and not yes:
        click.echo(
            f"catalogue and generated files go into {stack.project.absolute()}, and what they name then; "
            "nothing was touched, --yes does it"
        )
        return
    if empty:
        _project(backup, stack.project, replace)
    place = stack.place(new=True, make=yes)
    steps = plan(manifest, place, replace)
    for step in steps:
        full = "" if replace or not step.full else "; NOT EMPTY, needs --replace"
        click.echo(f"{step.part:<13} {step.words}{full}")
    if not yes:
        click.echo("nothing was touched; --yes does it")
        return
    check(place, steps, replace)
    if not empty:
        _project(backup, stack.project, replace)
    restore(backup, place, steps, told)
    click.echo(f"restored {manifest.name}; start the stack again")


def _project(backup: Backup, project: Path, replace: bool) -> None:
    from tapewatch.saving.restoring import restore_project

    for line in restore_project(backup, project, replace):
        click.echo(f"{'project':<13} {line}")
