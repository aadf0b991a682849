# Made by `tapewatch generate` from catalogue.yaml. Do not edit: change the catalogue and generate again.
# ruff: noqa -- names and texts are the catalogue's
"""The metric families of the platform `trading`: a class for each domain."""

from __future__ import annotations

from tapewatch_sdk import typed

__all__ = [
    "MarketData",
    "Signal",
    "Execution",
    "Risk",
    "Position",
    "Capture",
    "Pipeline",
    "Ml",
    "Dashboard",
    "LiveTrading",
    "Host",
]


def _by_symbol(*, symbol: str) -> dict[str, str]:
    return {"symbol": symbol}


def _by_reason(*, reason: str) -> dict[str, str]:
    return {"reason": reason}


def _by_strategy(*, strategy: str) -> dict[str, str]:
    return {"strategy": strategy}


def _by_strategy_side(*, strategy: str, side: str) -> dict[str, str]:
    return {"strategy": strategy, "side": side}


def _by_model(*, model: str) -> dict[str, str]:
    return {"model": model}


def _by_symbol_side(*, symbol: str, side: str) -> dict[str, str]:
    return {"symbol": symbol, "side": side}


def _by_symbol_reason(*, symbol: str, reason: str) -> dict[str, str]:
    return {"symbol": symbol, "reason": reason}


def _by_endpoint_status(*, endpoint: str, status: str) -> dict[str, str]:
    return {"endpoint": endpoint, "status": status}


def _by_endpoint(*, endpoint: str) -> dict[str, str]:
    return {"endpoint": endpoint}


def _by_operation(*, operation: str) -> dict[str, str]:
    return {"operation": operation}


def _by_limit_type(*, limit_type: str) -> dict[str, str]:
    return {"limit_type": limit_type}


def _by_symbol_type(*, symbol: str, type: str) -> dict[str, str]:
    return {"symbol": symbol, "type": type}


def _by_type(*, type: str) -> dict[str, str]:
    return {"type": type}


def _by_table(*, table: str) -> dict[str, str]:
    return {"table": table}


def _by_stage(*, stage: str) -> dict[str, str]:
    return {"stage": stage}


def _by_label(*, label: str) -> dict[str, str]:
    return {"label": label}


def _by_prediction(*, prediction: str) -> dict[str, str]:
    return {"prediction": prediction}


class MarketData(typed.Domain):
    """The families of the domain `market_data`. Each keeps up to 1,000 series."""

    _budget = 1000

    market_data_ticks_received_total = typed.counter(
        "market_data_ticks_received_total",
        "Ticks that came in from the exchange",
        _by_symbol,
    )
    """Ticks that came in from the exchange."""

    market_data_ticks_processed_total = typed.counter(
        "market_data_ticks_processed_total",
        "Ticks that were processed without an error",
        _by_symbol,
    )
    """Ticks that were processed without an error."""

    market_data_processing_latency_ms = typed.histogram(
        "market_data_processing_latency_ms",
        "How long one tick took to process",
        _by_symbol,
        buckets=(0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0),
        unit="milliseconds",
    )
    """How long one tick took to process. In milliseconds."""

    market_data_processing_latency_microseconds = typed.histogram(
        "market_data_processing_latency_microseconds",
        "How long one tick took to process, in the unit of its budget of 100 microseconds",
        _by_symbol,
        buckets=(1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 75.0, 100.0, 150.0, 200.0, 500.0, 1000.0, 5000.0),
        unit="microseconds",
    )
    """How long one tick took to process, in the unit of its budget of 100 microseconds. In microseconds."""

    market_data_orderbook_updates_total = typed.counter(
        "market_data_orderbook_updates_total",
        "Updates that were applied to the order book",
        _by_symbol,
    )
    """Updates that were applied to the order book."""

    market_data_orderbook_depth = typed.gauge(
        "market_data_orderbook_depth",
        "Price levels that the order book holds now",
        _by_symbol,
    )
    """Price levels that the order book holds now."""

    market_data_websocket_connected = typed.gauge(
        "market_data_websocket_connected",
        "Whether the exchange's feed is connected (1) or not (0)",
    )
    """Whether the exchange's feed is connected (1) or not (0)."""

    market_data_websocket_reconnects_total = typed.counter(
        "market_data_websocket_reconnects_total",
        "How often the exchange's feed was connected anew",
        _by_reason,
    )
    """How often the exchange's feed was connected anew."""

    market_data_message_queue_size = typed.gauge("market_data_message_queue_size", "Messages that wait to be processed")
    """Messages that wait to be processed."""

    market_data_price = typed.gauge("market_data_price", "Last price traded", _by_symbol, unit="usd")
    """Last price traded. In usd."""

    market_data_volume_total = typed.counter(
        "market_data_volume_total",
        "Volume traded since the service started",
        _by_symbol,
    )
    """Volume traded since the service started."""


