"""What each symbol costs."""

from __future__ import annotations

from collections.abc import Iterator

from tapewatch.history.collectors._values import by_label, columns
from tapewatch_sdk.collectors import Collector, ColumnType, Cycle, Row, Table

__all__ = ["MarketDataCollector"]

_PRICE, _VOLUME = "market_data_price", "market_data_volume_total"


class MarketDataCollector(Collector):
    """`market_data`, a row a symbol.

    `volume` is what was traded since the service started, as it exposes it. No family of the platform has a bid, an ask
    or trades; those columns are NULL, there for a collector of a platform that has them.
    """

    name = "market_data"
    reads = (_PRICE, _VOLUME)
    tables = (
        Table(
            "market_data",
            columns(
                symbol=ColumnType.VARCHAR,
                last_price=ColumnType.DOUBLE,
                bid=ColumnType.DOUBLE,
                ask=ColumnType.DOUBLE,
                volume=ColumnType.DOUBLE,
                trades=ColumnType.BIGINT,
                spread_bps=ColumnType.DOUBLE,
            ),
            key=("timestamp", "symbol"),
        ),
    )

    def collect(self, cycle: Cycle) -> Iterator[Row]:
        """One row a symbol; of several services that have a price for it the first one's counts."""
        prices = by_label(cycle, _PRICE, "symbol", lambda values: next(iter(values)))
        volumes = by_label(cycle, _VOLUME, "symbol")
        for symbol in sorted(prices.keys() | volumes.keys()):
            values = {"symbol": symbol, "last_price": prices.get(symbol), "volume": volumes.get(symbol)}
            yield Row("market_data", values)
