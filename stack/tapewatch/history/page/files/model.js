// What the server says, put in order: series by name, counters counted over restarts, services, alerts, store.

const SPECIAL = new Map([["NaN", NaN], ["+Inf", Infinity], ["-Inf", -Infinity]]);

const REMEMBERED = 200_000; // Series that are gone are remembered up to here, for their counters go on when they are back.

// NaN for whatever is no number: null is a series that nobody exposes any more.
export const numberOf = (value) => (typeof value === "number" ? value : SPECIAL.get(value) ?? NaN);

// How one value is made of those of several series. Prices and shares cannot be added up: the first that is there counts,
// as it does in the store's tables.
export const sum = (one, other) => one + other;
export const first = (one) => one;

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
    return this.all(name).reduce((all, { value }) => (Number.isNaN(value) ? all : (Number.isNaN(all) ? 0 : all) + value), NaN);
  }

  // What a counter has gained since the page was opened; NaN while nobody exposes it.
  gained(name) {
    return this.all(name).some(({ value }) => !Number.isNaN(value)) ? this.gains.get(name) ?? 0 : NaN;
  }

  greatest(name) {
    return this.all(name).reduce((most, { value }) => (value > most || Number.isNaN(most) ? value : most), NaN);
  }

  // What series say by a label, in the order of its values; `join` makes one value of those of several services.
  by(name, label, join = sum) {
    const found = new Map();
    for (const { value, labels } of this.all(name)) {
      const key = labels[label];
      if (Number.isNaN(value) || key === undefined) continue;
      found.set(key, found.has(key) ? join(found.get(key), value) : value);
    }
    return new Map([...found].sort(([one], [other]) => (one < other ? -1 : 1)));
  }
}
