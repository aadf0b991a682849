// The event feed: newest first, filtered by severity and type.

import { byId, clone, Keyed, setData, setHidden, setText, setTitle } from "./dom.js";
import { clock, moment } from "./format.js";
import { later } from "./frame.js";

const KEPT = 200;
const SEVERITIES = ["debug", "info", "warning", "error", "critical"];
const TOLD = 120; // Characters of an event's data in its line; all of it is one click away.

// An event in a few words: its data, without nesting.
function inWords(data) {
  const parts = Object.entries(data ?? {})
    .filter(([, value]) => value !== null && value !== "")
    .map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : String(value)}`);
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
  }

  take(events) {
    for (const event of events) {
      if (this.ids.has(event.id)) continue; // After a break the newest come again.
      this.ids.add(event.id);
      this.events.push({ ...event, at: Date.parse(event.timestamp) / 1000 });
    }
    this.events.sort((one, other) => other.at - one.at || (one.id < other.id ? 1 : -1));
    for (const { id } of this.events.splice(KEPT)) this.ids.delete(id);
    later(this.render);
  }

  show() {
    this.offer();
    const least = Number(this.severity.value);
    const type = this.type.value;
    const shown = this.events.filter(
      (event) => SEVERITIES.indexOf(event.severity) >= least && (type === "" || event.event_type === type),
    );
    this.list.show(shown, ({ id }) => id, (element, event) => this.update(element, event));
    const all = this.events.length;
    setText(byId("events-count"), shown.length < all ? `${shown.length} of the newest ${all}` : all > 0 ? `the newest ${all}` : "");
    setHidden(byId("events-none"), shown.length > 0);
    setText(byId("events-none"), all > 0 ? "No event is like that." : "Nothing has happened yet.");
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

  // An event never changes, so it is written once.
  update(element, event) {
    if (element.dataset.severity !== undefined) return;
    setData(element, "severity", String(event.severity));
    const [time, badge, name, where, what] = element.querySelector("summary").children;
    setText(time, clock(event.at));
    setTitle(time, moment(event.at));
    time.dateTime = String(event.timestamp);
    setText(badge, String(event.severity));
    setText(name, String(event.event_type));
    setText(where, String(event.source));
    setText(what, inWords(event.data));
    element.querySelector("details").addEventListener("toggle", () => {
      setText(element.querySelector("pre"), JSON.stringify({ id: event.id, timestamp: event.timestamp, ...event.data }, null, 2));
    }, { once: true });
  }
}
