// What was before the page was opened, or while it was away: asked of the store, one bucket a minute.

import { LATENCIES } from "./measures.js";
import { numberOf, sum } from "./model.js";
import { quantile } from "./rates.js";

const MINUTE = 60;
const REACH = 45; // Seconds around a live point in which the history is not needed.
const RANGES = [[300, "MINUTE_5"], [900, "MINUTE_15"], [3600, "HOUR_1"]];

// What the store says of names. One answer holds only so many buckets and is cut off in the middle of a sum, so more are
// asked for one part after the other; a name that is too much by itself is left out, for its sum would be wrong.
async function told(names, span) {
  const answer = await fetch("/api/metrics/history", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ time_range: RANGES.find(([seconds]) => seconds >= span)[1], metric_types: names, interval: "1m" }),
  });
  if (!answer.ok) throw new Error(`the history answered ${answer.status}`);
  const { series, truncated } = await answer.json();
  if (!truncated) return series;
  if (names.length < 2) return [];
  const half = names.length >> 1;
  return [...(await told(names.slice(0, half), span)), ...(await told(names.slice(half), span))];
}

// The series of a name, each with its buckets by the moment at which they begin; those that are not over are left out.
async function ask(names, span, now) {
  const found = new Map();
  for (const { name, labels, symbol, buckets } of await told(names, span)) {
    const read = buckets
      .map(({ timestamp, avg, last }) => [Date.parse(timestamp) / 1000, numberOf(avg), numberOf(last)])
      .filter(([at]) => at + MINUTE <= now);
    if (!found.has(name)) found.set(name, []);
    found.get(name).push({ labels: symbol ? { symbol, ...labels } : labels, buckets: new Map(read.map(([at, ...values]) => [at, values])) });
  }
  return found;
}

// A value of each bucket, of all series together, as points; a bucket in which none has a value is left out.
function joined(series, valueOf, join = sum) {
  const found = new Map();
  for (const each of series) {
    for (const at of each.buckets.keys()) {
      const value = valueOf(each, at);
      if (!Number.isNaN(value)) found.set(at, found.has(at) ? join(found.get(at), value) : value);
    }
  }
  return found;
}

const average = ({ buckets }, at) => buckets.get(at)[0];

// What a counter gained from one bucket's end to the next one's; a restart begins at 0.
function gained({ buckets }, at) {
  const before = buckets.get(at - MINUTE)?.[1] ?? NaN;
  const now = buckets.get(at)[1];
  return now < before ? now : now - before;
}

const points = (sums, shift, factor = 1) => [...sums].map(([at, value]) => [at + shift, value * factor]);

function byLabel(series, label, otherwise) {
  const groups = new Map();
  for (const each of series) {
    const key = each.labels[label] ?? otherwise;
    if (key === undefined) continue;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(each);
  }
  return [...groups];
}

const all = (found, names) => names.flatMap((name) => found.get(name) ?? []);
const exposed = (found, names) => found.get(names.find((name) => found.has(name))) ?? [];

function means(found) {
  return LATENCIES.map(([label, families]) => {
    const [name, factor] = families.find(([each]) => found.has(`${each}_count`)) ?? families[0];
    const counts = joined(found.get(`${name}_count`) ?? [], gained);
    const sums = joined(found.get(`${name}_sum`) ?? [], gained);
    const known = [...counts].filter(([at, seen]) => seen > 0 && sums.has(at));
    return [label, known.map(([at, seen]) => [at + MINUTE / 2, (sums.get(at) / seen) * factor])];
  });
}

function quantiles(found, share) {
  return LATENCIES.map(([label, families]) => {
    const [name, factor] = families.find(([each]) => found.has(`${each}_bucket`)) ?? families[0];
    const bounds = byLabel(found.get(`${name}_bucket`) ?? [], "le")
      .map(([bound, series]) => [numberOf(bound === "+Inf" ? bound : Number(bound)), joined(series, gained)]);
    const moments = [...new Set(bounds.flatMap(([, sums]) => [...sums.keys()]))].sort((one, other) => one - other);
    return [label, moments.map((at) => {
      const buckets = bounds.filter(([, sums]) => sums.has(at)).map(([bound, sums]) => [bound, sums.get(at)]);
      return [at + MINUTE / 2, quantile(share, buckets) * factor];
    })];
  });
}

// For each kind of `fill` in charts.js, the lines as [label, points].
const KINDS = {
  gauge: (found, { names, label, otherwise, join }) =>
    byLabel(all(found, names), label, otherwise).map(([key, series]) => [key, points(joined(series, average, join), MINUTE / 2)]),
  sum: (found, { names }) =>
    Object.entries(names).map(([label, each]) => [label, points(joined(exposed(found, each), average), MINUTE / 2)]),
  gain: (found, { names }) =>
    Object.entries(names).map(([label, each]) => [label, points(joined(exposed(found, each), gained), MINUTE)]),
  rate: (found, { names, label }) =>
    byLabel(all(found, names), label).map(([key, series]) => [key, points(joined(series, gained), MINUTE / 2, 1 / MINUTE)]),
  mean: means,
  quantile: (found, { share }) => quantiles(found, share),
};

export function namesOf({ kind, names }) {
  if (kind === "mean") return LATENCIES.flatMap(([, families]) => families.flatMap(([name]) => [`${name}_sum`, `${name}_count`]));
  if (kind === "quantile") return LATENCIES.flatMap(([, families]) => families.map(([name]) => `${name}_bucket`));
  return Array.isArray(names) ? names : Object.values(names).flat();
}

// Asks for what the views need, of names that are exposed, and fills their lines. `at` is now, by the server's clock.
async function fill(views, model, span, reach) {
  const names = [...new Set(views.flatMap((view) => namesOf(view.fill)))];
  const wanted = names.filter((name) => model.all(name).length > 0 || model.all(name.replace(/_bucket$/, "_count")).length > 0);
  if (wanted.length === 0) return;
  const found = await ask(wanted, span, model.at);
  for (const view of views) {
    for (const [label, line] of KINDS[view.fill.kind](found, view.fill)) {
      const past = line.filter(([, value]) => !Number.isNaN(value));
      if (past.length > 0) view.track(label)?.fill(past, reach);
    }
  }
}

export class History {
  constructor(source, board) {
    Object.assign(this, { source, board, failed: "" });
  }

  // The moments before now of every view; a history that cannot be asked leaves what is there.
  async fill(views = this.board.views) {
    try {
      const live = views.filter(({ now }) => now !== null);
      const minutes = views.filter(({ now }) => now === null);
      if (live.length > 0) await fill(live, this.source.model, this.board.span, REACH);
      await fill(minutes, this.source.model, this.board.span, 1);
    } catch {
      return; // The lines simply begin now; the store's own state says why.
    }
    this.board.show();
  }

  // Quantiles come from the history alone, so they are asked for again.
  refresh() {
    if (!document.hidden) this.fill(this.board.views.filter(({ now }) => now === null));
  }
}
