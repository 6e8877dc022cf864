/** Equal telescopes over time: the median of all and the half of them nearest to it, on one grid. */

import { valueAt, type BandColumns } from './band';

/** Between the quartiles of a few values; `t` in seconds. */
export interface FleetBand {
  t: number[];
  lo: (number | null)[];
  hi: (number | null)[];
  mid: (number | null)[];
}

function quantile(sorted: readonly number[], q: number): number {
  const at = (sorted.length - 1) * q;
  const [a, b] = [sorted[Math.floor(at)] ?? Number.NaN, sorted[Math.ceil(at)] ?? Number.NaN];
  return a + (b - a) * (at - Math.floor(at));
}

/** Median and quartiles of the members at `steps` moments within [from, to] seconds; null where fewer than three have a value. */
export function fleetBand(members: readonly BandColumns[], from: number, to: number, steps: number): FleetBand {
  const out: FleetBand = { t: [], lo: [], hi: [], mid: [] };
  for (let i = 0; i <= steps; i++) {
    const t = from + ((to - from) * i) / steps;
    const known = members
      .map((m) => (m.t.length && t >= (m.t[0] ?? 0) && t <= (m.t.at(-1) ?? 0) + (to - from) / steps ? valueAt(m, t) : null))
      .filter((v): v is number => v !== null)
      .sort((a, b) => a - b);
    const enough = known.length >= 3;
    out.t.push(t);
    out.lo.push(enough ? quantile(known, 0.25) : null);
    out.mid.push(enough ? quantile(known, 0.5) : null);
    out.hi.push(enough ? quantile(known, 0.75) : null);
  }
  return out;
}

/** One range of values for all members, with room above and below. Null where nothing is known. */
export function commonScale(members: readonly BandColumns[], floor: number): [number, number] | null {
  let [lo, hi] = [Infinity, -Infinity];
  for (const m of members)
    m.lo.forEach((v, i) => {
      if (v !== null) [lo, hi] = [Math.min(lo, v), Math.max(hi, m.hi[i] ?? v)];
    });
  if (lo > hi) return null;
  const room = Math.max((hi - lo) * 0.08, floor);
  // Little room below zero, so that a curve at zero does not lie on the frame.
  return [lo >= 0 && lo - room < 0 ? -0.3 * room : lo - room, hi + room];
}
