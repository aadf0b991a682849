"""`tapewatch backup`."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tapewatch.cli._saving import Where, key_of, place_options, store_options, target_from
from tapewatch.units import size

if TYPE_CHECKING:
    from tapewatch.saving.manifest import Manifest


@click.command("backup")
@click.argument("target")
@place_options
@store_options
@click.option("--make-key", is_flag=True, help="Write a new key to --key-file if it is not there.")
@click.option("--unencrypted", is_flag=True, help="Without a key; passwords and keys are left out then.")
def command(
    target: str, key_file: Path | None, endpoint: str, region: str, credentials_file: Path | None, make_key: bool,
    unencrypted: bool, **where: Any,
) -> None:  # fmt: skip
    """Save the whole stack to TARGET: a folder, or s3://BUCKET/PREFIX.

    Metrics (the last seconds too), silences, notification log, history, Grafana's own database, catalogue and generated
    files, each with checksums; the stack goes on meanwhile. What is not saved is named. Each backup has a name of its
    own, older ones stay, and one that is interrupted leaves nothing.

    \b
    Examples:
      tapewatch backup /srv/backups --key-file backup.key --make-key
      tapewatch backup /srv/backups --key-file key --data /var/lib/tapewatch
      tapewatch backup s3://backups/desk --key-file key --credentials-file s3.key
    """
    from tapewatch.saving.failures import no_key
    from tapewatch.saving.sealing import make_key as made
    from tapewatch.saving.taking import take

    for ended in (signal.SIGINT, signal.SIGTERM):  # either way it clears up
        signal.signal(ended, lambda number, frame: sys.exit(128 + number))
    if bool(key_file) == unencrypted:
        raise no_key("there is neither --key-file nor --unencrypted" if not key_file else "there are both")
    if key_file and make_key and not key_file.exists():
        made(key_file)
        click.echo(f"made the key {key_file}: keep a copy where this machine's end does not reach it", err=True)
    key = key_of(key_file)
    stack = Where(**where)
    kept = target_from(target, endpoint, region, credentials_file)
    manifest = take(stack.place(), stack.project, kept, key, lambda text: click.echo(text, err=True))
    _tell(manifest, target)


def _tell(manifest: Manifest, target: str) -> None:
    for name, part in manifest.parts.items():
        facts = "".join(f", {value:,.10g} {key.replace('_', ' ')}" for key, value in part.facts.items())
        click.echo(f"{name:<13} {size(part.size):>8}  {len(part.files)} files in {part.seconds:.1f} s{facts}")
    for name, why in manifest.missing.items():
        click.echo(f"{name:<13} not saved: {why}")
    for note in manifest.notes:
        click.echo(f"note: {note}")
    click.echo(f"saved {manifest.name} to {target}: {size(manifest.size)}")
