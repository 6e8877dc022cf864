/** What a value is worth at a moment: freshness, quality and limits. Rules only: time is given. */

import { SECOND, type Micros } from './time';

export interface Limits {
  lolo: number | null;
  lo: number | null;
  hi: number | null;
  hihi: number | null;
}

export type Quality = 'good' | 'uncertain' | 'bad';
export type Freshness = 'never' | 'fresh' | 'stale';
export type Breach = 'LOLO' | 'LO' | 'HI' | 'HIHI';

export const NO_LIMITS: Limits = { lolo: null, lo: null, hi: null, hihi: null };

/** Quality codes on the wire: 0 good, 1 uncertain, 2 bad. An unknown code is bad. */
export const quality = (q: number | null | undefined): Quality => (q === 0 ? 'good' : q === 1 ? 'uncertain' : 'bad');

/**
 * Stale when older than three sampling intervals, or, where silence is agreed (unchanged values are held back for at most `silence`
 * seconds), when older than that silence and three intervals more. `grace` seconds are the time a sample needs to get here.
 */
export function staleAfter(sampling: number, silence = 0, grace = 2): number {
  return (3 * sampling + silence + grace) * SECOND;
}

export function freshness(sampled: Micros | null, now: Micros, after: number): Freshness {
  if (sampled === null) return 'never';
  return now - sampled > after ? 'stale' : 'fresh';
}

/** The limit a number breaks, the outermost first. Limits are exclusive: a value at its limit is still good. */
export function breach(v: unknown, limits: Limits | null | undefined): Breach | null {
  if (typeof v !== 'number' || !limits || Number.isNaN(v)) return null;
  if (limits.hihi !== null && v > limits.hihi) return 'HIHI';
  if (limits.lolo !== null && v < limits.lolo) return 'LOLO';
  if (limits.hi !== null && v > limits.hi) return 'HI';
  if (limits.lo !== null && v < limits.lo) return 'LO';
  return null;
}

/** Rank of a breach: 2 for the outer limits, 3 for the inner ones: the hue and the shape it is drawn with. */
export const rank = (b: Breach): 2 | 3 => (b.length === 4 ? 2 : 3);

/** The limit that a breach broke, and how it reads: `> 30.0`. */
export function broken(b: Breach, limits: Limits): { value: number; sign: '>' | '<' } {
  const key = b.toLowerCase() as keyof Limits;
  return { value: limits[key] ?? Number.NaN, sign: b.startsWith('HI') ? '>' : '<' };
}
