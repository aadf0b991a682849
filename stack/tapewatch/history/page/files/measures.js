// What the charts and tiles show, worked out from the model: one sample a second.

import { Mean, Rate } from "./rates.js";

const MINUTE = 60;
const LATENCY_WINDOW = 10; // Seconds: short enough to see a fault at once, long enough for some orders.

// Label, the families that measure it (the first that is exposed counts), and seconds in one unit of each.
export const LATENCIES = [
  ["tick processing", [["market_data_processing_latency_microseconds", 1e-6], ["market_data_processing_latency_ms", 1e-3]]],
  ["inference", [["signal_inference_duration_microseconds", 1e-6]]],
  ["risk check", [["risk_check_duration_microseconds", 1e-6], ["risk_check_duration_ms", 1e-3]]],
  ["order placement", [["order_placement_latency_milliseconds", 1e-3]]],
  ["submit to fill", [["execution_fill_latency_ms", 1e-3]]],
  ["exchange API", [["execution_api_latency_ms", 1e-3]]],
  ["live trading order", [["live_trading_order_latency_seconds", 1]]],
  ["feed to state", [["pipeline_message_latency_seconds", 1]]],
];

export const ORDERS = [
  ["submitted", ["execution_orders_submitted_total", "orders_submitted_total"]],
  ["filled", ["execution_orders_filled_total", "orders_filled_total"]],
  ["rejected", ["execution_orders_rejected_total", "orders_rejected_total"]],
  ["cancelled", ["execution_orders_cancelled_total"]],
];

export const exposed = (model, names) => names.find((name) => model.all(name).length > 0) ?? names[0];

// Realised, unrealised and today's profit, from whoever knows it.
export const PROFITS = [
  ["realised", ["risk_pnl_realized"]],
  ["unrealised", ["risk_pnl_unrealized", "unrealized_pnl_usd"]],
  ["today", ["strategy_daily_pnl"]],
];

export class Measures {
  constructor(model) {
    this.model = model;
    this.orders = new Map(ORDERS.map(([label]) => [label, new Rate(MINUTE)]));
    this.latencies = new Map(LATENCIES.map(([label]) => [label, new Mean(LATENCY_WINDOW)]));
    this.ticks = new Map();
    this.signals = new Rate(MINUTE);
  }

  // Once a second.
  sample() {
    const { model } = this;
    const { at } = model;
    for (const [label, names] of ORDERS) this.orders.get(label).push(at, model.gained(exposed(model, names)));
    for (const [label, families] of LATENCIES) {
      const [name, factor] = families.find(([each]) => model.all(`${each}_count`).length > 0) ?? families[0];
      this.latencies.get(label).push(at, model.gained(`${name}_sum`) * factor, model.gained(`${name}_count`));
    }
    this.signals.push(at, model.gained("strategy_signals_total"));
    this.sampleTicks(at);
  }

  sampleTicks(at) {
    const counted = this.model.by("market_data_ticks_received_total", "symbol");
    for (const symbol of counted.keys()) {
      if (!this.ticks.has(symbol)) this.ticks.set(symbol, new Rate(LATENCY_WINDOW, 5));
    }
    for (const [symbol, rate] of this.ticks) {
      const now = counted.get(symbol) ?? NaN;
      if (now < rate.counts.at(-1)) rate.push(at, NaN); // The service began anew.
      rate.push(at, now);
    }
  }

  profit(label) {
    const [, names] = PROFITS.find(([each]) => each === label);
    return this.model.total(exposed(this.model, names));
  }
}
