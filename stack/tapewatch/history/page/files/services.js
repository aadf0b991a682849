// The services and how they are; those that are down come first.

import { byId, clone, Keyed, setData, setHidden, setText, setTitle } from "./dom.js";
import { lasting, span } from "./format.js";

const FRESH = 3; // Seconds: below this an answer counts as new, so that 60 services do not write 60 ages each second.

const STATES = new Map([[true, "up"], [false, "down"]]);
const ORDER = ["down", "not asked yet", "up"];

const stateOf = ({ up }) => STATES.get(up) ?? "not asked yet";

export class Services {
  constructor(source) {
    this.source = source;
    this.list = new Keyed(byId("services-list"), () => clone("service-template"));
  }

  show() {
    const all = Object.entries(this.source.model.services)
      .map(([name, each]) => ({ ...each, name, state: stateOf(each) }))
      .sort((one, other) => ORDER.indexOf(one.state) - ORDER.indexOf(other.state) || (one.name < other.name ? -1 : 1));
    setHidden(byId("services-none"), all.length > 0);
    setHidden(byId("services-list"), all.length === 0);
    const up = all.filter(({ state }) => state === "up").length;
    setText(byId("services-count"), all.length > 0 ? `${up} of ${all.length} up` : "");
    this.list.show(all, ({ name }) => name, (element, service) => this.update(element, service));
  }

  update(element, { name, state, error, age, duration_ms: duration, team, mode }) {
    setData(element, "state", state);
    const [mark, where, whose, when, why] = element.children;
    setText(mark, state === "not asked yet" ? "…" : state);
    setText(where, name);
    setTitle(where, name);
    setText(whose, [team, mode === "push" ? "pushes" : ""].filter(Boolean).join(", "));
    const known = typeof age === "number" && state !== "not asked yet";
    setText(when, known ? (age < FRESH ? "now" : `${lasting(age)} ago`) : "");
    if (known) setTitle(when, `last answer${duration > 0 ? `, took ${span(Number((duration / 1000).toPrecision(1)))}` : ""}`);
    setText(why, state === "down" ? String(error || "no reason was given") : state === "not asked yet" ? "not asked yet" : "");
    setHidden(why, state === "up");
  }
}
