// Made by `tapewatch generate` from catalogue.yaml. Do not edit: change the catalogue and generate again.
//! The metric families of the platform, a struct for each domain. It needs the standard library and nothing else.
//!
//! ```ignore
//! #[path = "metrics.rs"]
//! mod metrics;
//!
//! let registry = metrics::Registry::new();
//! let host = metrics::Host::new(&registry);
//! registry.serve("127.0.0.1:9091")?; // /metrics, /health, /ready
//! host.system_uptime_seconds.set(0.0);
//! ```
//!
//! A wrong name, label or type does not compile. After the start nothing panics and nothing blocks: what cannot be
//! kept is dropped and counted in `tapewatch_sdk_dropped_updates_total`.
#![allow(
    dead_code,
    non_snake_case,
    unused_imports,
    unused_macros,
    unused_variables
)]

pub use self::families::Metric;
pub use self::instruments::{Counter, Gauge, Histogram, Summary};
pub use self::registry::Registry;
pub use self::server::Server;

/// A type for each list of labels: `labels` gives the series with these values, to be kept and used on hot paths.
macro_rules! label_sets {
    ($($set:ident($($argument:ident),+): [$($label:literal = $value:ident),+];)*) => {$(
        /// A family with these labels.
        pub struct $set<M: Metric> {
            family: std::sync::Arc<families::Family<M>>,
        }

        impl<M: Metric> $set<M> {
            /// The series with these labels, made if there is none; beyond the budget one whose updates are dropped
            /// and counted.
            #[allow(clippy::too_many_arguments)]
            pub fn labels(&self, $($argument: &str),+) -> M {
                self.family.series(&[$($value),+])
            }

            /// Forgets a series, such as that of a symbol that is traded no more.
            #[allow(clippy::too_many_arguments)]
            pub fn remove(&self, $($argument: &str),+) {
                self.family.remove(&[$($value),+])
            }
        }

        impl<M: Metric> Clone for $set<M> {
            fn clone(&self) -> Self {
                Self { family: self.family.clone() }
            }
        }

        impl<M: Metric> families::Declared for $set<M> {
            fn declared(registry: &Registry, declaration: families::Declaration) -> Self {
                Self { family: registry.family(declaration, &[$($label),+]) }
            }
        }
    )*};
}

