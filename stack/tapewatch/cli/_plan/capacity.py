"""`tapewatch plan capacity`."""

from __future__ import annotations

import json
from pathlib import Path

import click

__all__ = ["command"]


def _duration(context: click.Context, option: click.Parameter, value: str) -> float:
    """Seconds of a duration such as `15s` or `90d`; a bare number is seconds."""
    from pydantic import TypeAdapter, ValidationError

    from tapewatch.schema.types import Duration, seconds

    if value == "0":
        return 0.0
    try:
        return seconds(TypeAdapter(Duration).validate_python(f"{value}s" if value.isdigit() else value))
    except ValidationError:
        raise click.BadParameter(f"`{value}` is no duration such as 15s or 90d", context, option) from None


@click.command("capacity")
@click.option("--services", type=click.IntRange(1), required=True, help="Targets.")
@click.option("--series", type=click.IntRange(1), required=True, help="Series of each service.")
@click.option("--interval", callback=_duration, default="15s", show_default=True, help="Time between two scrapes.")
@click.option("--retention", callback=_duration, default="7d", show_default=True, help="How long Prometheus keeps.")
@click.option("--long-term", callback=_duration, default="90d", show_default=True, help="The object store; 0: none.")
@click.option("--replicas", type=click.IntRange(1, 26), default=2, show_default=True, help="Prometheus of each shard.")
@click.option("--server-memory", type=click.FloatRange(1), default=64, show_default=True, help="GB of one server.")
@click.option("--server-cores", type=click.FloatRange(0.5), default=16, show_default=True, help="Cores of one server.")
@click.option("--prices", type=click.Path(dir_okay=False, path_type=Path), help="File of prices; else an example's.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
def command(
    services: int, series: int, interval: float, retention: float, long_term: float, replicas: int,
    server_memory: float, server_cores: float, prices: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """Say what a platform of a size needs: servers, memory, disk, network, money.

    The constants were measured on a real Prometheus. Rules and queries are in the headroom (twice what collecting
    takes); the long-term engine's own processes are not in it.

    \b
    Examples:
      tapewatch plan capacity --services 100 --series 500
      tapewatch plan capacity --services 10000 --series 500 --prices ours.yaml
      tapewatch plan capacity --services 100 --series 500 --long-term 0 --json
    """
    from tapewatch.capacity import Load, Server, measured, needs, read_prices
    from tapewatch.capacity.report import as_data, as_text

    if not interval or not retention:
        raise click.UsageError("--interval and --retention are longer than 0")
    load = Load(services, series, interval, retention, long_term, replicas)
    costs, constants = read_prices(prices), measured()
    try:
        needed = needs(load, constants, Server(server_memory * 1e9, server_cores))
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    if as_json:
        click.echo(json.dumps(as_data(load, needed, costs, constants), indent=2))
    else:
        click.echo(as_text(load, needed, costs, constants), nl=False)
