// One line of a chart: its moments and values, of the last hour at most.

export const KEPT = 3600;
const SET_BACK = 5; // Seconds by which the server's clock must go back before we believe it.

export class Track {
  constructor() {
    this.times = [];
    this.values = [];
    this.any = false; // Whether there ever was a value.
  }

  push(at, value) {
    if (at < this.times.at(-1) - SET_BACK) this.forget(at);
    if (at <= this.times.at(-1)) return;
    if (Number.isNaN(value) && Number.isNaN(this.last)) return; // One is enough to break a line; none need begin it.
    this.times.push(at);
    this.values.push(value);
    this.any ||= !Number.isNaN(value);
    if (this.times[0] < at - 2 * KEPT) {
      const first = this.from(at - KEPT);
      this.times.splice(0, first);
      this.values.splice(0, first);
    }
  }

  // What is from `at` on, of a time that has not come yet.
  forget(at) {
    this.times.length = this.values.length = this.from(at);
  }

  // Points from the history: used where no moment within `reach` seconds is known yet.
  fill(points, reach) {
    const wanted = points.filter(([at, value]) => {
      if (Number.isNaN(value)) return false;
      const index = this.from(at);
      return !(this.times[index] - at < reach) && !(at - this.times[index - 1] < reach);
    });
    if (wanted.length === 0) return;
    const all = this.times.map((at, index) => [at, this.values[index]]).concat(wanted).sort(([one], [other]) => one - other);
    this.times = all.map(([at]) => at);
    this.values = all.map(([, value]) => value);
    this.any = true;
  }

  // The index of the first moment that is not before `at`.
  from(at) {
    let low = 0;
    let high = this.times.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.times[middle] < at) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  // The value that stood at a moment: the one before it, unless that is too long ago.
  valueAt(at, reach) {
    const index = this.from(at + 1e-6) - 1;
    return index >= 0 && at - this.times[index] <= reach ? this.values[index] : NaN;
  }

  get last() {
    return this.values.length > 0 ? this.values.at(-1) : NaN;
  }
}
