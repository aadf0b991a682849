// The charts on the page: takes a sample of every line once a second, and shows the view that was chosen.

import { Chart, COLORS } from "./chart.js";
import { CHARTS } from "./charts.js";
import { byId } from "./dom.js";
import { namesOf } from "./history.js";
import { Track } from "./tracks.js";

const LINES = 100; // Of one view; more could neither be told apart nor drawn in time.
const SHORTEST = 60; // Seconds that a chart shows at least.
const PAUSE = 5; // Seconds without a sample after which a line is broken.

class View {
  constructor({ label, now, fill, nothing, relative = false }) {
    Object.assign(this, { label, now, fill, nothing, relative, lines: new Map(), beyond: 0, at: NaN });
  }

  line(label) {
    let line = this.lines.get(label);
    if (line === undefined && this.lines.size < LINES) {
      line = { key: label, label, track: new Track(), color: this.lines.size % COLORS, begun: false };
      this.lines.set(label, line);
    }
    return line;
  }

  track(label) {
    return this.line(label)?.track;
  }

  sample(source) {
    if (this.now === null) return;
    const { at } = source.model;
    if (at - this.at > PAUSE) this.pause();
    this.at = at;
    const found = new Map(this.now(source));
    this.beyond = [...found.keys()].filter((label) => this.line(label) === undefined).length;
    for (const line of this.lines.values()) {
      const value = found.get(line.label) ?? NaN;
      line.begun ||= !Number.isNaN(value);
      // A rate that is not known yet, because the page was just opened, must not cut the history off.
      if (line.begun) line.track.push(at, value);
    }
  }

  pause() {
    for (const line of this.lines.values()) {
      line.track.push(this.at + 0.5, NaN);
      line.begun = false;
    }
  }

  // Why there is no line: nobody exposes it, or what is exposed is no number, or was not counted for long enough.
  why({ model }) {
    if (this.nothing !== undefined) return this.nothing;
    const isExposed = namesOf(this.fill).some((name) => model.all(name).length > 0);
    return isExposed ? "There is no number of this yet." : "No service exposes this.";
  }

  // A line that never had a value (of a service that the platform does not have) is left out.
  get shown() {
    return [...this.lines.values()].filter(({ track }) => track.any);
  }
}

class Panel {
  constructor(parent, options) {
    this.chart = new Chart(parent, options);
    this.views = options.views.map((view) => new View(view));
    this.singly = this.views[0].relative; // Lines of very different size are also shown one at a time.
    this.select = null;
    this.words = "";
  }

  get choices() {
    const views = this.views.map(({ label }, index) => [`view ${index}`, label]);
    return this.singly ? views.concat(this.views[0].shown.map(({ label }) => [`line ${label}`, label])) : views;
  }

  choose() {
    const { choices } = this;
    const words = JSON.stringify(choices);
    if (choices.length < 2 || words === this.words) return;
    this.words = words;
    if (this.select === null) {
      this.select = this.chart.choice.appendChild(document.createElement("select"));
      this.select.setAttribute("aria-label", `What the chart ${this.chart.title} shows`);
      this.select.addEventListener("change", () => this.show(this.last));
    }
    const { value } = this.select;
    this.select.replaceChildren(...choices.map(([key, label]) => new Option(label, key)));
    if (choices.some(([key]) => key === value)) this.select.value = value;
  }

  show(last) {
    this.last = last;
    this.choose();
    const chosen = this.select?.value ?? "view 0";
    const single = chosen.startsWith("line ");
    const view = single ? this.views[0] : this.views[Number(chosen.slice("view ".length))];
    const lines = single ? view.shown.filter(({ label }) => label === chosen.slice("line ".length)) : view.shown;
    this.chart.show(lines, { ...last, relative: view.relative && !single, nothing: view.why(last.source), beyond: single ? 0 : view.beyond });
  }
}

export class Board {
  constructor(source) {
    this.source = source;
    this.second = NaN;
    this.panels = CHARTS.map((options) => new Panel(byId("charts-list"), options));
    this.select = byId("span");
    this.select.addEventListener("change", () => this.show());
  }

  get views() {
    return this.panels.flatMap(({ views }) => views);
  }

  get span() {
    return Number(this.select.value);
  }

  // At each snapshot; does something once a second.
  take() {
    const second = Math.floor(this.source.model.at);
    if (second === this.second) return;
    this.second = second;
    this.source.measures.sample();
    for (const view of this.views) view.sample(this.source);
    if (!document.hidden) this.show();
  }

  // A platform that has just begun fills the width, and not a sliver at the edge.
  get shownSpan() {
    const { at } = this.source.model;
    const first = Math.min(...this.views.flatMap(({ lines }) => [...lines.values()].map(({ track }) => track.times[0] ?? at)));
    return Math.min(this.span, Math.max(at - first, SHORTEST));
  }

  show() {
    const last = { now: this.source.model.at, span: this.shownSpan, source: this.source };
    for (const panel of this.panels) panel.show(last);
  }
}