class Signal(typed.Domain):
    """The families of the domain `signal`. Each keeps up to 1,000 series."""

    _budget = 1000

    strategy_pnl = typed.gauge("strategy_pnl", "Profit or loss of a strategy since it began", _by_strategy, unit="usd")
    """Profit or loss of a strategy since it began. In usd."""

    strategy_daily_pnl = typed.gauge(
        "strategy_daily_pnl",
        "Profit or loss of a strategy since the day began",
        _by_strategy,
        unit="usd",
    )
    """Profit or loss of a strategy since the day began. In usd."""

    strategy_positions = typed.gauge("strategy_positions", "Positions that a strategy holds open", _by_strategy)
    """Positions that a strategy holds open."""

    strategy_signals_total = typed.counter(
        "strategy_signals_total",
        "Signals that a strategy gave, by side",
        _by_strategy_side,
    )
    """Signals that a strategy gave, by side."""

    strategy_win_rate = typed.gauge(
        "strategy_win_rate",
        "Share of a strategy's closed trades that made money, 0 to 1",
        _by_strategy,
        unit="ratio",
    )
    """Share of a strategy's closed trades that made money, 0 to 1. In ratio."""

    signal_inference_duration_microseconds = typed.histogram(
        "signal_inference_duration_microseconds",
        "How long a model took for one inference; the budget is 50 microseconds",
        _by_model,
        buckets=(5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 100.0, 250.0, 500.0, 1000.0),
        unit="microseconds",
    )
    """How long a model took for one inference; the budget is 50 microseconds. In microseconds."""


