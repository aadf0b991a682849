// The alerts that fire or are about to, the newest of the worst first.

import { announce } from "./announce.js";
import { byId, clone, Keyed, setData, setHidden, setText, setTitle, showPairs } from "./dom.js";
import { lasting, moment } from "./format.js";

const ORDER = ["critical", "high", "medium"];
const TOLD = 5; // Changes that a screen reader reads out at once.

// By severity first; one that we do not know stands behind those that we know.
const rank = ({ state, severity }) => (state === "firing" ? 0 : 10) + (ORDER.indexOf(severity) + 4) % 4;
const keyOf = (alert) => JSON.stringify([alert.alertname, alert.labels ?? {}, alert.service]);
const sentence = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const words = ({ alertname, severity, service }) => [alertname, severity, service].filter(Boolean).join(", ");

export class Alerts {
  constructor(source) {
    this.source = source;
    this.list = new Keyed(byId("alerts-list"), () => clone("alert-template"));
    this.firing = null;
  }

  show() {
    const { evaluated, reason, active } = this.source.model.alerts;
    const sorted = [...active].sort((one, other) => rank(one) - rank(other) || other.since - one.since);
    this.list.show(sorted, keyOf, (element, alert) => this.update(element, alert));
    const firing = active.filter(({ state }) => state === "firing");
    const pending = active.length - firing.length;
    setText(byId("alerts-count"), `${firing.length} firing${pending > 0 ? `, ${pending} pending` : ""}`);
    setHidden(byId("alerts-count"), evaluated !== true && active.length === 0);
    setHidden(byId("unevaluated"), evaluated !== false);
    setText(byId("unevaluated-reason"), sentence(reason ?? ""));
    setHidden(byId("alerts-none"), active.length > 0 || evaluated === false);
    setText(byId("alerts-none"), evaluated === true ? "No alert is firing." : "–");
    const title = `${firing.length > 0 ? `(${firing.length}) ` : ""}tapewatch`;
    if (document.title !== title) document.title = title;
    if (evaluated !== null) this.tell(firing);
  }

  update(element, alert) {
    setData(element, "severity", String(alert.severity));
    setData(element, "state", String(alert.state));
    const find = (selector) => element.querySelector(selector);
    setText(find(".badge"), alert.state === "firing" ? String(alert.severity || "no severity") : `pending, ${alert.severity}`);
    setText(find(".name"), String(alert.alertname));
    setText(find(".where"), [alert.service, alert.team && `team ${alert.team}`].filter(Boolean).join(" · "));
    setText(find(".since"), `· for ${lasting(this.source.model.at - alert.since)}`);
    setTitle(find(".since"), `since ${moment(alert.since)}`);
    setText(find(".summary"), String(alert.summary ?? ""));
    const labels = Object.entries(alert.labels ?? {}).map(([name, value]) => [name, String(value)]);
    setHidden(find("details"), labels.length === 0);
    if (find("details").open || find("dl").childElementCount === 0) showPairs(find("dl"), labels);
  }

  // A screen reader hears what begins and what ends; what was there when the page was opened is on the page.
  tell(firing) {
    const now = new Map(firing.map((alert) => [keyOf(alert), alert]));
    if (this.firing !== null) {
      const begun = [...now].filter(([key]) => !this.firing.has(key)).map(([, alert]) => `Alert firing: ${words(alert)}.`);
      const ended = [...this.firing].filter(([key]) => !now.has(key)).map(([, alert]) => `No longer firing: ${words(alert)}.`);
      const told = [...begun, ...ended];
      const more = told.length > TOLD ? ` ${told.length - TOLD} more alerts began or ended.` : "";
      if (told.length > 0) announce(told.slice(0, TOLD).join(" ") + more);
    }
    this.firing = now;
  }
}
