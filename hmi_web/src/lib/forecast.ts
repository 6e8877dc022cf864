/** When a slowly changing value will reach a limit: a straight line through the last hour, and only where it is believable. */

import type { Limits } from './judge';
import { median } from './stats';
import { HOUR, SECOND, type Micros } from './time';

/**
 * Slope per second by Theil (1950) and Sen (1968): the median of the slopes between all pairs, which a few outliers do not move, and the
 * median distance of the values from that line. Null for fewer than ten values.
 */
export function slope(t: readonly number[], v: readonly (number | null)[]): { slope: number; noise: number } | null {
  const rows = t.flatMap((at, i) => (v[i] == null ? [] : [[at / SECOND, v[i]] as const]));
  if (rows.length < 10) return null;
  const slopes = rows.flatMap(([x, y], i) => rows.slice(i + 1).flatMap(([x2, y2]) => (x2 > x ? [(y2 - y) / (x2 - x)] : [])));
  const m = median(slopes);
  const c = median(rows.map(([x, y]) => y - m * x));
  return { slope: m, noise: median(rows.map(([x, y]) => Math.abs(y - m * x - c))) };
}

/**
 * Microseconds until the next limit in the direction of travel, with its name. Null when none lies ahead within six hours, or when the
 * change over the time looked at is not three times the noise about it.
 */
export function timeToLimit(
  t: readonly Micros[],
  v: readonly (number | null)[],
  now: number | null,
  limits: Limits | null | undefined,
): { after: number; name: string } | null {
  const line = slope(t, v);
  const [first, last] = [t[0], t.at(-1)];
  if (!line || now === null || !limits || first === undefined || last === undefined) return null;
  if (Math.abs(line.slope) * ((last - first) / SECOND) < 3 * line.noise || line.slope === 0) return null;
  const ahead = (['hi', 'hihi', 'lo', 'lolo'] as const)
    .flatMap((name) => {
      const limit = limits[name];
      if (limit === null || name.startsWith('h') !== line.slope > 0) return [];
      const after = ((limit - now) / line.slope) * SECOND;
      return after > 0 ? [{ after, name: name.toUpperCase() }] : [];
    })
    .sort((a, b) => a.after - b.after)[0];
  return ahead && ahead.after <= 6 * HOUR ? ahead : null;
}
