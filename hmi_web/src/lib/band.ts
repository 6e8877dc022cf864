/** A plot's memory: a fixed ring of buckets with least, greatest and mean value. Old buckets are overwritten, nothing grows. */

import { lasts, type Micros } from './time';

/** Columns for drawing. `t` in seconds; a null row stands where the line must break. */
export interface BandColumns {
  t: number[];
  lo: (number | null)[];
  hi: (number | null)[];
  mean: (number | null)[];
}

export class BandRing {
  readonly width: Micros;
  #lo: Float64Array;
  #hi: Float64Array;
  #sum: Float64Array;
  #n: Float64Array;
  #end: Float64Array;
  /** The value in force before the oldest bucket; null while it is not known. */
  #prior: number | null = null;
  /** Absolute number of the newest bucket (time / width). */
  #last = -Infinity;

  /** `buckets` of equal width cover `span` microseconds. */
  constructor(
    span: Micros,
    readonly buckets: number,
  ) {
    this.width = Math.max(1, Math.ceil(span / buckets));
    this.#lo = new Float64Array(buckets);
    this.#hi = new Float64Array(buckets);
    this.#sum = new Float64Array(buckets);
    this.#n = new Float64Array(buckets);
    this.#end = new Float64Array(buckets);
  }

  /** Adds a sample; one older than the ring is ignored. Returns whether anything changed. */
  push(t: Micros, v: number): boolean {
    const k = this.#open(t);
    if (k < 0) return false;
    const n = this.#n[k] ?? 0;
    this.#lo[k] = n ? Math.min(this.#lo[k] ?? v, v) : v;
    this.#hi[k] = n ? Math.max(this.#hi[k] ?? v, v) : v;
    this.#sum[k] = (n ? (this.#sum[k] ?? 0) : 0) + v;
    this.#n[k] = n + 1;
    this.#end[k] = v;
    return true;
  }

  /** Says which value was in force before the first sample. */
  begin(v: number): void {
    this.#prior = v;
  }

  /** Says what the mean of a filled bucket is: better known than from its extremes alone. */
  settle(t: Micros, mean: number): void {
    const b = Math.floor(t / this.width);
    if (b > this.#last || b <= this.#last - this.buckets) return;
    const k = b % this.buckets;
    const n = this.#n[k] ?? 0;
    if (n) this.#sum[k] = Math.min(Math.max(mean, this.#lo[k] ?? mean), this.#hi[k] ?? mean) * n;
  }

  /** The slot of a moment, after the ring was moved on to it; −1 when it is older than the ring. */
  #open(t: Micros): number {
    const b = Math.floor(t / this.width);
    if (b <= this.#last - this.buckets) return -1;
    if (b > this.#last) {
      const from = Math.max(this.#last + 1, b - this.buckets + 1);
      for (let k = from; k <= b; k++) {
        const slot = k % this.buckets;
        if (this.#n[slot]) this.#prior = this.#end[slot] ?? null;
        this.#n[slot] = 0;
      }
      this.#last = b;
    }
    return b % this.buckets;
  }

  /**
   * What lies in [from, to], beginning with the value in force at `from`. Silence is unchanged: one longer than `hold` is drawn as a step
   * of the last value, a shorter one as a line. With `steps` the last value of a bucket stands for its mean.
   */
  columns(from: Micros, to: Micros, hold: Micros = Infinity, steps = false): BandColumns {
    const out: BandColumns = { t: [], lo: [], hi: [], mean: [] };
    const oldest = Math.max(0, this.#last - this.buckets + 1);
    const first = Math.max(Math.floor(from / this.width), oldest);
    const last = Math.min(Math.floor(to / this.width), this.#last);
    let end = this.#prior;
    // Of an empty ring, and beyond its newest bucket, there is nothing to walk through.
    for (let b = oldest; b < Math.min(first, this.#last + 1); b++) if (this.#n[b % this.buckets]) end = this.#end[b % this.buckets] ?? end;
    let before = Math.max(from, first * this.width);
    if (end !== null) row(out, before / 1e6, end, end, end);
    for (let b = first; b <= last; b++) {
      const k = b % this.buckets;
      const n = this.#n[k] ?? 0;
      if (!n) continue;
      const t = (b + 0.5) * this.width;
      if (end !== null && t - before > Math.max(hold, this.width * 1.5)) {
        row(out, (before + this.width / 2) / 1e6, end, end, end);
        row(out, (t - this.width / 2) / 1e6, end, end, end);
      }
      row(out, t / 1e6, this.#lo[k] ?? null, this.#hi[k] ?? null, steps ? (this.#end[k] ?? null) : (this.#sum[k] ?? 0) / n);
      end = this.#end[k] ?? end;
      before = t;
    }
    return out;
  }
}

/** Breaks the line wherever a gap lies between two rows; a refusal is no gap. */
export function broken(c: BandColumns, gaps: readonly { start: Micros; end: Micros | null }[]): BandColumns {
  if (!gaps.length) return c;
  const out: BandColumns = { t: [], lo: [], hi: [], mean: [] };
  c.t.forEach((t, i) => {
    const before = c.t[i - 1];
    const gap = before === undefined ? undefined : gaps.find((g) => lasts(g) && g.start / 1e6 < t && (g.end ?? Infinity) / 1e6 > before);
    if (gap && before !== undefined) {
      // What was not reported before the gap had not changed: the value holds until then.
      const last = c.mean[i - 1] ?? null;
      const edge = Math.max(gap.start / 1e6, before);
      if (edge > before && last !== null) row(out, edge, last, last, last);
      row(out, (edge + t) / 2, null, null, null);
    }
    row(out, t, c.lo[i] ?? null, c.hi[i] ?? null, c.mean[i] ?? null);
  });
  return out;
}

/** Adds one row. */
export function row(out: BandColumns, t: number, lo: number | null, hi: number | null, mean: number | null): void {
  out.t.push(t);
  out.lo.push(lo);
  out.hi.push(hi);
  out.mean.push(mean);
}

/** The value in force at a moment: of the last row at or before it, null in a break or before the first. `t` in seconds. */
export function valueAt(c: BandColumns, t: number): number | null {
  let [lo, hi] = [0, c.t.length];
  while (lo < hi) {
    const mid = (lo + hi) >> 1;
    if ((c.t[mid] ?? 0) <= t) lo = mid + 1;
    else hi = mid;
  }
  return c.mean[lo - 1] ?? null;
}
