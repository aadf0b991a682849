"""What the subcommands that work on the store share: where it is, and whoever has it open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from tapewatch.history.store.remote import RemoteReader

__all__ = ["ask", "counts", "moment", "reader_of", "store_options"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def store_options(command: _Command) -> _Command:
    """`--project` and `--database`."""
    command = click.option(
        "--project",
        type=click.Path(file_okay=False, path_type=Path),
        default=".",
        show_default=True,
        help="Folder of the project.",
    )(command)
    return click.option(
        "--database",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="DUCKDB_PATH",
        default=Path("data/observability.duckdb"),
        show_default=True,
        help="The store's file, inside the project unless it is absolute [variable DUCKDB_PATH].",
    )(command)


def moment(context: click.Context, option: click.Parameter, value: str | None) -> datetime | None:
    """The moment that an option says in ISO 8601; one without a zone is in UTC."""
    if value is None:
        return None
    try:
        found = datetime.fromisoformat(value)
    except ValueError:
        raise click.BadParameter(
            f"`{value}` is no time such as 2026-11-20 or 2026-11-20T12:00", context, option
        ) from None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


def reader_of(path: Path) -> RemoteReader | None:
    """Asks the process that has the store open; None when no process has.

    Raises:
        ProblemsError: there can be no socket.
    """
    from tapewatch.history.store import StoreGoneError, connect, socket_of
    from tapewatch_sdk.errors import ProblemsError

    try:
        return connect(socket_of(path))
    except StoreGoneError:
        return None
    except OSError as error:
        from tapewatch.history.serving.listening import no_socket

        raise ProblemsError([no_socket(path, error)]) from error


def ask(path: Path, work: str, **question: Any) -> Mapping[str, Any] | None:
    """Let the process that has the store open do something; None when no process has.

    Parameters:
        path: the store's file.
        work: what to do.
        question: with which values.

    Raises:
        ProblemsError: it could not.
    """
    reader = reader_of(path)
    if reader is None:
        return None
    try:
        (answer,) = reader.ask({"ask": work, **question}, None)
    finally:
        reader.close()
    found: Mapping[str, Any] = answer
    return found


def counts(rows: Mapping[str, int], verb: str) -> None:
    """Print how many rows of which table."""
    told = [f"{number:,} {name}" for name, number in rows.items() if number]
    click.echo(f"{verb} {', '.join(told) or 'nothing'}")
