"""The store: what is scraped, collected and reported, in one DuckDB file.

    with Store.open(Path("data/observability.duckdb")) as store:
        store.write(Batch(scrapes=...))
        reader = store.reader()
        reader.sql("SELECT * FROM trading_metrics LIMIT 10")

One process writes. Others read through its socket: `connect(socket_of(path))` gives the same `Reader`.
"""

from tapewatch.history.store.contract import (
    Answer,
    Batch,
    QueryError,
    Reader,
    State,
    StoreFullError,
    StoreGoneError,
    Written,
)
from tapewatch.history.store.offline import look_into
from tapewatch.history.store.remote import connect, socket_of
from tapewatch.history.store.store import BATCH_SIZE, WRITE_INTERVAL, Store

__all__ = [
    "BATCH_SIZE",
    "WRITE_INTERVAL",
    "Answer",
    "Batch",
    "QueryError",
    "Reader",
    "State",
    "Store",
    "StoreFullError",
    "StoreGoneError",
    "Written",
    "connect",
    "look_into",
    "socket_of",
]
