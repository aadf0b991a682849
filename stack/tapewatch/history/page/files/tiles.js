// The strip on top: are we trading, is it safe. Every tile says its state in words, not by colour alone.

import { byId, clone, setData, setText, setTitle } from "./dom.js";
import { count, percent, signedUsd, UNKNOWN, usd } from "./format.js";
import { exposed, ORDERS } from "./measures.js";

const CLOSE = 0.8; // Of the daily limit: from where the alert DailyLossLimitApproaching fires.

const off = (value, level = "") => ({ value, level, note: "" });

// Why a value is not known: its service is down, or nobody exposes it.
function missing(model, name) {
  const down = [...new Set(model.all(name).map(({ service }) => service))].filter((each) => model.services[each]?.up === false);
  return { value: UNKNOWN, level: "unknown", note: down.length > 0 ? `${down.join(", ")} is down` : "no service tells" };
}

// A gauge that is 1 or 0, of one or more services.
function flag(model, name, { bad, words }) {
  const value = model.greatest(name);
  const least = model.all(name).reduce((lowest, each) => Math.min(lowest, Number.isNaN(each.value) ? lowest : each.value), Infinity);
  if (Number.isNaN(value)) return missing(model, name);
  const wrong = bad === 1 ? value > 0 : least <= 0;
  const is = (each) => (bad === 1 ? each > 0 : each <= 0);
  const told = model.all(name).filter((each) => !Number.isNaN(each.value) && is(each.value) === wrong);
  const note = `told by ${[...new Set(told.map(({ service }) => service))].join(", ")}`;
  return { value: words[wrong ? 1 : 0], level: wrong ? "bad" : "ok", note };
}

const killSwitch = ({ model }) => flag(model, "risk_kill_switch_active", { bad: 1, words: ["off", "ON"] });
const breaker = ({ model }) => flag(model, "risk_circuit_breaker_status", { bad: 1, words: ["closed", "OPEN"] });
const feed = ({ model }) => {
  const found = flag(model, "market_data_websocket_connected", { bad: 0, words: ["connected", "DISCONNECTED"] });
  const queue = model.total("market_data_message_queue_size");
  return found.level === "ok" && !Number.isNaN(queue) ? { ...found, note: queue === 1 ? "1 message waits" : `${count(queue)} messages wait` } : found;
};

// Why it is not known how many orders there were: none was counted long enough, or nobody counts them.
function uncounted(model) {
  const name = exposed(model, ORDERS[0][1]);
  return model.gained(name) >= 0 ? { value: UNKNOWN, level: "unknown", note: "counting orders" } : missing(model, name);
}

function trading(source) {
  const stops = [
    [killSwitch(source), "Stopped", "the kill switch is on"],
    [breaker(source), "Stopped", "the circuit breaker is open"],
    [feed(source), "No feed", "the exchange's feed is disconnected"],
  ];
  const stop = stops.find(([{ level }]) => level === "bad");
  if (stop) return { value: stop[1], level: "bad", note: stop[2] };
  const orders = source.measures.orders.get("submitted").gain;
  const { seconds } = source.measures.orders.get("submitted");
  if (Number.isNaN(orders)) return uncounted(source.model);
  const during = seconds < 55 ? `${count(seconds)}\u00a0s` : "minute";
  if (orders > 0) return { value: "Trading", level: "ok", note: `${count(orders)} orders in the last ${during}` };
  return { value: "Idle", level: "warn", note: `no order in the last ${during}` };
}

function dailyLoss({ model }) {
  const limits = new Map(model.all("risk_daily_loss_limit_usd").map(({ service, value }) => [service, value]));
  const worst = model.all("risk_daily_loss_usd")
    .filter(({ value }) => !Number.isNaN(value))
    .map(({ service, value }) => ({ value, limit: limits.get(service) ?? NaN, ratio: value / (limits.get(service) ?? NaN) }))
    .sort((one, other) => (other.ratio || 0) - (one.ratio || 0))[0];
  if (worst === undefined) return missing(model, "risk_daily_loss_usd");
  const { value, limit, ratio } = worst;
  const level = ratio >= 1 ? "bad" : ratio >= CLOSE ? "warn" : Number.isNaN(ratio) ? "" : "ok";
  return { value: usd(value), level, note: `${percent(ratio)} of ${usd(limit)}`, share: ratio };
}