/// A struct for each domain, with a field for each of its families.
macro_rules! domain {
    (
        $(#[$about:meta])*
        $domain:ident, $budget:literal {
            $($(#[$words:meta])* $field:ident: $kind:ty = ($name:literal, $help:literal $(, [$($bound:literal),+])?);)*
        }
    ) => {
        $(#[$about])*
        #[derive(Clone)]
        pub struct $domain {
            $($(#[$words])* pub $field: $kind,)*
        }

        impl $domain {
            /// All families of the domain, in a registry. The same registry gives the same series again.
            pub fn new(registry: &Registry) -> Self {
                Self::with_budget(registry, $budget)
            }

            /// The same with another number of series that each family may have.
            pub fn with_budget(registry: &Registry, series_budget: usize) -> Self {
                Self {
                    $($field: <$kind as families::Declared>::declared(registry, families::Declaration {
                        name: $name,
                        help: $help,
                        bounds: &[$($($bound),+)?],
                        series_budget,
                    }),)*
                }
            }
        }
    };
}

label_sets! {
    BySymbol(symbol): ["symbol" = symbol];
    ByReason(reason): ["reason" = reason];
    ByStrategy(strategy): ["strategy" = strategy];
    ByStrategySide(strategy, side): ["side" = side, "strategy" = strategy];
    ByModel(model): ["model" = model];
    BySymbolSide(symbol, side): ["side" = side, "symbol" = symbol];
    BySymbolReason(symbol, reason): ["reason" = reason, "symbol" = symbol];
    ByEndpointStatus(endpoint, status): ["endpoint" = endpoint, "status" = status];
    ByEndpoint(endpoint): ["endpoint" = endpoint];
    ByOperation(operation): ["operation" = operation];
    ByLimitType(limit_type): ["limit_type" = limit_type];
    BySymbolType(symbol, type_): ["symbol" = symbol, "type" = type_];
    ByType(type_): ["type" = type_];
    ByTable(table): ["table" = table];
    ByStage(stage): ["stage" = stage];
    ByLabel(label): ["label" = label];
    ByPrediction(prediction): ["prediction" = prediction];
}

domain! {
    /// The families of the domain `market_data`. Each keeps up to 1,000 series.
    MarketData, 1000 {
        /// Ticks that came in from the exchange.
        market_data_ticks_received_total: BySymbol<Counter> =
            ("market_data_ticks_received_total", "Ticks that came in from the exchange");
        /// Ticks that were processed without an error.
        market_data_ticks_processed_total: BySymbol<Counter> =
            ("market_data_ticks_processed_total", "Ticks that were processed without an error");
        /// How long one tick took to process. In milliseconds.
        market_data_processing_latency_ms: BySymbol<Histogram> =
            ("market_data_processing_latency_ms", "How long one tick took to process", [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0]);
        /// How long one tick took to process, in the unit of its budget of 100 microseconds. In microseconds.
        market_data_processing_latency_microseconds: BySymbol<Histogram> =
            ("market_data_processing_latency_microseconds", "How long one tick took to process, in the unit of its budget of 100 microseconds", [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 75.0, 100.0, 150.0, 200.0, 500.0, 1000.0, 5000.0]);
        /// Updates that were applied to the order book.
        market_data_orderbook_updates_total: BySymbol<Counter> =
            ("market_data_orderbook_updates_total", "Updates that were applied to the order book");
        /// Price levels that the order book holds now.
        market_data_orderbook_depth: BySymbol<Gauge> =
            ("market_data_orderbook_depth", "Price levels that the order book holds now");
        /// Whether the exchange's feed is connected (1) or not (0).
        market_data_websocket_connected: Gauge =
            ("market_data_websocket_connected", "Whether the exchange's feed is connected (1) or not (0)");
        /// How often the exchange's feed was connected anew.
        market_data_websocket_reconnects_total: ByReason<Counter> =
            ("market_data_websocket_reconnects_total", "How often the exchange's feed was connected anew");
        /// Messages that wait to be processed.
        market_data_message_queue_size: Gauge =
            ("market_data_message_queue_size", "Messages that wait to be processed");
        /// Last price traded. In usd.
        market_data_price: BySymbol<Gauge> =
            ("market_data_price", "Last price traded");
        /// Volume traded since the service started.
        market_data_volume_total: BySymbol<Counter> =
            ("market_data_volume_total", "Volume traded since the service started");
    }
}

domain! {
    /// The families of the domain `signal`. Each keeps up to 1,000 series.
    Signal, 1000 {
        /// Profit or loss of a strategy since it began. In usd.
        strategy_pnl: ByStrategy<Gauge> =
            ("strategy_pnl", "Profit or loss of a strategy since it began");
        /// Profit or loss of a strategy since the day began. In usd.
        strategy_daily_pnl: ByStrategy<Gauge> =
            ("strategy_daily_pnl", "Profit or loss of a strategy since the day began");
        /// Positions that a strategy holds open.
        strategy_positions: ByStrategy<Gauge> =
            ("strategy_positions", "Positions that a strategy holds open");
        /// Signals that a strategy gave, by side.
        strategy_signals_total: ByStrategySide<Counter> =
            ("strategy_signals_total", "Signals that a strategy gave, by side");
        /// Share of a strategy's closed trades that made money, 0 to 1. In ratio.
        strategy_win_rate: ByStrategy<Gauge> =
            ("strategy_win_rate", "Share of a strategy's closed trades that made money, 0 to 1");
        /// How long a model took for one inference; the budget is 50 microseconds. In microseconds.
        signal_inference_duration_microseconds: ByModel<Histogram> =
            ("signal_inference_duration_microseconds", "How long a model took for one inference; the budget is 50 microseconds", [5.0, 10.0, 20.0, 30.0, 50.0, 75.0, 100.0, 250.0, 500.0, 1000.0]);
    }
}

domain! {
    /// The families of the domain `execution`. Each keeps up to 1,000 series.
    Execution, 1000 {
        /// Orders that were sent to the exchange.
        execution_orders_submitted_total: BySymbolSide<Counter> =
            ("execution_orders_submitted_total", "Orders that were sent to the exchange");
        /// Orders that were filled completely.
        execution_orders_filled_total: BySymbolSide<Counter> =
            ("execution_orders_filled_total", "Orders that were filled completely");
        /// Orders that were rejected, by reason.
        execution_orders_rejected_total: BySymbolReason<Counter> =
            ("execution_orders_rejected_total", "Orders that were rejected, by reason");
        /// Orders that were cancelled.
        execution_orders_cancelled_total: BySymbol<Counter> =
            ("execution_orders_cancelled_total", "Orders that were cancelled");
        /// Price of the newest fill. In usd.
        execution_last_fill_price: BySymbol<Gauge> =
            ("execution_last_fill_price", "Price of the newest fill");
        /// How long it took from submitting an order to its fill. In milliseconds.
        execution_fill_latency_ms: BySymbol<Histogram> =
            ("execution_fill_latency_ms", "How long it took from submitting an order to its fill", [0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0]);
        /// How far a fill was from the expected price. In basis points.
        execution_slippage_bps: BySymbol<Histogram> =
            ("execution_slippage_bps", "How far a fill was from the expected price", [0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0]);
        /// Calls to the exchange's API, by endpoint and status.
        execution_api_calls_total: ByEndpointStatus<Counter> =
            ("execution_api_calls_total", "Calls to the exchange's API, by endpoint and status");
        /// How long a call to the exchange's API took. In milliseconds.
        execution_api_latency_ms: ByEndpoint<Histogram> =
            ("execution_api_latency_ms", "How long a call to the exchange's API took", [1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0]);
        /// Calls that the exchange's rate limit still allows in this window.
        execution_rate_limit_remaining: Gauge =
            ("execution_rate_limit_remaining", "Calls that the exchange's rate limit still allows in this window");
        /// Calls that the exchange's rate limit allows in a whole window.
        execution_rate_limit_capacity: Gauge =
            ("execution_rate_limit_capacity", "Calls that the exchange's rate limit allows in a whole window");
        /// How long an operation of the engine took. In milliseconds.
        execution_time_ms: ByOperation<Histogram> =
            ("execution_time_ms", "How long an operation of the engine took", [0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 25.0, 50.0, 100.0, 250.0, 1000.0]);
        /// How long placing an order took from end to end. In milliseconds.
        order_placement_latency_milliseconds: Histogram =
            ("order_placement_latency_milliseconds", "How long placing an order took from end to end", [0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 25.0, 50.0, 100.0, 150.0, 250.0, 500.0, 1000.0]);
        /// Orders submitted, counted for the business.
        orders_submitted_total: Counter =
            ("orders_submitted_total", "Orders submitted, counted for the business");
        /// Orders filled, counted for the business.
        orders_filled_total: Counter =
            ("orders_filled_total", "Orders filled, counted for the business");
        /// Orders rejected, counted for the business.
        orders_rejected_total: Counter =
            ("orders_rejected_total", "Orders rejected, counted for the business");
    }
}

domain! {
    /// The families of the domain `risk`. Each keeps up to 1,000 series.
    Risk, 1000 {
        /// Positions that are open.
        risk_position_count: Gauge =
            ("risk_position_count", "Positions that are open");
        /// Size of the position in a symbol.
        risk_position_size: BySymbol<Gauge> =
            ("risk_position_size", "Size of the position in a symbol");
        /// Exposure of all positions together. In usd.
        risk_total_exposure: Gauge =
            ("risk_total_exposure", "Exposure of all positions together");
        /// How often a risk limit was breached, by limit.
        risk_limit_breaches_total: ByLimitType<Counter> =
            ("risk_limit_breaches_total", "How often a risk limit was breached, by limit");
        /// Profit or loss of open positions. In usd.
        risk_pnl_unrealized: BySymbol<Gauge> =
            ("risk_pnl_unrealized", "Profit or loss of open positions");
        /// Profit or loss of closed positions since the service started. In usd.
        risk_pnl_realized: Gauge =
            ("risk_pnl_realized", "Profit or loss of closed positions since the service started");
        /// What was lost since the day began; 0 while in profit. In usd.
        risk_daily_loss_usd: Gauge =
            ("risk_daily_loss_usd", "What was lost since the day began; 0 while in profit");
        /// What may be lost in a day. In usd.
        risk_daily_loss_limit_usd: Gauge =
            ("risk_daily_loss_limit_usd", "What may be lost in a day");
        /// Stop losses that were triggered, by type.
        risk_stop_loss_triggers_total: BySymbolType<Counter> =
            ("risk_stop_loss_triggers_total", "Stop losses that were triggered, by type");
        /// How often the circuit breaker tripped, by reason.
        risk_circuit_breaker_trips_total: ByReason<Counter> =
            ("risk_circuit_breaker_trips_total", "How often the circuit breaker tripped, by reason");
        /// Whether the circuit breaker is open (1) or closed (0).
        risk_circuit_breaker_status: Gauge =
            ("risk_circuit_breaker_status", "Whether the circuit breaker is open (1) or closed (0)");
        /// Whether the kill switch halts trading (1) or not (0).
        risk_kill_switch_active: Gauge =
            ("risk_kill_switch_active", "Whether the kill switch halts trading (1) or not (0)");
        /// Largest drawdown so far, as a share of the peak. In ratio.
        risk_max_drawdown: Gauge =
            ("risk_max_drawdown", "Largest drawdown so far, as a share of the peak");
        /// Checks that were made before a trade.
        risk_position_checks_total: BySymbol<Counter> =
            ("risk_position_checks_total", "Checks that were made before a trade");
        /// How long a check before a trade took. In milliseconds.
        risk_check_duration_ms: BySymbol<Histogram> =
            ("risk_check_duration_ms", "How long a check before a trade took", [0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0]);
        /// How long a check before a trade took, in the unit of its budget of 20 microseconds. In microseconds.
        risk_check_duration_microseconds: Histogram =
            ("risk_check_duration_microseconds", "How long a check before a trade took, in the unit of its budget of 20 microseconds", [1.0, 2.0, 5.0, 10.0, 15.0, 20.0, 30.0, 50.0, 100.0, 250.0, 1000.0]);
        /// Trips of the circuit breaker, counted for the business.
        circuit_breaker_trips_total: Counter =
            ("circuit_breaker_trips_total", "Trips of the circuit breaker, counted for the business");
    }
}

domain! {
    /// The families of the domain `position`. Each keeps up to 1,000 series.
    Position, 1000 {
        /// Market value of the position in a symbol. In usd.
        position_value_usd: BySymbol<Gauge> =
            ("position_value_usd", "Market value of the position in a symbol");
        /// Profit or loss of the open position in a symbol. In usd.
        unrealized_pnl_usd: BySymbol<Gauge> =
            ("unrealized_pnl_usd", "Profit or loss of the open position in a symbol");
        /// Comparisons with the exchange's record, one every 5 minutes.
        position_reconciliations_total: Counter =
            ("position_reconciliations_total", "Comparisons with the exchange's record, one every 5 minutes");
        /// Positions that were found to differ from the exchange's record.
        position_reconciliation_breaks_total: BySymbol<Counter> =
            ("position_reconciliation_breaks_total", "Positions that were found to differ from the exchange's record");
        /// When the newest snapshot of positions was taken (Unix time); one is taken every hour. In seconds.
        position_snapshot_timestamp_seconds: Gauge =
            ("position_snapshot_timestamp_seconds", "When the newest snapshot of positions was taken (Unix time); one is taken every hour");
    }
}

domain! {
    /// The families of the domain `capture`. Each keeps up to 1,000 series.
    Capture, 1000 {
        /// Messages of the feed, by type (l2update, match or snapshot).
        coinbase_messages_received_total: ByType<Counter> =
            ("coinbase_messages_received_total", "Messages of the feed, by type (l2update, match or snapshot)");
        /// Newest sequence number of a match.
        coinbase_match_sequence: Gauge =
            ("coinbase_match_sequence", "Newest sequence number of a match");
        /// Gaps that were found in the sequence of matches.
        coinbase_sequence_gaps_total: Counter =
            ("coinbase_sequence_gaps_total", "Gaps that were found in the sequence of matches");
        /// Rows that were written, by table (raw_orderbook, raw_trades, features or predictions).
        iceberg_rows_written_total: ByTable<Counter> =
            ("iceberg_rows_written_total", "Rows that were written, by table (raw_orderbook, raw_trades, features or predictions)");
        /// Flushes of buffered rows to a table.
        iceberg_flush_total: ByTable<Counter> =
            ("iceberg_flush_total", "Flushes of buffered rows to a table");
        /// How long a flush took. In seconds.
        iceberg_flush_duration_seconds: ByTable<Histogram> =
            ("iceberg_flush_duration_seconds", "How long a flush took", [0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0]);
        /// Rows that one flush wrote.
        iceberg_flush_rows: ByTable<Histogram> =
            ("iceberg_flush_rows", "Rows that one flush wrote", [10.0, 50.0, 100.0, 250.0, 500.0, 1000.0, 2500.0, 5000.0, 10000.0]);
    }
}

domain! {
    /// The families of the domain `pipeline`. Each keeps up to 1,000 series.
    Pipeline, 1000 {
        /// How long it took from a message of the feed to the shared state. In seconds.
        pipeline_message_latency_seconds: Histogram =
            ("pipeline_message_latency_seconds", "How long it took from a message of the feed to the shared state", [0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0]);
        /// How long a stage took for one message (features, labeler, classifier or writer). In seconds.
        pipeline_callback_duration_seconds: ByStage<Histogram> =
            ("pipeline_callback_duration_seconds", "How long a stage took for one message (features, labeler, classifier or writer)", [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0]);
        /// Samples in the labeler's buffer.
        labeler_buffer_size: Gauge =
            ("labeler_buffer_size", "Samples in the labeler's buffer");
        /// Samples that the labeler's buffer can hold (1000).
        labeler_buffer_capacity: Gauge =
            ("labeler_buffer_capacity", "Samples that the labeler's buffer can hold (1000)");
        /// Trades in the trade buffer.
        trade_buffer_size: Gauge =
            ("trade_buffer_size", "Trades in the trade buffer");
        /// Trades that the trade buffer can hold (1000).
        trade_buffer_capacity: Gauge =
            ("trade_buffer_capacity", "Trades that the trade buffer can hold (1000)");
        /// Rolling rate of order book messages.
        orderbook_updates_per_second: Gauge =
            ("orderbook_updates_per_second", "Rolling rate of order book messages");
    }
}

domain! {
    /// The families of the domain `ml`. Each keeps up to 1,000 series.
    Ml, 1000 {
        /// How long one prediction took. In seconds.
        ml_predict_duration_seconds: Histogram =
            ("ml_predict_duration_seconds", "How long one prediction took", [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0]);
        /// How long one partial fit took. In seconds.
        ml_train_duration_seconds: Histogram =
            ("ml_train_duration_seconds", "How long one partial fit took", [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0]);
        /// Samples that the model was trained with, by label (0 or 1).
        ml_samples_total: ByLabel<Counter> =
            ("ml_samples_total", "Samples that the model was trained with, by label (0 or 1)");
        /// Predictions that the model made, by outcome (0 or 1).
        ml_predictions_total: ByPrediction<Counter> =
            ("ml_predictions_total", "Predictions that the model made, by outcome (0 or 1)");
    }
}

domain! {
    /// The families of the domain `dashboard`. Each keeps up to 1,000 series.
    Dashboard, 1000 {
        /// Age of the state that the trader's dashboard shows. In seconds.
        dashboard_update_age_seconds: Gauge =
            ("dashboard_update_age_seconds", "Age of the state that the trader's dashboard shows");
        /// How long the trader's dashboard took to render one callback. In seconds.
        dashboard_callback_duration_seconds: Histogram =
            ("dashboard_callback_duration_seconds", "How long the trader's dashboard took to render one callback", [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5]);
        /// Update cycles of the trader's dashboard.
        dashboard_callbacks_total: Counter =
            ("dashboard_callbacks_total", "Update cycles of the trader's dashboard");
    }
}

domain! {
    /// The families of the domain `live_trading`. Each keeps up to 1,000 series.
    LiveTrading, 1000 {
        /// Trades that the engine made.
        live_trading_trades_total: BySymbol<Counter> =
            ("live_trading_trades_total", "Trades that the engine made");
        /// Value of the trades that the engine made. In usd.
        live_trading_trades_value_usd_total: Counter =
            ("live_trading_trades_value_usd_total", "Value of the trades that the engine made");
        /// Decisions that the engine took.
        live_trading_decisions_total: Counter =
            ("live_trading_decisions_total", "Decisions that the engine took");
        /// Trading cycles that the engine ran.
        live_trading_cycles_total: Counter =
            ("live_trading_cycles_total", "Trading cycles that the engine ran");
        /// Errors of the engine.
        live_trading_errors_total: Counter =
            ("live_trading_errors_total", "Errors of the engine");
        /// Value of the engine's portfolio, cash included. In usd.
        live_trading_portfolio_value_usd: Gauge =
            ("live_trading_portfolio_value_usd", "Value of the engine's portfolio, cash included");
        /// Cash of the engine's portfolio. In usd.
        live_trading_cash_balance_usd: Gauge =
            ("live_trading_cash_balance_usd", "Cash of the engine's portfolio");
        /// Positions that the engine holds open.
        live_trading_positions_count: Gauge =
            ("live_trading_positions_count", "Positions that the engine holds open");
        /// Profit or loss of the engine since the day began. In usd.
        live_trading_daily_pnl_usd: Gauge =
            ("live_trading_daily_pnl_usd", "Profit or loss of the engine since the day began");
        /// How long a trading cycle took. In seconds.
        live_trading_cycle_duration_seconds: Histogram =
            ("live_trading_cycle_duration_seconds", "How long a trading cycle took", [0.1, 0.5, 1.0, 2.0, 5.0, 10.0]);
        /// How long submitting an order took. In seconds.
        live_trading_order_latency_seconds: Histogram =
            ("live_trading_order_latency_seconds", "How long submitting an order took", [0.01, 0.05, 0.1, 0.5, 1.0]);
    }
}

domain! {
    /// The families of the domain `host`. Each keeps up to 1,000 series.
    Host, 1000 {
        /// Processor time in use on the service's host. In percent.
        system_cpu_percent: Gauge =
            ("system_cpu_percent", "Processor time in use on the service's host");
        /// Memory in use on the service's host. In percent.
        system_memory_percent: Gauge =
            ("system_memory_percent", "Memory in use on the service's host");
        /// Disk space in use on the service's host. In percent.
        system_disk_usage_percent: Gauge =
            ("system_disk_usage_percent", "Disk space in use on the service's host");
        /// Time since the service started. In seconds.
        system_uptime_seconds: Gauge =
            ("system_uptime_seconds", "Time since the service started");
        /// How far the clock is off its time source; the budget is 100 microseconds. In seconds.
        system_clock_offset_seconds: Gauge =
            ("system_clock_offset_seconds", "How far the clock is off its time source; the budget is 100 microseconds");
    }
}

mod registry {
    use super::families::{Collect, Declaration, Family, Metric};
    use super::server::{serve, Server};
    use super::text;
    use std::any::Any;
    use std::io;
    use std::net::ToSocketAddrs;
    use std::sync::{Arc, Mutex, PoisonError};

    /// Keeps the families and writes them. A clone is the same registry.
    #[derive(Clone, Default)]
    pub struct Registry {
        families: Arc<Mutex<Vec<Entry>>>,
    }

    #[derive(Clone)]
    struct Entry {
        name: &'static str,
        family: Arc<dyn Any + Send + Sync>,
        collect: Arc<dyn Collect>,
    }

    impl Registry {
        /// An empty registry.
        pub fn new() -> Self {
            Self::default()
        }

        /// Everything in the Prometheus text format 0.0.4.
        pub fn encode(&self) -> String {
            let entries = self.entries();
            let mut out = String::new();
            for entry in &entries {
                entry.collect.write(&mut out);
            }
            let dropped = entries.iter().flat_map(|entry| entry.collect.dropped());
            text::write_dropped(&mut out, dropped);
            out
        }

        /// The same, into a file or a socket.
        pub fn write_text(&self, out: &mut impl io::Write) -> io::Result<()> {
            out.write_all(self.encode().as_bytes())
        }

        /// Serves `/metrics`, `/health` and `/ready` from a thread of its own, until the program ends.
        ///
        /// An error means that the address cannot be listened on.
        pub fn serve(&self, address: impl ToSocketAddrs) -> io::Result<Server> {
            serve(self.clone(), address)
        }

        /// The family of this name, made if there is none.
        pub(super) fn family<M: Metric>(
            &self,
            declaration: Declaration,
            labels: &'static [&'static str],
        ) -> Arc<Family<M>> {
            let mut families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
            let known = families.iter().find(|entry| entry.name == declaration.name);
            if let Some(Ok(found)) = known.map(|entry| entry.family.clone().downcast()) {
                return found;
            }
            let made = Arc::new(Family::new(declaration, labels));
            families.push(Entry {
                name: declaration.name,
                family: made.clone(),
                collect: made.clone(),
            });
            made
        }

        fn entries(&self) -> Vec<Entry> {
            let families = self.families.lock().unwrap_or_else(PoisonError::into_inner);
            families.clone()
        }
    }
}

mod instruments {
    use super::cells::{Float, HistogramCell, SummaryCell, Total};
    use super::families::{Declaration, Declared, Metric, Series};
    use super::registry::Registry;
    use super::text::Lines;
    use std::sync::Arc;

    /// One series of a counter. A clone is the same series.
    #[derive(Clone)]
    pub struct Counter {
        series: Arc<Series<Total>>,
    }

    impl Counter {
        /// Counts one.
        pub fn inc(&self) {
            if self.series.is_kept() {
                self.series.cell.add_whole(1);
            }
        }

        /// Counts an amount; what is negative or NaN is dropped and counted.
        pub fn inc_by(&self, amount: f64) {
            if !self.series.is_kept() {
                return;
            }
            if amount >= 0.0 {
                self.series.cell.add(amount);
            } else {
                self.series.refuse();
            }
        }

        /// The count.
        pub fn get(&self) -> f64 {
            self.series.cell.get()
        }
    }

    impl Metric for Counter {
        type Cell = Total;
        const KIND: &'static str = "counter";

        fn of(series: Arc<Series<Total>>) -> Self {
            Self { series }
        }

        fn cell(_: &[f64]) -> Total {
            Total::default()
        }

        fn write(cell: &Total, lines: &mut Lines) {
            lines.value("", cell.get());
        }
    }

    /// One series of a gauge. A clone is the same series.
    #[derive(Clone)]
    pub struct Gauge {
        series: Arc<Series<Float>>,
    }

    impl Gauge {
        /// Says what the value is; NaN and infinities are values too.
        pub fn set(&self, value: f64) {
            if self.series.is_kept() {
                self.series.cell.set(value);
            }
        }

        /// Goes up by one.
        pub fn inc(&self) {
            self.add(1.0);
        }

        /// Goes down by one.
        pub fn dec(&self) {
            self.add(-1.0);
        }

        /// Goes up by an amount, which may be negative.
        pub fn add(&self, amount: f64) {
            if self.series.is_kept() {
                self.series.cell.add(amount);
            }
        }

        /// Goes down by an amount.
        pub fn sub(&self, amount: f64) {
            self.add(-amount);
        }

        /// The value.
        pub fn get(&self) -> f64 {
            self.series.cell.get()
        }
    }

    impl Metric for Gauge {
        type Cell = Float;
        const KIND: &'static str = "gauge";

        fn of(series: Arc<Series<Float>>) -> Self {
            Self { series }
        }

        fn cell(_: &[f64]) -> Float {
            Float::default()
        }

        fn write(cell: &Float, lines: &mut Lines) {
            lines.value("", cell.get());
        }
    }

    /// One series of a histogram. A clone is the same series.
    #[derive(Clone)]
    pub struct Histogram {
        series: Arc<Series<HistogramCell>>,
    }

    impl Histogram {
        /// Counts one observation, in the unit of the family. NaN makes the sum NaN and falls into no bucket.
        pub fn observe(&self, value: f64) {
            if self.series.is_kept() {
                self.series.cell.observe(value);
            }
        }

        /// How many observations fell into a bucket (all but NaN).
        pub fn count(&self) -> u64 {
            self.series.cell.counts().iter().sum()
        }

        /// What all observations add up to.
        pub fn sum(&self) -> f64 {
            self.series.cell.sum.get()
        }
    }

    impl Metric for Histogram {
        type Cell = HistogramCell;
        const KIND: &'static str = "histogram";

        fn of(series: Arc<Series<HistogramCell>>) -> Self {
            Self { series }
        }

        fn cell(bounds: &[f64]) -> HistogramCell {
            HistogramCell::new(bounds)
        }

        fn write(cell: &HistogramCell, lines: &mut Lines) {
            let mut count = 0;
            for (bound, more) in cell.bounds.iter().zip(cell.counts()) {
                count += more;
                lines.bucket(*bound, count);
            }
            lines.value("_count", count as f64);
            // With negative observations the sum would be no counter.
            if cell.bounds.first().map_or(true, |bound| *bound >= 0.0) {
                lines.value("_sum", cell.sum.get());
            }
        }
    }

    /// One series of a summary. A clone is the same series.
    #[derive(Clone)]
    pub struct Summary {
        series: Arc<Series<SummaryCell>>,
    }

    impl Summary {
        /// Counts one observation, in the unit of the family.
        pub fn observe(&self, value: f64) {
            if self.series.is_kept() {
                self.series.cell.observe(value);
            }
        }

        /// How many observations there were.
        pub fn count(&self) -> u64 {
            self.series.cell.count.get() as u64
        }

        /// What all observations add up to.
        pub fn sum(&self) -> f64 {
            self.series.cell.sum.get()
        }
    }

    impl Metric for Summary {
        type Cell = SummaryCell;
        const KIND: &'static str = "summary";

        fn of(series: Arc<Series<SummaryCell>>) -> Self {
            Self { series }
        }

        fn cell(_: &[f64]) -> SummaryCell {
            SummaryCell::default()
        }

        fn write(cell: &SummaryCell, lines: &mut Lines) {
            lines.value("_count", cell.count.get());
            lines.value("_sum", cell.sum.get());
        }
    }

    /// A family without labels is its only series.
    impl<M: Metric> Declared for M {
        fn declared(registry: &Registry, declaration: Declaration) -> Self {
            registry.family::<M>(declaration, &[]).series(&[])
        }
    }
}

mod families {
    use super::registry::Registry;
    use super::text::{self, Lines};
    use std::collections::hash_map::RandomState;
    use std::collections::HashMap;
    use std::hash::{BuildHasher, Hash, Hasher};
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
    use std::sync::{Arc, PoisonError, RwLock};

    /// What a series is used by: `Counter`, `Gauge`, `Histogram` or `Summary`.
    pub trait Metric: Clone + Send + Sync + Sized + 'static {
        /// Where the values are kept.
        type Cell: Send + Sync + 'static;
        /// The type in the exposition.
        const KIND: &'static str;

        #[doc(hidden)]
        fn of(series: Arc<Series<Self::Cell>>) -> Self;
        #[doc(hidden)]
        fn cell(bounds: &[f64]) -> Self::Cell;
        #[doc(hidden)]
        fn write(cell: &Self::Cell, lines: &mut Lines);
    }

    /// A family as the catalogue declares it.
    #[derive(Clone, Copy)]
    pub struct Declaration {
        pub name: &'static str,
        pub help: &'static str,
        pub bounds: &'static [f64],
        pub series_budget: usize,
    }

    /// What stands in a field of a domain.
    pub trait Declared {
        fn declared(registry: &Registry, declaration: Declaration) -> Self;
    }

    /// What a registry asks a family for.
    pub trait Collect: Send + Sync {
        fn write(&self, out: &mut String);
        /// Family, reason and number of the updates that were dropped.
        fn dropped(&self) -> Vec<(&'static str, &'static str, u64)>;
    }

    /// The values for one set of label values.
    pub struct Series<C> {
        pub cell: C,
        values: Vec<String>,
        kept: bool,
        drops: Arc<Drops>,
    }

    #[derive(Default)]
    struct Drops {
        value: AtomicU64,
        series_budget: AtomicU64,
    }

    impl<C> Series<C> {
        /// Whether an update is kept; one that is not is counted.
        pub fn is_kept(&self) -> bool {
            if !self.kept {
                self.drops.series_budget.fetch_add(1, Relaxed);
            }
            self.kept
        }

        /// Counts an update whose value cannot be kept.
        pub fn refuse(&self) {
            self.drops.value.fetch_add(1, Relaxed);
        }

        fn has(&self, values: &[&str]) -> bool {
            self.values.iter().eq(values)
        }
    }

    /// A metric family with its series.
    pub struct Family<M: Metric> {
        declaration: Declaration,
        labels: &'static [&'static str],
        hasher: RandomState,
        kept: RwLock<Kept<M::Cell>>,
        lost: Arc<Series<M::Cell>>,
        drops: Arc<Drops>,
    }

    struct Kept<C> {
        by_hash: HashMap<u64, Vec<Arc<Series<C>>>>,
        /// In the order in which they were first used, as they are written.
        in_order: Vec<Arc<Series<C>>>,
    }

    impl<M: Metric> Family<M> {
        pub fn new(declaration: Declaration, labels: &'static [&'static str]) -> Self {
            let drops = Arc::new(Drops::default());
            Self {
                declaration,
                labels,
                hasher: RandomState::new(),
                kept: RwLock::new(Kept {
                    by_hash: HashMap::new(),
                    in_order: Vec::new(),
                }),
                lost: Arc::new(Series {
                    cell: M::cell(declaration.bounds),
                    values: Vec::new(),
                    kept: false,
                    drops: drops.clone(),
                }),
                drops,
            }
        }

        /// The series with these values, made if there is none; `values` are in the order of `labels`.
        pub fn series(&self, values: &[&str]) -> M {
            let hash = self.hash(values);
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            let found = kept.find(hash, values);
            drop(kept);
            M::of(found.unwrap_or_else(|| self.add(hash, values)))
        }

        /// Forgets a series; what still holds it goes on updating it, unseen.
        pub fn remove(&self, values: &[&str]) {
            let hash = self.hash(values);
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(same) = kept.by_hash.get_mut(&hash) {
                same.retain(|series| !series.has(values));
                if same.is_empty() {
                    kept.by_hash.remove(&hash);
                }
                kept.in_order.retain(|series| !series.has(values));
            }
        }

        fn add(&self, hash: u64, values: &[&str]) -> Arc<Series<M::Cell>> {
            let mut kept = self.kept.write().unwrap_or_else(PoisonError::into_inner);
            if let Some(found) = kept.find(hash, values) {
                return found;
            }
            // The one series of a family without labels is always kept.
            if kept.in_order.len() >= self.declaration.series_budget && !values.is_empty() {
                return self.lost.clone();
            }
            let made = Arc::new(Series {
                cell: M::cell(self.declaration.bounds),
                values: values.iter().map(|value| value.to_string()).collect(),
                kept: true,
                drops: self.drops.clone(),
            });
            kept.by_hash.entry(hash).or_default().push(made.clone());
            kept.in_order.push(made.clone());
            made
        }

        fn hash(&self, values: &[&str]) -> u64 {
            let mut hasher = self.hasher.build_hasher();
            values.hash(&mut hasher);
            hasher.finish()
        }
    }

    impl<C> Kept<C> {
        fn find(&self, hash: u64, values: &[&str]) -> Option<Arc<Series<C>>> {
            let same = self.by_hash.get(&hash)?;
            same.iter().find(|series| series.has(values)).cloned()
        }
    }

    impl<M: Metric> Collect for Family<M> {
        fn write(&self, out: &mut String) {
            let kept = self.kept.read().unwrap_or_else(PoisonError::into_inner);
            let all = kept.in_order.clone();
            drop(kept);
            text::write_head(out, self.declaration.name, self.declaration.help, M::KIND);
            for series in all {
                let name = self.declaration.name;
                M::write(
                    &series.cell,
                    &mut Lines::new(out, name, self.labels, &series.values),
                );
            }
        }

        fn dropped(&self) -> Vec<(&'static str, &'static str, u64)> {
            let name = self.declaration.name;
            vec![
                (name, "value", self.drops.value.load(Relaxed)),
                (
                    name,
                    "series_budget",
                    self.drops.series_budget.load(Relaxed),
                ),
            ]
        }
    }
}

mod cells {
    use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

    /// Above this an amount is added as a float, so that no sum of whole numbers ever wraps around.
    const LARGEST_WHOLE: f64 = 4_294_967_296.0;

    /// A float that threads change without a lock; no change is lost.
    #[derive(Default)]
    pub struct Float {
        bits: AtomicU64,
    }

    impl Float {
        pub fn get(&self) -> f64 {
            f64::from_bits(self.bits.load(Relaxed))
        }

        pub fn set(&self, value: f64) {
            self.bits.store(value.to_bits(), Relaxed);
        }

        pub fn add(&self, amount: f64) {
            let mut old = self.bits.load(Relaxed);
            loop {
                let new = (f64::from_bits(old) + amount).to_bits();
                match self.bits.compare_exchange_weak(old, new, Relaxed, Relaxed) {
                    Ok(_) => return,
                    Err(now) => old = now,
                }
            }
        }
    }

    /// A sum of amounts that are not negative. Whole ones, which are the rule, take one instruction.
    #[derive(Default)]
    pub struct Total {
        whole: AtomicU64,
        rest: Float,
    }

    impl Total {
        pub fn add_whole(&self, amount: u64) {
            self.whole.fetch_add(amount, Relaxed);
        }

        pub fn add(&self, amount: f64) {
            if amount <= LARGEST_WHOLE && amount.fract() == 0.0 {
                self.add_whole(amount as u64);
            } else {
                self.rest.add(amount);
            }
        }

        pub fn get(&self) -> f64 {
            self.whole.load(Relaxed) as f64 + self.rest.get()
        }
    }

    /// The observations of a histogram: how many fell into each bucket alone, and their sum.
    pub struct HistogramCell {
        /// Upper bounds, the last one infinite.
        pub bounds: Vec<f64>,
        pub sum: Float,
        buckets: Vec<AtomicU64>,
    }

    impl HistogramCell {
        pub fn new(bounds: &[f64]) -> Self {
            let bounds: Vec<f64> = bounds.iter().copied().chain([f64::INFINITY]).collect();
            Self {
                buckets: bounds.iter().map(|_| AtomicU64::new(0)).collect(),
                sum: Float::default(),
                bounds,
            }
        }

        pub fn observe(&self, value: f64) {
            self.sum.add(value);
            if !value.is_nan() {
                let place = self.bounds.partition_point(|bound| *bound < value);
                if let Some(bucket) = self.buckets.get(place) {
                    bucket.fetch_add(1, Relaxed);
                }
            }
        }

        pub fn counts(&self) -> Vec<u64> {
            self.buckets
                .iter()
                .map(|bucket| bucket.load(Relaxed))
                .collect()
        }
    }

    /// The observations of a summary.
    #[derive(Default)]
    pub struct SummaryCell {
        pub count: Total,
        pub sum: Float,
    }

    impl SummaryCell {
        pub fn observe(&self, value: f64) {
            self.count.add_whole(1);
            self.sum.add(value);
        }
    }
}

mod text {
    /// Writes the lines of one series.
    pub struct Lines<'a> {
        out: &'a mut String,
        name: &'a str,
        labels: &'a [&'a str],
        values: &'a [String],
    }

    impl<'a> Lines<'a> {
        pub fn new(
            out: &'a mut String,
            name: &'a str,
            labels: &'a [&'a str],
            values: &'a [String],
        ) -> Self {
            Self {
                out,
                name,
                labels,
                values,
            }
        }

        /// A line with a value, the suffix behind the family's name.
        pub fn value(&mut self, suffix: &str, value: f64) {
            self.line(suffix, None, value);
        }

        /// The line of a bucket of a histogram.
        pub fn bucket(&mut self, bound: f64, count: u64) {
            let mut le = String::new();
            push_number(&mut le, bound);
            self.line("_bucket", Some(&le), count as f64);
        }

        /// Labels stand in the order of their names, `le` among them.
        fn line(&mut self, suffix: &str, le: Option<&str>, value: f64) {
            self.out.push_str(self.name);
            self.out.push_str(suffix);
            let own = self
                .labels
                .iter()
                .copied()
                .zip(self.values.iter().map(String::as_str));
            let mut pairs: Vec<(&str, &str)> = own.chain(le.map(|bound| ("le", bound))).collect();
            pairs.sort_unstable();
            push_labels(self.out, &pairs);
            self.out.push(' ');
            push_number(self.out, value);
            self.out.push('\n');
        }
    }

    /// HELP and TYPE of a family.
    pub fn write_head(out: &mut String, name: &str, help: &str, kind: &str) {
        out.push_str("# HELP ");
        out.push_str(name);
        out.push(' ');
        for character in help.chars() {
            match character {
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                other => out.push(other),
            }
        }
        out.push_str("\n# TYPE ");
        out.push_str(name);
        out.push(' ');
        out.push_str(kind);
        out.push('\n');
    }

    /// What was dropped, once there is something to tell.
    pub fn write_dropped<'a>(
        out: &mut String,
        dropped: impl Iterator<Item = (&'a str, &'a str, u64)>,
    ) {
        let name = "tapewatch_sdk_dropped_updates_total";
        let mut told = false;
        for (family, reason, count) in dropped.filter(|(_, _, count)| *count > 0) {
            if !told {
                write_head(out, name, "Updates that were not kept.", "counter");
                told = true;
            }
            out.push_str(name);
            push_labels(out, &[("family", family), ("reason", reason)]);
            out.push(' ');
            push_number(out, count as f64);
            out.push('\n');
        }
    }

    fn push_labels(out: &mut String, pairs: &[(&str, &str)]) {
        for (position, (label, value)) in pairs.iter().enumerate() {
            out.push(if position == 0 { '{' } else { ',' });
            out.push_str(label);
            out.push_str("=\"");
            for character in value.chars() {
                match character {
                    '\\' => out.push_str("\\\\"),
                    '\n' => out.push_str("\\n"),
                    '"' => out.push_str("\\\""),
                    other => out.push(other),
                }
            }
            out.push('"');
        }
        if !pairs.is_empty() {
            out.push('}');
        }
    }

    /// A number as the Python SDK and prometheus-client write it: `1.0`, `1e-05`, and from a million on `1e+06`.
    pub fn push_number(out: &mut String, value: f64) {
        if value.is_nan() {
            out.push_str("NaN");
            return;
        }
        if value.is_infinite() {
            out.push_str(if value > 0.0 { "+Inf" } else { "-Inf" });
            return;
        }
        // The fewest digits that give the same number again, `1.25e-3`.
        let shortest = format!("{:e}", value.abs());
        let (mantissa, exponent) = shortest.split_once('e').unwrap_or((&shortest, "0"));
        let digits = mantissa.replace('.', "");
        let exponent: i32 = exponent.parse().unwrap_or(0);
        if value.is_sign_negative() {
            out.push('-');
        }
        let highest = if value > 0.0 { 5 } else { 15 };
        if (-4..=highest).contains(&exponent) {
            push_plain(out, &digits, exponent);
        } else {
            out.push_str(mantissa);
            let sign = if exponent < 0 { '-' } else { '+' };
            out.push_str(&format!("e{}{:02}", sign, exponent.abs()));
        }
    }

    /// Digits with a point: the first one counts ten to the power of `exponent`.
    fn push_plain(out: &mut String, digits: &str, exponent: i32) {
        if exponent < 0 {
            out.push_str("0.");
            (1..-exponent).for_each(|_| out.push('0'));
            out.push_str(digits);
            return;
        }
        let before = exponent as usize + 1;
        for (position, digit) in digits.chars().enumerate() {
            if position == before {
                out.push('.');
            }
            out.push(digit);
        }
        if digits.len() <= before {
            (digits.len()..before).for_each(|_| out.push('0'));
            out.push_str(".0");
        }
    }
}

