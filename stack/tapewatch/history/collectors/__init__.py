"""The collectors that come with tapewatch, one file each; they come through the same door as anybody's.

| module | table |
|---|---|
| market_data | `market_data`, a row a symbol |
| strategy | `strategy_metrics`, a row a strategy |
| execution | `execution_metrics`, a row |
| risk | `risk_metrics`, a row |
| system | `system_metrics`, a row: the host that runs the API |

They need the SDK alone, so that `tapewatch plugins` lists them where the history is not installed.
"""
