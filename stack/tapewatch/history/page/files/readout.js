// What a chart says at one moment: under the pointer, or by the arrow keys for whoever has none.

import { announce } from "./announce.js";
import { setClass, setHidden, setText } from "./dom.js";
import { clock, valued } from "./format.js";

const REACH = 90; // Seconds for which a value stands; the history has one a minute.
const ROWS = 8; // As many as fit into the height of a plot.

export class Readout {
  constructor(chart) {
    this.chart = chart;
    this.at = NaN;
    this.byKey = false;
    const { plot, canvas } = chart;
    this.cursor = plot.querySelector(".cursor");
    this.box = plot.querySelector(".readout");
    plot.addEventListener("pointermove", (event) => this.point(event));
    plot.addEventListener("pointerdown", (event) => this.point(event));
    plot.addEventListener("pointerleave", () => this.leave());
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("focus", () => this.describe());
    canvas.addEventListener("blur", () => this.leave());
  }

  point(event) {
    const { area, span, now, plot } = this.chart;
    if (!area) return;
    const x = event.clientX - plot.getBoundingClientRect().left;
    this.byKey = false;
    this.move(now - ((area.right - x) / (area.right - area.left)) * span);
  }

  key(event) {
    const { now, span } = this.chart;
    const step = (span / 300) * (event.shiftKey ? 10 : 1);
    const at = Number.isNaN(this.at) ? now : this.at;
    const wanted = { ArrowLeft: at - step, ArrowRight: at + step, Home: now - span, End: now }[event.key];
    if (event.key === "Escape") this.leave();
    if (wanted === undefined) return;
    event.preventDefault();
    this.byKey = true;
    this.move(wanted);
    announce(`${clock(this.at)}: ${this.told(this.at)}`);
  }

  move(at) {
    const { now, span } = this.chart;
    this.at = Math.min(now, Math.max(now - span, at));
    this.update();
  }

  leave() {
    this.at = NaN;
    this.update();
  }

  rows() {
    const { chart } = this;
    return chart.shown.slice(0, ROWS).map((line) => [
      line, valued(chart.valueOf(line, line.track.valueAt(this.at, REACH)), chart.unitNow),
    ]);
  }

  // A box of more rows would hide what it tells of.
  get others() {
    const { length } = this.chart.shown;
    return length > ROWS ? `: ${ROWS} of ${length} lines` : "";
  }

  update() {
    const { chart, box, cursor } = this;
    const away = Number.isNaN(this.at) || !chart.area || this.at < chart.now - chart.span;
    setHidden(box, away);
    setHidden(cursor, away);
    if (away) return;
    const x = Math.round(chart.x(this.at));
    cursor.style.transform = `translateX(${x}px)`;
    this.write();
    const room = chart.area.right - box.offsetWidth;
    box.style.transform = `translateX(${x + 10 > room ? Math.max(0, x - 10 - box.offsetWidth) : x + 10}px)`;
  }

  write() {
    const rows = this.rows();
    const { box } = this;
    while (box.children.length > rows.length + 1) box.lastElementChild.remove();
    while (box.children.length < rows.length + 1) box.appendChild(document.createElement("div"));
    setText(box.firstElementChild, `${clock(this.at)}${this.others}`);
    rows.forEach(([line, text], index) => {
      const row = box.children[index + 1];
      if (row.children.length === 0) {
        for (const name of ["swatch", "name", "value"]) row.appendChild(document.createElement("span")).className = name;
      }
      setClass(row.children[0], `swatch line-${line.color}`);
      setText(row.children[1], line.label);
      setText(row.children[2], text);
    });
  }

  told(at) {
    const { chart } = this;
    const words = chart.shown.slice(0, ROWS).map((line) => {
      const value = chart.valueOf(line, line.track.valueAt(at, REACH));
      return `${line.label} ${valued(value, chart.unitNow)}`;
    });
    return `${words.join(", ") || "nothing"}${this.others && `, and ${chart.shown.length - ROWS} more`}`;
  }

  // For a screen reader, when the focus comes; never by itself.
  describe() {
    const { chart } = this;
    const label = `${chart.title} at ${clock(chart.now)}: ${this.told(chart.now)}. Arrow keys read other moments.`;
    chart.canvas.setAttribute("aria-label", label);
  }
}