function exposure({ model }) {
  const value = model.total("risk_total_exposure");
  if (Number.isNaN(value)) return missing(model, "risk_total_exposure");
  const open = model.total("risk_position_count");
  return { ...off(usd(value)), note: `${count(open)} open ${open === 1 ? "position" : "positions"}` };
}

function profit({ model, measures }) {
  const today = measures.profit("today");
  const note = `realised ${usd(measures.profit("realised"))}, unrealised ${usd(measures.profit("unrealised"))}`;
  if (Number.isNaN(today)) return { ...missing(model, "strategy_daily_pnl"), note };
  return { ...off(signedUsd(today)), note };
}

function orders({ model, measures }) {
  const [submitted, filled, rejected, cancelled] = [...measures.orders.values()].map(({ gain }) => gain);
  if (Number.isNaN(submitted)) return uncounted(model);
  const note = `${count(rejected)} rejected, ${count(cancelled)} cancelled`;
  return { ...off(submitted > 0 ? `${percent(filled / submitted)} filled` : "none"), note };
}

function alerts({ model }) {
  const { evaluated, active } = model.alerts;
  const firing = active.filter(({ state }) => state === "firing");
  const critical = firing.filter(({ severity }) => severity === "critical").length;
  if (firing.length > 0) {
    return { value: `${firing.length} firing`, level: critical > 0 ? "bad" : "warn", note: critical > 0 ? `${critical} critical` : "" };
  }
  if (evaluated !== true) return { value: UNKNOWN, level: "unknown", note: "rules are not evaluated" };
  const pending = active.length;
  return { value: "none", level: "ok", note: pending > 0 ? `${pending} pending` : "rules are evaluated" };
}

function services({ model }) {
  const all = Object.entries(model.services);
  if (all.length === 0) return { value: UNKNOWN, level: "unknown", note: "no service is known" };
  const down = all.filter(([, { up }]) => up === false).map(([name]) => name);
  const up = all.filter(([, each]) => each.up === true).length;
  const note = down.length > 0 ? `${down.slice(0, 3).join(", ")}${down.length > 3 ? ` and ${down.length - 3} more` : ""} down` : up === all.length ? "all answer" : "not all were asked yet";
  return { value: `${up} of ${all.length} up`, level: down.length > 0 ? "bad" : up === all.length ? "ok" : "unknown", note };
}

const TILES = [
  ["Trading", trading], ["Kill switch", killSwitch], ["Circuit breaker", breaker], ["Exchange feed", feed], ["Alerts", alerts],
  ["Daily loss", dailyLoss], ["Exposure", exposure], ["Profit today", profit], ["Orders, last minute", orders], ["Services", services],
];

export class Tiles {
  constructor(source) {
    this.source = source;
    this.tiles = TILES.map(([label, work]) => {
      const tile = byId("tiles").appendChild(clone("tile-template"));
      tile.id = `tile-${label.toLowerCase().replace(/\W+/g, "-")}`;
      setText(tile.querySelector("dt"), label);
      return { tile, work, value: tile.querySelector(".value"), note: tile.querySelector(".note"), bar: null };
    });
  }

  show() {
    for (const each of this.tiles) {
      const { value, level, note, share } = each.work(this.source);
      setText(each.value, value);
      setText(each.note, note);
      setTitle(each.note, note);
      setData(each.tile, "level", level);
      if (share !== undefined) this.bar(each, share);
    }
  }

  // How much of a limit is used.
  bar(each, share) {
    if (each.bar === null) {
      each.bar = each.tile.appendChild(document.createElement("dd"));
      each.bar.className = "bar";
      each.bar.setAttribute("aria-hidden", "true"); // The note says the same.
      each.bar.appendChild(document.createElement("span"));
    }
    const width = `${Math.round(Math.min(1, Math.max(0, share || 0)) * 1000) / 10}%`;
    if (each.bar.firstChild.style.width !== width) each.bar.firstChild.style.width = width;
  }
}
