"""`tapewatch history serve`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tapewatch.cli._common import environ_of, project_options

__all__ = ["command"]

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command("serve")
@project_options
@click.option(
    "--database",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="DUCKDB_PATH",
    default=Path("data/observability.duckdb"),
    show_default=True,
    help="The store's file, inside the project unless it is absolute [variable DUCKDB_PATH].",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="Port; 0: any free one.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1, 3600),
    default=1.0,
    show_default=True,
    help="Seconds from scrape to scrape.",
)
@click.option(
    "--prometheus",
    metavar="URL",
    multiple=True,
    help="The Prometheus whose alerts are written down; of each shard one.",
)
@click.option("--prometheus-token", metavar="FILE", type=_FILE, help="A token for it.")
@click.option(
    "--peer", "peers", metavar="URL", multiple=True, help="Another history of the same services, with the same API key."
)
@click.option(
    "--api-key-file",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    envvar="TAPEWATCH_API_KEY_FILE",
    help="The key that callers must show; needed for all but loopback [variable TAPEWATCH_API_KEY_FILE].",
)
@click.option(
    "--allow-host", "allow_hosts", metavar="NAME", multiple=True, help="A further name under which it is reached."
)
@click.option("--workers", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes that answer.")
@click.option("--tls-key", metavar="FILE", type=_FILE, help="Key of TLS, in PEM form.")
@click.option("--tls-certificate", metavar="FILE", type=_FILE, help="Its certificate, in PEM form.")
@click.option(
    "--rate", type=click.FloatRange(min=0), default=50.0, show_default=True, help="Requests a second of one client."
)
@click.option(
    "--batch-size",
    type=click.IntRange(1),
    envvar="BATCH_SIZE",
    default=100,
    show_default=True,
    help="What is written together at least, before the interval is over [variable BATCH_SIZE].",
)
@click.option(
    "--write-interval",
    type=click.FloatRange(min=0),
    envvar="WRITE_INTERVAL",
    default=1.0,
    show_default=True,
    help="Seconds that it may wait for more [variable WRITE_INTERVAL].",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"], case_sensitive=False),
    envvar="LOG_LEVEL",
    default="info",
    show_default=True,
    help="Log lines that are written [variable LOG_LEVEL].",
)
@click.option("--access-log", is_flag=True, help="Log each request.")
@click.option("--dev", is_flag=True, help="Start anew whenever the source or the catalogue has changed.")
def command(project: Path, use_env: bool, database: Path, dev: bool, **given: Any) -> None:
    """Scrape the catalogue's services, keep what they say, and show it live, until Ctrl-C or SIGTERM.

    The live page is at /, the API's own page at /docs. Log lines go to standard output, everything else to standard
    error.

    \b
    Examples:
      tapewatch history serve
      tapewatch history serve --prometheus http://127.0.0.1:9090
      tapewatch history serve --host 0.0.0.0 --api-key-file secrets/api-key --workers 4
      tapewatch history serve --peer http://history-b:8000 --api-key-file secrets/api-key
      tapewatch history serve --port 8443 --tls-key key.pem --tls-certificate cert.pem
    """
    if dev:
        _develop(project)
    from tapewatch.catalogue import load
    from tapewatch.history.serving.options import Options
    from tapewatch.history.serving.running import serve
    from tapewatch.project import CATALOGUE

    loaded = load(project / CATALOGUE, environ_of(use_env))
    options = Options(database=project / database, **given)
    serve(options, loaded.catalogue, project, use_env, _say)


def _say(url: str) -> None:
    click.echo(f"the history listens at {url}", err=True)


def _develop(project: Path) -> None:
    """Leave the work to a process of its own, which is replaced."""
    import tapewatch
    import tapewatch_sdk
    from tapewatch.history.serving.reloading import reload
    from tapewatch.project import CATALOGUE

    watched = [Path(module.__file__).parent for module in (tapewatch, tapewatch_sdk) if module.__file__]
    words = [word for word in sys.argv[1:] if word != "--dev"]
    sys.exit(reload(words, [*watched, project / CATALOGUE], lambda text: click.echo(text, err=True)))
