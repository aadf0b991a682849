// The event feed: newest first, filtered by severity and type.

import { byId, clone, Keyed, setData, setHidden, setText, setTitle } from "./dom.js";
import { clock, dayOf, moment } from "./format.js";
import { later } from "./frame.js";

const KEPT = 200; // Of those that matter, and as many of the others, which would push them out within two minutes.
// What happens all the time; the orders, their rates and their end stand elsewhere on the page.
const ROUTINE = ["CYCLE_START", "CYCLE_END", "DECISION_MADE", "TRADE_SUBMITTED", "TRADE_FILLED"];
const NOTABLE = [
  "TRADE_REJECTED", "KILL_SWITCH_TRIGGERED", "DAILY_LOSS_WARNING", "DRAWDOWN_WARNING", "POSITION_LIMIT_WARNING",
  "ENGINE_START", "ENGINE_STOP", "ERROR", "CONNECTION_LOST", "CONNECTION_RESTORED", "QUOTE_STALE", "DATA_ERROR",
  "ALERT_FIRING", "ALERT_RESOLVED",
];
const isRoutine = ({ event_type: type, severity }) => ROUTINE.includes(type) && SEVERITIES.indexOf(severity) < 2;
const SEVERITIES = ["debug", "info", "warning", "error", "critical"];
const TOLD = 120; // Characters of an event's data in its line; all of it is one click away.

function short(value) {
  if (typeof value === "number") return String(Number(value.toPrecision(6)));
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

const isAlert = ({ event_type: type }) => type === "ALERT_FIRING" || type === "ALERT_RESOLVED";

// An alert is told once by Prometheus, and once for each receiver that it was delivered to.
function alertInWords({ alertname, annotations, delivered, receiver }) {
  const how = delivered ? `delivered to ${receiver}` : "seen at Prometheus";
  return [alertname, how].filter(Boolean).join(" ") + (annotations?.summary ? `: ${annotations.summary}` : "");
}

// An event in a few words: its data, with as many digits as one can read.
function inWords(event) {
  const { data } = event;
  if (isAlert(event) && data?.alertname) return alertInWords(data);
  const parts = Object.entries(data ?? {})
    .filter(([, value]) => value !== null && value !== "")
    .map(([key, value]) => `${key} ${short(value)}`);
  const text = parts.join(", ");
  return text.length > TOLD ? `${text.slice(0, TOLD)}…` : text;
}

export class Events {
  constructor() {
    this.events = [];
    this.ids = new Set();
    this.list = new Keyed(byId("events-list"), () => clone("event-template"));
    this.severity = byId("events-severity");
    this.type = byId("events-type");
    this.render = () => this.show();
    for (const select of [this.severity, this.type]) select.addEventListener("change", this.render);
    this.today = "";
  }

  // `at`: now, by the server's clock. At midnight what was today's gets a date.
  date(at) {
    const today = dayOf(at);
    if (today === this.today) return;
    this.today = today;
    later(this.render);
  }

  take(events) {
    for (const event of events) {
      if (this.ids.has(event.id)) continue; // After a break the newest come again.
      this.ids.add(event.id);
      this.events.push({ ...event, at: Date.parse(event.timestamp) / 1000 });
    }
    this.events.sort((one, other) => other.at - one.at || (one.id < other.id ? 1 : -1));
    const kept = { true: 0, false: 0 };
    this.events = this.events.filter((event) => {
      const keep = ++kept[isRoutine(event)] <= KEPT;
      if (!keep) this.ids.delete(event.id);
      return keep;
    });
    later(this.render);
  }

  // What matters of the time before: the newest that a connection begins with are mostly orders.
  async fill() {
    const query = new URLSearchParams([...NOTABLE.map((type) => ["type", type]), ["limit", "100"]]);
    try {
      const answer = await fetch(`/api/events?${query}`);
      if (answer.ok) this.take((await answer.json()).events);
    } catch {
      // The feed simply begins now.
    }
  }

  isWanted(event) {
    const type = this.type.value;
    if (SEVERITIES.indexOf(event.severity) < Number(this.severity.value)) return false;
    return type === "*" || (type === "" ? !isRoutine(event) : event.event_type === type);
  }

  show() {
    this.offer();
    const shown = this.events.filter((event) => this.isWanted(event));
    this.list.show(shown, ({ id }) => id, (element, event) => this.update(element, event));
    const all = this.events.length;
    setText(byId("events-count"), shown.length < all ? `${shown.length} of the newest ${all}` : all > 0 ? `the newest ${all}` : "");
    setHidden(byId("events-none"), shown.length > 0);
    const chosen = this.type.value !== "" || this.severity.value !== "0";
    setText(byId("events-none"), chosen && all > 0 ? "No event is like that." : "Nothing has happened yet.");
    setHidden(byId("events-list"), shown.length === 0);
  }

  // Types to choose from: those that were seen.
  offer() {
    const known = new Set([...this.type.options].map(({ value }) => value));
    for (const { event_type: type } of this.events) {
      if (known.has(type)) continue;
      known.add(type);
      const before = [...this.type.options].find(({ value }) => value > type) ?? null;
      this.type.insertBefore(new Option(type, type), before);
    }
  }

  // An event never changes, so it is written once; but for its day, which is not today's for ever.
  update(element, event) {
    const [time, badge, name, where, what] = element.querySelector("summary").children;
    setText(time, dayOf(event.at) === this.today ? clock(event.at) : moment(event.at));
    if (element.dataset.severity !== undefined) return;
    setData(element, "severity", String(event.severity));
    setTitle(time, moment(event.at));
    time.dateTime = String(event.timestamp);
    setText(badge, String(event.severity));
    setText(name, String(event.event_type));
    setText(where, String(event.source));
    setText(what, inWords(event));
    element.querySelector("details").addEventListener("toggle", () => {
      setText(element.querySelector("pre"), JSON.stringify({ id: event.id, timestamp: event.timestamp, ...event.data }, null, 2));
    }, { once: true });
  }
}