class Execution(typed.Domain):
    """The families of the domain `execution`. Each keeps up to 1,000 series."""

    _budget = 1000

    execution_orders_submitted_total = typed.counter(
        "execution_orders_submitted_total",
        "Orders that were sent to the exchange",
        _by_symbol_side,
    )
    """Orders that were sent to the exchange."""

    execution_orders_filled_total = typed.counter(
        "execution_orders_filled_total",
        "Orders that were filled completely",
        _by_symbol_side,
    )
    """Orders that were filled completely."""

    execution_orders_rejected_total = typed.counter(
        "execution_orders_rejected_total",
        "Orders that were rejected, by reason",
        _by_symbol_reason,
    )
    """Orders that were rejected, by reason."""

    execution_orders_cancelled_total = typed.counter(
        "execution_orders_cancelled_total",
        "Orders that were cancelled",
        _by_symbol,
    )
    """Orders that were cancelled."""

    execution_last_fill_price = typed.gauge(
        "execution_last_fill_price",
        "Price of the newest fill",
        _by_symbol,
        unit="usd",
    )
    """Price of the newest fill. In usd."""

    execution_fill_latency_ms = typed.histogram(
        "execution_fill_latency_ms",
        "How long it took from submitting an order to its fill",
        _by_symbol,
        buckets=(0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0),
        unit="milliseconds",
    )
    """How long it took from submitting an order to its fill. In milliseconds."""

    execution_slippage_bps = typed.histogram(
        "execution_slippage_bps",
        "How far a fill was from the expected price",
        _by_symbol,
        buckets=(0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0),
        unit="basis points",
    )
    """How far a fill was from the expected price. In basis points."""

    execution_api_calls_total = typed.counter(
        "execution_api_calls_total",
        "Calls to the exchange's API, by endpoint and status",
        _by_endpoint_status,
    )
    """Calls to the exchange's API, by endpoint and status."""

    execution_api_latency_ms = typed.histogram(
        "execution_api_latency_ms",
        "How long a call to the exchange's API took",
        _by_endpoint,
        buckets=(1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0),
        unit="milliseconds",
    )
    """How long a call to the exchange's API took. In milliseconds."""

    execution_rate_limit_remaining = typed.gauge(
        "execution_rate_limit_remaining",
        "Calls that the exchange's rate limit still allows in this window",
    )
    """Calls that the exchange's rate limit still allows in this window."""

    execution_rate_limit_capacity = typed.gauge(
        "execution_rate_limit_capacity",
        "Calls that the exchange's rate limit allows in a whole window",
    )
    """Calls that the exchange's rate limit allows in a whole window."""

    execution_time_ms = typed.histogram(
        "execution_time_ms",
        "How long an operation of the engine took",
        _by_operation,
        buckets=(0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0),
        unit="milliseconds",
    )
    """How long an operation of the engine took. In milliseconds."""

    order_placement_latency_milliseconds = typed.histogram(
        "order_placement_latency_milliseconds",
        "How long placing an order took from end to end",
        buckets=(0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 150.0, 250.0, 500.0, 1000.0),
        unit="milliseconds",
    )
    """How long placing an order took from end to end. In milliseconds."""

    orders_submitted_total = typed.counter("orders_submitted_total", "Orders submitted, counted for the business")
    """Orders submitted, counted for the business."""

    orders_filled_total = typed.counter("orders_filled_total", "Orders filled, counted for the business")
    """Orders filled, counted for the business."""

    orders_rejected_total = typed.counter("orders_rejected_total", "Orders rejected, counted for the business")
    """Orders rejected, counted for the business."""


