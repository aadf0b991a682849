// One chart: lines over time on a canvas, drawn only when something changed, with a legend that is also a switch.

import { clone, Keyed, setClass, setHidden, setText, setTitle } from "./dom.js";
import { clock, minute, tick, valued } from "./format.js";
import { later } from "./frame.js";
import { Readout } from "./readout.js";
import { extent, logTicks, ticks, timeTicks } from "./scale.js";

const TOP = 8;
const BOTTOM = 20;
const RIGHT = 10;
const HOLE = 110; // Seconds without a point after which a line is broken; the history has one a minute.
export const COLORS = 12;

let palette = null;

function colors() {
  if (palette === null) {
    const style = getComputedStyle(document.documentElement);
    const read = (name) => style.getPropertyValue(name).trim();
    palette = {
      grid: read("--grid"), faint: read("--faint"), font: `11px ${read("--sans")}`,
      lines: Array.from({ length: COLORS }, (_, index) => read(`--line-${index}`)),
    };
  }
  return palette;
}

document.addEventListener("look", () => {
  palette = null;
});

export class Chart {
  // title, unit: for people, and for the numbers. log: a logarithmic axis. zero: the axis reaches to 0.
  constructor(parent, { id, title, unit, says, log = false, zero = false }) {
    Object.assign(this, { title, unit, log, zero, lines: [], hidden: new Set(), range: null, visible: true, span: 900, now: NaN });
    this.element = parent.appendChild(clone("chart-template"));
    this.element.id = `chart-${id}`;
    const find = (selector) => this.element.querySelector(selector);
    setText(find("h3"), title);
    this.says = find(".unit");
    setText(this.says, says);
    this.plot = find(".plot");
    this.canvas = find("canvas");
    this.empty = find(".empty");
    this.more = find(".beyond");
    this.choice = find(".choice");
    this.canvas.setAttribute("aria-label", title);
    this.context = this.canvas.getContext("2d");
    this.legend = new Keyed(find(".legend"), (line) => this.entry(line));
    this.readout = new Readout(this);
    this.sized = [0, 0];
    this.render = () => this.draw();
    new ResizeObserver(() => this.dirty()).observe(this.plot);
    new IntersectionObserver(([{ isIntersecting }]) => {
      this.visible = isIntersecting;
      if (isIntersecting) this.dirty();
    }, { rootMargin: "200px" }).observe(this.element);
    document.addEventListener("look", () => this.dirty());
  }

  dirty() {
    if (this.visible) later(this.render);
  }

  // lines: {key, label, track, color}. `relative` shows changes from the left edge, in percent. `beyond`: how many lines
  // there are besides.
  show(lines, { now, span, relative = false, nothing, beyond }) {
    Object.assign(this, { lines, now, span, relative, nothing, beyond });
    this.dirty();
  }

  entry(line) {
    const item = document.createElement("li");
    const button = item.appendChild(document.createElement("button"));
    button.type = "button";
    for (const name of ["swatch", "name", "value"]) button.appendChild(document.createElement("span")).className = name;
    button.addEventListener("click", () => {
      if (!this.hidden.delete(line.key)) this.hidden.add(line.key);
      this.dirty();
    });
    return item;
  }

  label(element, line) {
    const button = element.firstElementChild;
    const [swatch, name, value] = button.children;
    setClass(swatch, `swatch line-${line.color}`);
    setText(name, line.label);
    setTitle(button, line.label);
    const { last } = line.track;
    setText(value, `${valued(last, this.unit)}${this.relative ? ` ${valued(this.valueOf(line, last), "%")}` : ""}`);
    const pressed = String(!this.hidden.has(line.key));
    if (button.getAttribute("aria-pressed") !== pressed) button.setAttribute("aria-pressed", pressed);
  }

  get unitNow() {
    return this.relative ? "%" : this.unit;
  }

  get shown() {
    return this.lines.filter((line) => !this.hidden.has(line.key));
  }

  valueOf(line, value) {
    return this.relative ? (value / line.base - 1) * 100 : value;
  }

  draw() {
    const from = this.now - this.span;
    for (const line of this.lines) {
      line.first = line.track.from(from);
      line.base = line.track.values.slice(line.first).find((value) => value > 0) ?? NaN;
    }
    this.range = this.measure();
    this.legend.show(this.lines, ({ key }) => key, (element, line) => this.label(element, line));
    setHidden(this.more, !this.beyond);
    if (this.beyond) setText(this.more, `${this.beyond} more are not drawn; the history has them.`);
    setHidden(this.empty, this.range !== null);
    if (this.range === null) setText(this.empty, this.lines.length === 0 ? this.nothing : "Nothing to see in this time.");
    const area = this.resize();
    if (area.width > 0) this.paint(area);
    this.readout.update();
  }

