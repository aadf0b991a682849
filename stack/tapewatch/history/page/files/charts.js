// Which charts there are, and what lines each has.

import { LATENCIES, ORDERS, PROFITS } from "./measures.js";
import { first } from "./model.js";

const YOUNG = "The history has no two whole minutes of this yet.";

// `now` gives the lines of a view as [label, value], or is null where only the history knows them. `fill` says how the
// history gives the moments before; history.js has a function for each kind.
export const CHARTS = [
  {
    id: "price", title: "Price", unit: "price", says: "last, of a symbol or all",
    views: [{
      label: "all, change in %", relative: true,
      now: ({ model }) => [...model.by("market_data_price", "symbol", first)],
      fill: { kind: "gauge", names: ["market_data_price"], label: "symbol", join: first },
    }],
  },
  {
    id: "orders", title: "Orders", unit: "", says: "a minute", zero: true,
    views: [{
      label: "orders",
      now: ({ measures }) => ORDERS.map(([label]) => [label, measures.orders.get(label).perMinute]),
      fill: { kind: "gain", names: Object.fromEntries(ORDERS) },
    }],
  },
  {
    id: "latency", title: "Latency", unit: "s", says: "", log: true,
    views: [
      {
        label: "mean of 10 s",
        now: ({ measures }) => LATENCIES.map(([label]) => [label, measures.latencies.get(label).value]),
        fill: { kind: "mean" },
      },
      { label: "p50 by minute", now: null, nothing: YOUNG, fill: { kind: "quantile", share: 0.5 } },
      { label: "p99 by minute", now: null, nothing: YOUNG, fill: { kind: "quantile", share: 0.99 } },
    ],
  },
  {
    id: "profit", title: "Profit and loss", unit: "usd", says: "USD", zero: true,
    views: [
      {
        label: "all strategies",
        now: ({ measures }) => PROFITS.map(([label]) => [label, measures.profit(label)]),
        fill: { kind: "sum", names: Object.fromEntries(PROFITS) },
      },
      {
        label: "today, by strategy",
        now: ({ model }) => [...model.by("strategy_daily_pnl", "strategy")],
        fill: { kind: "gauge", names: ["strategy_daily_pnl"], label: "strategy" },
      },
    ],
  },
  {
    id: "exposure", title: "Exposure", unit: "usd", says: "USD", zero: true,
    views: [
      {
        label: "all and by symbol",
        now: ({ model }) => [["total", model.total("risk_total_exposure")], ...model.by("position_value_usd", "symbol")],
        fill: { kind: "gauge", names: ["risk_total_exposure", "position_value_usd"], label: "symbol", otherwise: "total" },
      },
      {
        label: "daily loss and its limit",
        now: ({ model }) => [["loss", model.total("risk_daily_loss_usd")], ["limit", model.total("risk_daily_loss_limit_usd")]],
        fill: { kind: "sum", names: { loss: ["risk_daily_loss_usd"], limit: ["risk_daily_loss_limit_usd"] } },
      },
    ],
  },
  {
    id: "ticks", title: "Ticks", unit: "", says: "a second, mean of 10 s", zero: true,
    views: [{
      label: "ticks",
      now: ({ measures }) => [...measures.ticks].map(([symbol, rate]) => [symbol, rate.perSecond]),
      fill: { kind: "rate", names: ["market_data_ticks_received_total"], label: "symbol" },
    }],
  },
];
