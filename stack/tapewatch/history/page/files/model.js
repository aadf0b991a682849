// What the server says, put in order: series by name, counters counted over restarts, services, alerts, store.

const SPECIAL = new Map([["NaN", NaN], ["+Inf", Infinity], ["-Inf", -Infinity]]);

const REMEMBERED = 200_000; // Series that are gone are remembered up to here, for their counters go on when they are back.

// NaN for whatever is no number: null is a series that nobody exposes any more.
export const numberOf = (value) => (typeof value === "number" ? value : SPECIAL.get(value) ?? NaN);

class Entry {
  constructor(name, labels, type) {
    this.name = name;
    this.counts = type === "counter" || type === "histogram" || type === "summary" || name.endsWith("_total");
    this.labels = labels;
    this.service = String(labels.service ?? "");
    this.value = NaN;
    this.last = NaN; // The last number there was: a counter's increase begins there, over every pause.
  }
}

export class Model {
  constructor() {
    this.at = NaN;
    this.simulated = false;
    this.services = {};
    this.alerts = { evaluated: null, reason: "", active: [] };
    this.store = {};
    this.version = null;
    this.entries = []; // As the values of a snapshot stand.
    this.known = new Map();
    this.byName = new Map();
    this.gains = new Map(); // By name, over all series, since the page was opened.
    this.seen = new Set(); // Services of which there was a number before.
  }

  define({ version, series }) {
    this.version = version;
    this.byName = new Map();
    if (this.known.size > REMEMBERED) this.known.clear();
    this.entries = series.map(([name, labels, type]) => {
      const key = JSON.stringify([name, labels]);
      let entry = this.known.get(key);
      if (entry === undefined) this.known.set(key, (entry = new Entry(name, labels, type)));
      entry.value = NaN;
      if (this.byName.has(name)) this.byName.get(name).push(entry);
      else this.byName.set(name, [entry]);
      return entry;
    });
  }

  // False for a snapshot whose series were not told, which cannot be read.
  take(message) {
    if (message.version !== this.version) return false;
    this.at = message.at;
    this.simulated = message.simulated === true;
    this.services = message.services ?? {};
    this.alerts = message.alerts ?? this.alerts;
    this.store = message.store ?? {};
    const { values } = message;
    const fresh = new Set();
    for (let index = 0; index < this.entries.length; index++) {
      const entry = this.entries[index];
      const value = this.services[entry.service]?.up === false ? NaN : numberOf(values[index]);
      if (Object.is(value, entry.value)) continue;
      entry.value = value;
      if (!Number.isFinite(value)) continue;
      fresh.add(entry.service);
      if (entry.counts) this.count(entry, value);
    }
    for (const service of fresh) this.seen.add(service);
    return true;
  }

  // A series of a service that was there before begins at 0; of one that is new nobody knows where it began.
  count(entry, value) {
    let gain = 0;
    if (!Number.isNaN(entry.last)) gain = value >= entry.last ? value - entry.last : value;
    else if (this.seen.has(entry.service)) gain = value;
    if (gain !== 0) this.gains.set(entry.name, (this.gains.get(entry.name) ?? 0) + gain);
    entry.last = value;
  }

  all(name) {
    return this.byName.get(name) ?? [];
  }

  // The sum over all series; NaN when there is none.
  total(name) {
    let sum = NaN;
    for (const { value } of this.all(name)) {
      if (!Number.isNaN(value)) sum = (Number.isNaN(sum) ? 0 : sum) + value;
    }
    return sum;
  }

  // What a counter has gained since the page was opened; NaN while nobody exposes it.
  gained(name) {
    return this.all(name).some(({ value }) => !Number.isNaN(value)) ? this.gains.get(name) ?? 0 : NaN;
  }

  greatest(name) {
    return this.all(name).reduce((most, { value }) => (value > most || Number.isNaN(most) ? value : most), NaN);
  }

  // The sums by a label, in the order of its values.
  by(name, label) {
    const sums = new Map();
    for (const entry of this.all(name)) {
      if (Number.isNaN(entry.value) || entry.labels[label] === undefined) continue;
      sums.set(entry.labels[label], (sums.get(entry.labels[label]) ?? 0) + entry.value);
    }
    return new Map([...sums].sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}
