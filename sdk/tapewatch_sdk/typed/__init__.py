"""What the generated module of typed instruments is made of: it holds declarations, and the rest is here.

    from trading_metrics import MarketData  # made by `tapewatch generate`

    market_data = MarketData()
    ticks = market_data.market_data_ticks_received_total.labels(symbol="BTC-USD")  # bound, for hot paths
    ticks.inc()

A wrong name, a wrong or missing label, or a method that the type does not have is an error for a type checker, and an
`AttributeError` or `TypeError` where it stands. Label values are data, not code: whatever they are, nothing raises.
"""

from __future__ import annotations

from tapewatch_sdk.typed._declared import Declared, counter, gauge, histogram, summary
from tapewatch_sdk.typed._domain import Domain
from tapewatch_sdk.typed._labelled import Labelled
from tapewatch_sdk.typed._summary import Summary, SummarySeries, SummaryValue

__all__ = [
    "Declared",
    "Domain",
    "Labelled",
    "Summary",
    "SummarySeries",
    "SummaryValue",
    "counter",
    "gauge",
    "histogram",
    "summary",
]
