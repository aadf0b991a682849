"""A plan as text and as data."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from tapewatch.capacity.constants import Constants
from tapewatch.capacity.model import Load, Needs
from tapewatch.capacity.prices import MONTH, Prices, money
from tapewatch.units import size

__all__ = ["as_data", "as_text"]


def as_text(load: Load, needed: Needs, prices: Prices, constants: Constants) -> str:
    """The plan in lines of at most 80 columns."""
    origin = constants.measured
    lines = [
        f"{load.services:,} services of {load.series:,} series, every {load.interval:g} s: "
        f"{_count(load.all_series)} series,",
        f"{_count(load.rate)} samples a second,",
        f"kept {_days(load.retention)} in Prometheus"
        + (f" and {_days(load.long_term)} in the object store" if load.long_term else ""),
        "",
        *(_row(*row) for row in _rows(load, needed, prices)),
        "",
        f"prices: {prices.source} ({prices.date})",
        f"constants: measured {origin.date} with Prometheus {origin.prometheus} on",
        f"  {origin.machine};",
        f"  another size than those fitted was off by at most {origin.largest_error_percent:.0f} %",
    ]
    return "".join(f"{line}\n" for line in lines)


def as_data(load: Load, needed: Needs, prices: Prices, constants: Constants) -> dict[str, Any]:
    """The plan as JSON takes it; bytes, seconds, cores."""
    costs = money(needed, prices)
    return {
        "load": asdict(load) | {"all_series": load.all_series, "samples_per_second": load.rate},
        "needs": asdict(needed),
        "month": {"currency": prices.currency, **costs, "all": sum(costs.values())},
        "prices": {"source": prices.source, "date": prices.date},
        "constants": constants.measured.model_dump(),
    }


def _rows(load: Load, needed: Needs, prices: Prices) -> Iterator[tuple[str, str, str, str]]:
    costs = {name: f"{round(cost):,}" for name, cost in money(needed, prices).items()}
    yield "", "each server", "altogether", f"{prices.currency} a month"
    shards = f"{needed.shards:,} shard{'' if needed.shards == 1 else 's'}"
    servers = f"{needed.servers:,} ({shards} x {load.replicas})"
    yield "Prometheus servers", "", servers, ""
    yield "memory", size(needed.memory), size(needed.memory * needed.servers), costs["memory"]
    yield "processor cores", f"{needed.cores:.2f}", _count(needed.cores * needed.servers), costs["processor"]
    yield "disk", size(needed.disk), size(needed.disk * needed.servers), costs["disk"]
    yield "object storage", "", size(needed.objects), costs["object storage"]
    yield "network, scraped", f"{size(needed.scraped / needed.servers)}/s", f"{size(needed.scraped)}/s", ""
    yield (
        "network, sent",
        f"{size(needed.sent / needed.servers)}/s",
        f"{size(needed.sent * MONTH)}/month",
        costs["network"],
    )
    yield "all", "", "", f"{round(sum(money(needed, prices).values())):,}"


def _row(name: str, each: str, together: str, cost: str) -> str:
    return f"{name:<19} {each:>13} {together:>25} {cost:>17}".rstrip()


def _count(number: float) -> str:
    for unit in ("", " thousand", " million", " billion"):
        if number < 1000:
            return f"{number:.3g}{unit}"
        number /= 1000
    return f"{number:.3g} trillion"


def _days(seconds: float) -> str:
    return f"{seconds / 86400:g} d"
