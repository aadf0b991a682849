// Numbers as a person reads them. What is not known is a dash, never a zero.

export const UNKNOWN = "–";

const TIMES = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"], [1e-3, "ms"], [1e-6, "µs"], [1e-9, "ns"]];
const METRIC = [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]];
const BINARY = [[2 ** 40, "TiB"], [2 ** 30, "GiB"], [2 ** 20, "MiB"], [2 ** 10, "KiB"]];
const LEGIBLE = 1e15; // A number from here on is a mistake of somebody; 300 digits of it would push all else off the page.
const formats = new Map();

// Making one takes a thousand times as long as using one.
function plain(value, least, most) {
  const key = least * 16 + most;
  let format = formats.get(key);
  if (format === undefined) {
    format = new Intl.NumberFormat("en-US", { minimumFractionDigits: least, maximumFractionDigits: most });
    formats.set(key, format);
  }
  if (Math.abs(value) >= LEGIBLE) return value.toExponential(2);
  const text = format.format(value);
  return /[1-9]/.test(text) ? text : text.replace("-", ""); // Nobody wants to read "-0".
}

function finite(value, write) {
  if (typeof value !== "number" || Number.isNaN(value)) return UNKNOWN;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "-∞";
  return write(value);
}

// As many decimals as leave three digits that count.
const decimals = (size) => (size >= 100 || size === 0 ? 0 : Math.min(8, 2 - Math.floor(Math.log10(size))));

function scaled(value, steps, gap) {
  const size = Math.abs(value);
  const [factor, name] = (size < LEGIBLE && steps.find(([least]) => size >= least * 0.9995)) || [1, ""];
  return `${plain(value / factor, 0, decimals(size / factor))}${name && gap}${name}`;
}

export const count = (value) => finite(value, (v) => plain(v, 0, 0));
export const number = (value) => finite(value, (v) => scaled(v, METRIC, ""));
export const percent = (ratio) => finite(ratio, (v) => `${plain(v * 100, 0, Math.abs(v) < 0.1 ? 2 : 1)} %`);
export const bytes = (value) => finite(value, (v) => (Math.abs(v) < 1023.5 ? `${plain(v, 0, 0)} B` : scaled(v, BINARY, " ")));

export const usd = (value) => finite(value, (v) => {
  const size = Math.abs(v);
  if (size < 0.005) return "$0.00";
  return `${v < 0 ? "-" : ""}$${size >= 1e7 ? scaled(size, METRIC, "") : plain(size, size >= 1e5 ? 0 : 2, size >= 1e5 ? 0 : 2)}`;
});

export const signedUsd = (value) => `${value >= 0.005 && usd(value) !== UNKNOWN ? "+" : ""}${usd(value)}`;

// A price needs more decimals the smaller it is.
export const price = (value) => finite(value, (v) => {
  const size = Math.abs(v);
  return `${v < 0 ? "-" : ""}$${plain(size, 2, size >= 100 || size === 0 ? 2 : Math.min(12, 4 - Math.floor(Math.log10(size))))}`;
});

// A time span that was measured, such as a latency.
export const span = (seconds) => finite(seconds, (v) => {
  if (v === 0) return "0 s";
  const size = Math.abs(v);
  const [factor, name] = TIMES.find(([least]) => size >= least * 0.9995) ?? TIMES.at(-1);
  return `${plain(v / factor, 0, decimals(size / factor))} ${name}`;
});

// How long something has lasted, in whole units, so that it changes seldom.
export const lasting = (seconds) => finite(seconds, (v) => {
  const size = Math.max(0, Math.floor(v));
  if (size < 60) return `${size} s`;
  if (size < 3600) return `${Math.floor(size / 60)} min`;
  if (size < 172800) return `${Math.floor(size / 3600)} h ${Math.floor((size % 3600) / 60)} min`;
  return `${Math.floor(size / 86400)} days`;
});

const CLOCK = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const SHORT = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", second: "2-digit" });
const ZONE = new Intl.DateTimeFormat("en-GB", { timeZoneName: "short" });

function time(format, seconds) {
  return Number.isFinite(seconds) && Math.abs(seconds) < 8e12 ? format.format(seconds * 1000) : UNKNOWN;
}

export const clock = (seconds) => time(CLOCK, seconds);
export const minute = (seconds) => time(SHORT, seconds);
export const moment = (seconds) => time(DAY, seconds);
export const dayOf = (seconds) => new Date(seconds * 1000).toDateString();
// The zone of all times on the page, which is the browser's: "GMT+1".
export const zone = () => ZONE.formatToParts().find(({ type }) => type === "timeZoneName").value;

// The label of a tick on an axis: all ticks of one axis have the same decimals.
export function tick(value, step, unit) {
  const places = Math.max(0, Math.min(12, -Math.floor(Math.log10(step) + 1e-9)));
  const [factor, name] = (step < LEGIBLE && METRIC.find(([least]) => least >= 1e6 && step >= least * 0.9995)) || [1, ""];
  if (unit === "usd") {
    const cents = places === 1 ? 2 : places;
    return `${value < 0 ? "-" : ""}$${plain(Math.abs(value) / factor, cents, cents)}${name}`;
  }
  if (unit === "%") return `${plain(value, places, places)} %`;
  if (unit === "s") return span(value);
  return `${plain(value / factor, places, places)}${name}`;
}

// A value in a read-out or a legend, by the unit of its chart.
export function valued(value, unit) {
  if (unit === "price") return price(value);
  if (unit === "usd") return usd(value);
  if (unit === "%") return finite(value, (v) => `${v >= 0.0005 ? "+" : ""}${plain(v, 3, 3)} %`);
  if (unit === "s") return span(value);
  return number(value);
}