class Risk(typed.Domain):
    """The families of the domain `risk`. Each keeps up to 1,000 series."""

    _budget = 1000

    risk_position_count = typed.gauge("risk_position_count", "Positions that are open")
    """Positions that are open."""

    risk_position_size = typed.gauge("risk_position_size", "Size of the position in a symbol", _by_symbol)
    """Size of the position in a symbol."""

    risk_total_exposure = typed.gauge("risk_total_exposure", "Exposure of all positions together", unit="usd")
    """Exposure of all positions together. In usd."""

    risk_limit_breaches_total = typed.counter(
        "risk_limit_breaches_total",
        "How often a risk limit was breached, by limit",
        _by_limit_type,
    )
    """How often a risk limit was breached, by limit."""

    risk_pnl_unrealized = typed.gauge("risk_pnl_unrealized", "Profit or loss of open positions", _by_symbol, unit="usd")
    """Profit or loss of open positions. In usd."""

    risk_pnl_realized = typed.gauge(
        "risk_pnl_realized",
        "Profit or loss of closed positions since the service started",
        unit="usd",
    )
    """Profit or loss of closed positions since the service started. In usd."""

    risk_daily_loss_usd = typed.gauge(
        "risk_daily_loss_usd",
        "What was lost since the day began; 0 while in profit",
        unit="usd",
    )
    """What was lost since the day began; 0 while in profit. In usd."""

    risk_daily_loss_limit_usd = typed.gauge("risk_daily_loss_limit_usd", "What may be lost in a day", unit="usd")
    """What may be lost in a day. In usd."""

    risk_stop_loss_triggers_total = typed.counter(
        "risk_stop_loss_triggers_total",
        "Stop losses that were triggered, by type",
        _by_symbol_type,
    )
    """Stop losses that were triggered, by type."""

    risk_circuit_breaker_trips_total = typed.counter(
        "risk_circuit_breaker_trips_total",
        "How often the circuit breaker tripped, by reason",
        _by_reason,
    )
    """How often the circuit breaker tripped, by reason."""

    risk_circuit_breaker_status = typed.gauge(
        "risk_circuit_breaker_status",
        "Whether the circuit breaker is open (1) or closed (0)",
    )
    """Whether the circuit breaker is open (1) or closed (0)."""

    risk_kill_switch_active = typed.gauge(
        "risk_kill_switch_active",
        "Whether the kill switch halts trading (1) or not (0)",
    )
    """Whether the kill switch halts trading (1) or not (0)."""

    risk_max_drawdown = typed.gauge(
        "risk_max_drawdown",
        "Largest drawdown so far, as a share of the peak",
        unit="ratio",
    )
    """Largest drawdown so far, as a share of the peak. In ratio."""

    risk_position_checks_total = typed.counter(
        "risk_position_checks_total",
        "Checks that were made before a trade",
        _by_symbol,
    )
    """Checks that were made before a trade."""

    risk_check_duration_ms = typed.histogram(
        "risk_check_duration_ms",
        "How long a check before a trade took",
        _by_symbol,
        buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
        unit="milliseconds",
    )
    """How long a check before a trade took. In milliseconds."""

    risk_check_duration_microseconds = typed.histogram(
        "risk_check_duration_microseconds",
        "How long a check before a trade took, in the unit of its budget of 20 microseconds",
        buckets=(1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 250.0, 1000.0),
        unit="microseconds",
    )
    """How long a check before a trade took, in the unit of its budget of 20 microseconds. In microseconds."""

    circuit_breaker_trips_total = typed.counter(
        "circuit_breaker_trips_total",
        "Trips of the circuit breaker, counted for the business",
    )
    """Trips of the circuit breaker, counted for the business."""


class Position(typed.Domain):
    """The families of the domain `position`. Each keeps up to 1,000 series."""

    _budget = 1000

    position_value_usd = typed.gauge(
        "position_value_usd",
        "Market value of the position in a symbol",
        _by_symbol,
        unit="usd",
    )
    """Market value of the position in a symbol. In usd."""

    unrealized_pnl_usd = typed.gauge(
        "unrealized_pnl_usd",
        "Profit or loss of the open position in a symbol",
        _by_symbol,
        unit="usd",
    )
    """Profit or loss of the open position in a symbol. In usd."""

    position_reconciliations_total = typed.counter(
        "position_reconciliations_total",
        "Comparisons with the exchange's record, one every 5 minutes",
    )
    """Comparisons with the exchange's record, one every 5 minutes."""

    position_reconciliation_breaks_total = typed.counter(
        "position_reconciliation_breaks_total",
        "Positions that were found to differ from the exchange's record",
        _by_symbol,
    )
    """Positions that were found to differ from the exchange's record."""

    position_snapshot_timestamp_seconds = typed.gauge(
        "position_snapshot_timestamp_seconds",
        "When the newest snapshot of positions was taken (Unix time); one is taken every hour",
        unit="seconds",
    )
    """When the newest snapshot of positions was taken (Unix time); one is taken every hour. In seconds."""


