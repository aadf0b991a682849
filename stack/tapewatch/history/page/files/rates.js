// Rates of counters over the last seconds, from what was counted since the page was opened.

const PAUSE = 5; // Seconds between two counts from which on they are not of the same time.

export class Rate {
  // window: seconds. least: seconds that must have been seen before there is an answer.
  constructor(window, least = 2) {
    this.window = window;
    this.least = least;
    this.times = [];
    this.counts = [];
  }

  push(at, gained) {
    const since = at - this.times.at(-1);
    if (Number.isNaN(gained) || since > PAUSE || since < 0) {
      this.times.length = this.counts.length = 0; // Nobody counted for a while: what is before it says nothing of now.
    }
    if (Number.isNaN(gained)) return;
    this.times.push(at);
    this.counts.push(gained);
    let stale = 0;
    while (this.times.length - stale > 2 && this.times[stale + 1] <= at - this.window) stale++;
    if (stale > 0) {
      this.times.splice(0, stale);
      this.counts.splice(0, stale);
    }
  }

  // What came in within the window; NaN while too little was seen. The page says "in the last minute" of it.
  get gain() {
    return this.seconds < this.least ? NaN : this.counts.at(-1) - this.counts[0];
  }

  get seconds() {
    return this.times.length < 2 ? 0 : this.times.at(-1) - this.times[0];
  }

  get perMinute() {
    return this.seconds < 10 ? NaN : this.perSecond * 60; // One order in two seconds is not yet thirty a minute.
  }

  get perSecond() {
    return this.gain / this.seconds;
  }
}

// The mean of a histogram or summary over the last seconds: what its sum gained for each that its count gained.
export class Mean {
  constructor(window) {
    this.sum = new Rate(window);
    this.count = new Rate(window);
  }

  push(at, sum, count) {
    this.sum.push(at, sum);
    this.count.push(at, count);
  }

  get value() {
    const seen = this.count.gain;
    return seen > 0 ? this.sum.gain / seen : NaN;
  }
}

// The quantile of a histogram whose buckets gained so much, as Prometheus works it out.
// buckets: pairs of upper bound and what all up to it gained, in any order.
export function quantile(share, buckets) {
  const sorted = [...buckets].sort(([one], [other]) => one - other);
  const all = sorted.at(-1)?.[1];
  if (!(all > 0) || sorted.at(-1)[0] !== Infinity) return NaN;
  const rank = share * all;
  const index = sorted.findIndex(([, upTo]) => upTo >= rank);
  if (index === sorted.length - 1) return index > 0 ? sorted[index - 1][0] : NaN;
  const [low, before] = index > 0 ? sorted[index - 1] : [0, 0];
  const [high, upTo] = sorted[index];
  return upTo === before ? high : low + ((high - low) * (rank - before)) / (upTo - before);
}