mod server {
    use super::registry::Registry;
    use std::io::{self, Read, Write};
    use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream, ToSocketAddrs};
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
    use std::sync::Arc;
    use std::thread;
    use std::time::{Duration, Instant};

    /// Bytes of a request; Prometheus sends some 400.
    const MAX_HEAD: usize = 16_384;
    /// Connections at a time; one more is closed at once.
    const MAX_CONNECTIONS: usize = 64;
    /// How long a client may take to send its request.
    const HEAD_TIMEOUT: Duration = Duration::from_secs(5);
    /// How long a client may take to read the answer; Prometheus gives a scrape up after as long by default.
    const SEND_TIMEOUT: Duration = Duration::from_secs(10);
    /// How long a client may take to close, after the answer.
    const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
    /// Pause when no connection can be taken, for instance because the process has no file left.
    const BREATH: Duration = Duration::from_millis(100);

    const TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";
    const PLAIN: &str = "text/plain; charset=utf-8";
    const JSON: &str = "application/json";

    /// A running server. It serves until the program ends, also when this is dropped.
    #[derive(Clone)]
    pub struct Server {
        address: SocketAddr,
        state: Arc<State>,
    }

    struct State {
        registry: Registry,
        healthy: AtomicBool,
        ready: AtomicBool,
        open: AtomicUsize,
    }

    impl Server {
        /// Where it listens; with port 0 the one that was free.
        pub fn address(&self) -> SocketAddr {
            self.address
        }

        /// What `/health` answers: 200, or 503 for "restart me".
        pub fn set_healthy(&self, healthy: bool) {
            self.state.healthy.store(healthy, SeqCst);
        }

        /// What `/ready` answers: 200, or 503 for "let me be for a while".
        pub fn set_ready(&self, ready: bool) {
            self.state.ready.store(ready, SeqCst);
        }
    }

    pub fn serve(registry: Registry, address: impl ToSocketAddrs) -> io::Result<Server> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let state = Arc::new(State {
            registry,
            healthy: AtomicBool::new(true),
            ready: AtomicBool::new(true),
            open: AtomicUsize::new(0),
        });
        let server = Server {
            address,
            state: state.clone(),
        };
        let thread = thread::Builder::new().name("tapewatch-serving".into());
        thread.spawn(move || accept(&listener, &state))?;
        Ok(server)
    }

    fn accept(listener: &TcpListener, state: &Arc<State>) {
        for connection in listener.incoming() {
            match connection {
                Ok(stream) => attend(stream, state),
                Err(_) => thread::sleep(BREATH),
            }
        }
    }

    /// Answers in a thread, so that a client that is slow holds up nobody else.
    fn attend(stream: TcpStream, state: &Arc<State>) {
        let place = Place::take(state);
        if place.is_taken_by_too_many() {
            return;
        }
        let thread = thread::Builder::new().name("tapewatch-answering".into());
        let answering = thread.spawn(move || {
            // A client that breaks off is no concern of this program.
            let _ = converse(stream, &place.state);
        });
        if answering.is_err() {
            thread::sleep(BREATH);
        }
    }

    /// A connection that is counted as long as it lives.
    struct Place {
        state: Arc<State>,
        number: usize,
    }

    impl Place {
        fn take(state: &Arc<State>) -> Self {
            let number = state.open.fetch_add(1, SeqCst);
            let state = state.clone();
            Self { state, number }
        }

        fn is_taken_by_too_many(&self) -> bool {
            self.number >= MAX_CONNECTIONS
        }
    }

    impl Drop for Place {
        fn drop(&mut self) {
            self.state.open.fetch_sub(1, SeqCst);
        }
    }

    fn converse(mut stream: TcpStream, state: &State) -> io::Result<()> {
        let answer = match read_head(&mut stream)? {
            Ok(head) => answer(&head, state),
            Err(status) => encoded(status, PLAIN, status, true),
        };
        send(&mut stream, &answer)?;
        close(&mut stream)
    }

    /// The head of a request, or the status that says what is wrong with it.
    fn read_head(stream: &mut TcpStream) -> io::Result<Result<String, &'static str>> {
        let deadline = Instant::now() + HEAD_TIMEOUT;
        let mut head = Vec::new();
        let mut part = [0; 1024];
        loop {
            let Some(left) = time_left(deadline) else {
                return Ok(Err("408 Request Timeout"));
            };
            stream.set_read_timeout(Some(left))?;
            let length = match stream.read(&mut part) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(length) => length,
                Err(error) if is_for_now(&error) => continue,
                Err(error) => return Err(error),
            };
            let searched = head.len().saturating_sub(3);
            head.extend_from_slice(&part[..length]);
            let end = head[searched..]
                .windows(4)
                .position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                head.truncate(searched + end);
                return Ok(Ok(String::from_utf8_lossy(&head).into_owned()));
            }
            if head.len() > MAX_HEAD {
                return Ok(Err("431 Request Header Fields Too Large"));
            }
        }
    }

    fn answer(head: &str, state: &State) -> Vec<u8> {
        let first = head.split("\r\n").next().unwrap_or_default();
        let words: Vec<&str> = first.split(' ').collect();
        let (method, target) = match words[..] {
            [method, target, "HTTP/1.1" | "HTTP/1.0"] => (method, target),
            _ => return encoded("400 Bad Request", PLAIN, "400 Bad Request", true),
        };
        let with_body = method != "HEAD";
        if with_body && method != "GET" {
            let status = "405 Method Not Allowed";
            return encoded(status, PLAIN, status, true);
        }
        match target.split('?').next().unwrap_or_default() {
            "/metrics" => encoded("200 OK", TEXT, &state.registry.encode(), with_body),
            "/health" => probe(state.healthy.load(SeqCst), with_body),
            "/ready" => probe(state.ready.load(SeqCst), with_body),
            _ => encoded("404 Not Found", PLAIN, "404 Not Found", with_body),
        }
    }

    fn probe(passed: bool, with_body: bool) -> Vec<u8> {
        let (status, word) = if passed {
            ("200 OK", "ok")
        } else {
            ("503 Service Unavailable", "failed")
        };
        encoded(
            status,
            JSON,
            &format!("{{\"status\": \"{}\"}}", word),
            with_body,
        )
    }

    fn encoded(status: &str, kind: &str, body: &str, with_body: bool) -> Vec<u8> {
        let allow = if status.starts_with("405") {
            "Allow: GET, HEAD\r\n"
        } else {
            ""
        };
        let head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}Cache-Control: no-store\r\n\
             X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n",
            status,
            kind,
            body.len(),
            allow
        );
        let mut bytes = head.into_bytes();
        if with_body {
            bytes.extend_from_slice(body.as_bytes());
        }
        bytes
    }

    fn send(stream: &mut TcpStream, mut bytes: &[u8]) -> io::Result<()> {
        let deadline = Instant::now() + SEND_TIMEOUT;
        while !bytes.is_empty() {
            let left = time_left(deadline).ok_or(io::ErrorKind::TimedOut)?;
            stream.set_write_timeout(Some(left))?;
            match stream.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(length) => bytes = &bytes[length..],
                Err(error) if is_for_now(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Reads what the client still sends before the connection is closed, or it would lose the answer.
    fn close(stream: &mut TcpStream) -> io::Result<()> {
        stream.shutdown(Shutdown::Write)?;
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        let mut part = [0; 1024];
        while let Some(left) = time_left(deadline) {
            stream.set_read_timeout(Some(left))?;
            match stream.read(&mut part) {
                Ok(0) => break,
                Ok(_) => {}
                Err(error) if is_for_now(&error) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn time_left(deadline: Instant) -> Option<Duration> {
        let left = deadline.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// Whether the deadline decides, rather than this error.
    fn is_for_now(error: &io::Error) -> bool {
        use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
        matches!(error.kind(), Interrupted | TimedOut | WouldBlock)
    }
}