class Capture(typed.Domain):
    """The families of the domain `capture`. Each keeps up to 1,000 series."""

    _budget = 1000

    coinbase_messages_received_total = typed.counter(
        "coinbase_messages_received_total",
        "Messages of the feed, by type (l2update, match or snapshot)",
        _by_type,
    )
    """Messages of the feed, by type (l2update, match or snapshot)."""

    coinbase_match_sequence = typed.gauge("coinbase_match_sequence", "Newest sequence number of a match")
    """Newest sequence number of a match."""

    coinbase_sequence_gaps_total = typed.counter(
        "coinbase_sequence_gaps_total",
        "Gaps that were found in the sequence of matches",
    )
    """Gaps that were found in the sequence of matches."""

    iceberg_rows_written_total = typed.counter(
        "iceberg_rows_written_total",
        "Rows that were written, by table (raw_orderbook, raw_trades, features or predictions)",
        _by_table,
    )
    """Rows that were written, by table (raw_orderbook, raw_trades, features or predictions)."""

    iceberg_flush_total = typed.counter("iceberg_flush_total", "Flushes of buffered rows to a table", _by_table)
    """Flushes of buffered rows to a table."""

    iceberg_flush_duration_seconds = typed.histogram(
        "iceberg_flush_duration_seconds",
        "How long a flush took",
        _by_table,
        buckets=(0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0),
        unit="seconds",
    )
    """How long a flush took. In seconds."""

    iceberg_flush_rows = typed.histogram(
        "iceberg_flush_rows",
        "Rows that one flush wrote",
        _by_table,
        buckets=(10.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0),
    )
    """Rows that one flush wrote."""


class Pipeline(typed.Domain):
    """The families of the domain `pipeline`. Each keeps up to 1,000 series."""

    _budget = 1000

    pipeline_message_latency_seconds = typed.histogram(
        "pipeline_message_latency_seconds",
        "How long it took from a message of the feed to the shared state",
        buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
        unit="seconds",
    )
    """How long it took from a message of the feed to the shared state. In seconds."""

    pipeline_callback_duration_seconds = typed.histogram(
        "pipeline_callback_duration_seconds",
        "How long a stage took for one message (features, labeler, classifier or writer)",
        _by_stage,
        buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0),
        unit="seconds",
    )
    """How long a stage took for one message (features, labeler, classifier or writer). In seconds."""

    labeler_buffer_size = typed.gauge("labeler_buffer_size", "Samples in the labeler's buffer")
    """Samples in the labeler's buffer."""

    labeler_buffer_capacity = typed.gauge(
        "labeler_buffer_capacity",
        "Samples that the labeler's buffer can hold (1000)",
    )
    """Samples that the labeler's buffer can hold (1000)."""

    trade_buffer_size = typed.gauge("trade_buffer_size", "Trades in the trade buffer")
    """Trades in the trade buffer."""

    trade_buffer_capacity = typed.gauge("trade_buffer_capacity", "Trades that the trade buffer can hold (1000)")
    """Trades that the trade buffer can hold (1000)."""

    orderbook_updates_per_second = typed.gauge("orderbook_updates_per_second", "Rolling rate of order book messages")
    """Rolling rate of order book messages."""


class Ml(typed.Domain):
    """The families of the domain `ml`. Each keeps up to 1,000 series."""

    _budget = 1000

    ml_predict_duration_seconds = typed.histogram(
        "ml_predict_duration_seconds",
        "How long one prediction took",
        buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
        unit="seconds",
    )
    """How long one prediction took. In seconds."""

    ml_train_duration_seconds = typed.histogram(
        "ml_train_duration_seconds",
        "How long one partial fit took",
        buckets=(0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0),
        unit="seconds",
    )
    """How long one partial fit took. In seconds."""

    ml_samples_total = typed.counter(
        "ml_samples_total",
        "Samples that the model was trained with, by label (0 or 1)",
        _by_label,
    )
    """Samples that the model was trained with, by label (0 or 1)."""

    ml_predictions_total = typed.counter(
        "ml_predictions_total",
        "Predictions that the model made, by outcome (0 or 1)",
        _by_prediction,
    )
    """Predictions that the model made, by outcome (0 or 1)."""


