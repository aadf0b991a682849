"""What `backup`, `restore` and `drill disaster` share: where the data is, where backups are, and the key."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from tapewatch.cli._common import environ_of

if TYPE_CHECKING:
    from tapewatch.saving.places import Place
    from tapewatch.saving.sealing import Key
    from tapewatch.saving.targets import Target

__all__ = ["Where", "key_of", "place_options", "store_options", "target_from"]

Command = TypeVar("Command", bound=Callable[..., Any])

_FILE = click.Path(dir_okay=False, path_type=Path)
_FOLDER = click.Path(file_okay=False, path_type=Path)


def place_options(command: Command) -> Command:
    """Where the stack's data is."""
    for option in (
        click.option(
            "--database",
            type=_FILE,
            envvar="DUCKDB_PATH",
            help="With --data: the history's file; by default history/observability.duckdb in there, else in the "
            "project's data [variable DUCKDB_PATH].",
        ),
        click.option(
            "--data",
            type=_FOLDER,
            help="Folder with a folder for each part, such as /var/lib/tapewatch or data/embedded/data; without it "
            "the stack in containers is meant.",
        ),
        click.option(
            "--project-name", metavar="NAME", help="Compose's name of the stack, if it is not the one in the file."
        ),
        click.option("--env", "use_env", is_flag=True, help="Take ${NAME:-default} from the environment."),
        click.option("--project", type=_FOLDER, default=".", show_default=True, help="Folder of the project."),
    ):
        command = option(command)
    return command


def store_options(command: Command) -> Command:
    """How backups are kept: the object store and the key."""
    for option in (
        click.option("--credentials-file", type=_FILE, help="The store's key, as AWS's shared credentials."),
        click.option("--region", default="us-east-1", show_default=True, help="The store's region."),
        click.option("--endpoint", metavar="URL", default="", help="The store, if it is not AWS's own."),
        click.option("--key-file", type=_FILE, help="File with the key of the backup (age)."),
    ):
        command = option(command)
    return command


@dataclass(frozen=True)
class Where:
    """The stack that the options mean.

    Parameters:
        project, use_env, project_name, data, database: as given.
    """

    project: Path
    use_env: bool
    project_name: str | None
    data: Path | None
    database: Path | None

    def place(self, *, new: bool = False, make: bool = False) -> Place:
        """Its data.

        Parameters:
            new: whether something is to come in, so that it may be empty.
            make: whether containers and volumes are made for that.
        """
        if self.data is None:
            from tapewatch.cli._compose import open_stack
            from tapewatch.saving.volumes import volumes

            return volumes(open_stack(self.project, self.project_name), new=make)
        from tapewatch.catalogue import load
        from tapewatch.project import CATALOGUE
        from tapewatch.saving.places import folders

        environ: Mapping[str, str] = environ_of(self.use_env)
        ports = load(self.project / CATALOGUE, environ).catalogue.stack.ports
        return folders(self.data.absolute(), ports, self._database(self.data), new=new)

    def _database(self, data: Path) -> Path:
        if self.database is not None:
            return self.project / self.database
        own = data / "history" / "observability.duckdb"
        if own.exists() or own.parent.is_dir():
            return own
        return self.project / os.environ.get("DUCKDB_PATH", "data/observability.duckdb")


def target_from(text: str, endpoint: str, region: str, credentials: Path | None) -> Target:
    """Where backups are kept."""
    from tapewatch.saving.targets import S3Options, target_of

    return target_of(text, S3Options(endpoint, region, credentials))


def key_of(file: Path | None) -> Key | None:
    """The key, if one is given."""
    from tapewatch.saving.sealing import Key

    return Key(file) if file else None
