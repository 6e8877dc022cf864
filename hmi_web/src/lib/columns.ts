/** Samples as they travel: columns of time, value and quality. They are never made into objects. */

import type { Micros } from './time';
import type { Value } from './format';

export interface Columns {
  t: (Micros | null)[];
  v: Value[];
  q: (number | null)[];
  /** Until when each value is known to hold: received, or its source was connected and silent. Live values only. */
  c?: (number | null)[];
}

export const EMPTY: Columns = { t: [], v: [], q: [] };

/** Takes a `Columns` scalar apart; anything that is not three equally long lists is refused. */
export function readColumns(json: unknown): Columns {
  const { t, v, q, c } = (json ?? {}) as Record<string, unknown>;
  if (!Array.isArray(t) || !Array.isArray(v) || !Array.isArray(q) || t.length !== v.length || v.length !== q.length)
    throw new TypeError('columns t, v, q of equal length expected');
  const read: Columns = { t: t as Columns['t'], v: v as Value[], q: q as Columns['q'] };
  return Array.isArray(c) && c.length === t.length ? { ...read, c: c as (number | null)[] } : read;
}

/** Number for drawing: booleans as 0 and 1, text as nothing. */
export const drawable = (v: Value | undefined): number | null =>
  typeof v === 'number' ? (Number.isFinite(v) ? v : null) : typeof v === 'boolean' ? Number(v) : null;

/** Merges two ascending column sets by time; where both have a moment the second wins. */
export function merge(a: Columns, b: Columns): Columns {
  if (!a.t.length) return b;
  if (!b.t.length) return a;
  const out: Columns = { t: [], v: [], q: [] };
  const take = (c: Columns, i: number): void => {
    out.t.push(c.t[i] ?? 0);
    out.v.push(c.v[i] ?? null);
    out.q.push(c.q[i] ?? 2);
  };
  let [i, j] = [0, 0];
  while (i < a.t.length || j < b.t.length) {
    const [x, y] = [a.t[i] ?? Infinity, b.t[j] ?? Infinity];
    if (x < y) take(a, i++);
    else {
      if (x === y) i++;
      take(b, j++);
    }
  }
  return out;
}