  measure() {
    let least = Infinity;
    let greatest = -Infinity;
    for (const line of this.shown) {
      const { values } = line.track;
      for (let index = line.first; index < values.length; index++) {
        const value = this.valueOf(line, values[index]);
        if (!Number.isFinite(value) || (this.log && value <= 0)) continue;
        if (value < least) least = value;
        if (value > greatest) greatest = value;
      }
    }
    return extent(least, greatest, { log: this.log, zero: this.zero });
  }

  resize() {
    const { clientWidth: width, clientHeight: height } = this.plot;
    const ratio = devicePixelRatio;
    const wanted = [Math.round(width * ratio), Math.round(height * ratio)];
    if (wanted[0] !== this.sized[0] || wanted[1] !== this.sized[1]) {
      [this.canvas.width, this.canvas.height] = this.sized = wanted;
    }
    this.context.setTransform(ratio, 0, 0, ratio, 0, 0);
    return { width, height };
  }

  paint({ width, height }) {
    const { context } = this;
    context.clearRect(0, 0, width, height);
    this.area = null;
    if (this.range === null) return;
    const { font, faint, grid, lines } = colors();
    context.font = font;
    const [low, high] = this.range;
    const { step, values } = this.log ? logTicks(low, high) : ticks(low, high, height / 40);
    const texts = values.map((value) => tick(value, step, this.relative ? "%" : this.unit === "price" ? "usd" : this.unit));
    const left = Math.ceil(Math.max(...texts.map((text) => context.measureText(text).width))) + 8;
    this.area = { left, right: width - RIGHT, top: TOP, bottom: height - BOTTOM };
    context.lineWidth = 1;
    context.strokeStyle = grid;
    context.fillStyle = faint;
    this.paintAxes(values, texts);
    context.save();
    context.beginPath();
    context.rect(left, 0, this.area.right - left + 1, height - BOTTOM + 2);
    context.clip();
    context.lineWidth = 1.6;
    context.lineJoin = "round";
    for (const line of this.shown) {
      context.strokeStyle = lines[line.color];
      this.paintLine(line);
    }
    context.restore();
  }

  paintAxes(values, texts) {
    const { context, area } = this;
    context.textBaseline = "middle";
    context.textAlign = "right";
    context.beginPath();
    values.forEach((value, index) => {
      const y = Math.round(this.y(value)) + 0.5;
      context.moveTo(area.left, y);
      context.lineTo(area.right, y);
      context.fillText(texts[index], area.left - 6, y);
    });
    context.textBaseline = "alphabetic";
    context.textAlign = "center";
    const moments = timeTicks(this.now - this.span, this.now, (area.right - area.left) / 70);
    for (const at of moments.values) {
      const x = Math.round(this.x(at)) + 0.5;
      context.moveTo(x, area.top);
      context.lineTo(x, area.bottom);
      const text = moments.step < 60 ? clock(at) : minute(at);
      const isWhole = x + context.measureText(text).width / 2 <= area.right + RIGHT;
      if (x - area.left > 14 && isWhole) context.fillText(text, x, area.bottom + 15);
    }
    context.stroke();
  }

  paintLine(line) {
    const { context } = this;
    const { times, values } = line.track;
    let drawing = false;
    let before = 0;
    context.beginPath();
    for (let index = Math.max(0, line.first - 1); index < times.length; index++) {
      const value = this.valueOf(line, values[index]);
      if (!Number.isFinite(value) || (this.log && value <= 0)) {
        drawing = false;
        continue;
      }
      const x = this.x(times[index]);
      const y = this.y(value);
      if (drawing && times[index] - before < HOLE) context.lineTo(x, y);
      else {
        context.moveTo(x - 0.8, y); // A point that stands alone is a dot.
        context.lineTo(x, y);
      }
      drawing = true;
      before = times[index];
    }
    context.stroke();
  }

  x(at) {
    const { left, right } = this.area;
    return right - ((this.now - at) / this.span) * (right - left);
  }

  y(value) {
    const { top, bottom } = this.area;
    const [low, high] = this.log ? this.range.map(Math.log10) : this.range;
    return bottom - (((this.log ? Math.log10(value) : value) - low) / (high - low)) * (bottom - top);
  }
}
