// Tables of what has a symbol or a strategy.

import { byId, Keyed, setHidden, setText } from "./dom.js";
import { count, number, percent, price, signedUsd, usd } from "./format.js";
import { first } from "./model.js";

// Title, metric, how it is written, and how several services' values become one where they are not added up.
const SYMBOLS = [
  ["Last price", "market_data_price", price, first],
  ["Last fill", "execution_last_fill_price", price, first],
  ["Position", "risk_position_size", number],
  ["Value", "position_value_usd", usd],
  ["Unrealised", "risk_pnl_unrealized", signedUsd],
  ["Book depth", "market_data_orderbook_depth", count],
];

const STRATEGIES = [
  ["Today", "strategy_daily_pnl", signedUsd],
  ["In all", "strategy_pnl", signedUsd],
  ["Positions", "strategy_positions", count],
  ["Signals", "strategy_signals_total", count],
  ["Win rate", "strategy_win_rate", percent, first],
];

class Table {
  constructor(source, id, label, columns) {
    Object.assign(this, { source, id, label, columns });
    const table = byId(`${id}-table`);
    const head = table.tHead.insertRow();
    for (const title of [label, ...columns.map(([each]) => each)]) {
      const cell = head.appendChild(document.createElement("th"));
      cell.scope = "col";
      setText(cell, title);
    }
    this.rows = new Keyed(table.tBodies[0], () => this.row());
  }

  row() {
    const row = document.createElement("tr");
    const head = row.appendChild(document.createElement("th"));
    head.scope = "row";
    for (const [title] of this.columns) row.insertCell().dataset.title = title;
    return row;
  }

  show() {
    const found = this.columns.map(([, name, , join]) => this.source.model.by(name, this.label.toLowerCase(), join));
    const keys = [...new Set(found.flatMap((each) => [...each.keys()]))].sort();
    setHidden(byId(`${this.id}-none`), keys.length > 0);
    setHidden(byId(`${this.id}-table`).parentElement, keys.length === 0);
    this.rows.show(keys, (key) => key, (row, key) => {
      setText(row.cells[0], key);
      this.columns.forEach(([, , write], index) => setText(row.cells[index + 1], write(found[index].get(key))));
    });
  }
}

export const symbols = (source) => new Table(source, "symbols", "Symbol", SYMBOLS);
export const strategies = (source) => new Table(source, "strategies", "Strategy", STRATEGIES);
