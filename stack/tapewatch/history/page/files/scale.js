// Axes: round numbers between two others, and where a value stands.

export function ticks(low, high, wanted) {
  const extent = high - low;
  if (!(Number.isFinite(extent) && extent > 0)) return { step: 1, values: [low] };
  const raw = extent / Math.max(wanted, 1);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= raw * 0.999);
  const values = [];
  for (let index = Math.ceil(low / step - 1e-9); index <= Math.floor(high / step + 1e-9); index++) values.push(index * step);
  return { step, values };
}

const STEPS_OF_TIME = [10, 30, 60, 120, 300, 600, 900, 1800, 3600];

export function timeTicks(from, to, wanted) {
  const step = STEPS_OF_TIME.find((each) => (to - from) / each <= wanted) ?? 7200;
  const values = [];
  for (let at = Math.ceil(from / step) * step; at <= to; at += step) values.push(at);
  return { step, values };
}

// The values that an axis goes from and to, given the least and the greatest that it must show.
export function extent(least, greatest, { log, zero }) {
  if (!(Number.isFinite(least) && Number.isFinite(greatest))) return null;
  if (log) {
    const low = 10 ** Math.floor(Math.log10(least));
    return [low, Math.max(10 ** Math.ceil(Math.log10(greatest)), low * 10)];
  }
  const low = zero ? Math.min(0, least) : least;
  const high = zero ? Math.max(0, greatest) : greatest;
  const margin = (high - low) * 0.06 || Math.abs(high) * 0.001 || 1;
  return [zero && low === 0 ? 0 : low - margin, zero && high === 0 ? margin : high + margin];
}

export function logTicks(low, high) {
  const values = [];
  for (let power = Math.round(Math.log10(low)); power <= Math.round(Math.log10(high)); power++) values.push(10 ** power);
  return { step: 1, values };
}