class Dashboard(typed.Domain):
    """The families of the domain `dashboard`. Each keeps up to 1,000 series."""

    _budget = 1000

    dashboard_update_age_seconds = typed.gauge(
        "dashboard_update_age_seconds",
        "Age of the state that the trader's dashboard shows",
        unit="seconds",
    )
    """Age of the state that the trader's dashboard shows. In seconds."""

    dashboard_callback_duration_seconds = typed.histogram(
        "dashboard_callback_duration_seconds",
        "How long the trader's dashboard took to render one callback",
        buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
        unit="seconds",
    )
    """How long the trader's dashboard took to render one callback. In seconds."""

    dashboard_callbacks_total = typed.counter("dashboard_callbacks_total", "Update cycles of the trader's dashboard")
    """Update cycles of the trader's dashboard."""


class LiveTrading(typed.Domain):
    """The families of the domain `live_trading`. Each keeps up to 1,000 series."""

    _budget = 1000

    live_trading_trades_total = typed.counter("live_trading_trades_total", "Trades that the engine made", _by_symbol)
    """Trades that the engine made."""

    live_trading_trades_value_usd_total = typed.counter(
        "live_trading_trades_value_usd_total",
        "Value of the trades that the engine made",
        unit="usd",
    )
    """Value of the trades that the engine made. In usd."""

    live_trading_decisions_total = typed.counter("live_trading_decisions_total", "Decisions that the engine took")
    """Decisions that the engine took."""

    live_trading_cycles_total = typed.counter("live_trading_cycles_total", "Trading cycles that the engine ran")
    """Trading cycles that the engine ran."""

    live_trading_errors_total = typed.counter("live_trading_errors_total", "Errors of the engine")
    """Errors of the engine."""

    live_trading_portfolio_value_usd = typed.gauge(
        "live_trading_portfolio_value_usd",
        "Value of the engine's portfolio, cash included",
        unit="usd",
    )
    """Value of the engine's portfolio, cash included. In usd."""

    live_trading_cash_balance_usd = typed.gauge(
        "live_trading_cash_balance_usd",
        "Cash of the engine's portfolio",
        unit="usd",
    )
    """Cash of the engine's portfolio. In usd."""

    live_trading_positions_count = typed.gauge("live_trading_positions_count", "Positions that the engine holds open")
    """Positions that the engine holds open."""

    live_trading_daily_pnl_usd = typed.gauge(
        "live_trading_daily_pnl_usd",
        "Profit or loss of the engine since the day began",
        unit="usd",
    )
    """Profit or loss of the engine since the day began. In usd."""

    live_trading_cycle_duration_seconds = typed.histogram(
        "live_trading_cycle_duration_seconds",
        "How long a trading cycle took",
        buckets=(0.1, 0.5, 1.0, 2.0, 5.0, 10.0),
        unit="seconds",
    )
    """How long a trading cycle took. In seconds."""

    live_trading_order_latency_seconds = typed.histogram(
        "live_trading_order_latency_seconds",
        "How long submitting an order took",
        buckets=(0.01, 0.05, 0.1, 0.5, 1.0),
        unit="seconds",
    )
    """How long submitting an order took. In seconds."""


class Host(typed.Domain):
    """The families of the domain `host`. Each keeps up to 1,000 series."""

    _budget = 1000

    system_cpu_percent = typed.gauge(
        "system_cpu_percent",
        "Processor time in use on the service's host",
        unit="percent",
    )
    """Processor time in use on the service's host. In percent."""

    system_memory_percent = typed.gauge("system_memory_percent", "Memory in use on the service's host", unit="percent")
    """Memory in use on the service's host. In percent."""

    system_disk_usage_percent = typed.gauge(
        "system_disk_usage_percent",
        "Disk space in use on the service's host",
        unit="percent",
    )
    """Disk space in use on the service's host. In percent."""

    system_uptime_seconds = typed.gauge("system_uptime_seconds", "Time since the service started", unit="seconds")
    """Time since the service started. In seconds."""

    system_clock_offset_seconds = typed.gauge(
        "system_clock_offset_seconds",
        "How far the clock is off its time source; the budget is 100 microseconds",
        unit="seconds",
    )
    """How far the clock is off its time source; the budget is 100 microseconds. In seconds."""
