/** Telescopes as the pages see them: state, pointing, the five parts with what is wrong in them. */

import type { Asset } from '../api/types';
import { rank, type Breach } from '../lib/judge';
import { letter, PARTS, POINTING, SCOPE_POINTS } from '../lib/telescope';
import { words } from '../lib/format';
import type { Tick } from '../ui/Ticks.svelte';
import { lasting } from './lasting.svelte';
import { points, type Reading } from './points.svelte';

const QUIET = new Set(['MAINTENANCE', 'OFF']);

/** What is seen of one telescope. Everything is derived from readings, so it follows them by itself. */
export class Scope {
  readonly state: Reading;
  readonly azimuth: Reading;
  readonly elevation: Reading;
  /** Every point watched of it, by part. */
  readonly parts: ReadonlyMap<string, readonly Reading[]>;
  readonly all: readonly Reading[];

  readonly stale = $derived.by(
    () => this.state.fresh === 'stale' || (this.state.fresh === 'never' && this.all.every((r) => r.fresh !== 'fresh')),
  );
  readonly word = $derived.by(() => (this.state.sample ? this.state.text() : null));
  readonly letter = $derived.by(() => (this.stale ? '?' : letter(this.word)));
  readonly quiet = $derived.by(() => QUIET.has(this.word ?? ''));
  readonly title = $derived.by(() => (this.stale ? 'No data' : words(this.word ?? 'no state')));
  readonly ticks = $derived.by(() => PARTS.map((p) => this.#tick(p.key, p.title)));
  readonly worst = $derived.by(() => worst(this.all.map((r) => r.breach)));
  /** Age of the oldest value watched, microseconds; of the freshly known it is that of the last sample. */
  readonly bad = $derived.by(() => this.all.filter((r) => r.sample && r.quality === 'bad').length);
  readonly uncertain = $derived.by(() => this.all.filter((r) => r.quality === 'uncertain').length);
  readonly old = $derived.by(() => this.all.filter((r) => r.fresh === 'stale').length);
  readonly over = $derived.by(() => this.all.filter((r) => r.breach));
  readonly newest = $derived.by(() => Math.min(...this.all.map((r) => (r.sample ? r.age : Infinity))));

  constructor(readonly asset: Asset) {
    const of = (name: string): Reading => points.of(`${asset.name}.${name}`);
    this.state = of(POINTING.state);
    this.azimuth = of(POINTING.azimuth);
    this.elevation = of(POINTING.elevation);
    const watched = scopePoints(asset.name);
    this.all = watched.map((n) => points.of(n));
    this.parts = new Map(PARTS.map((p) => [p.key, this.all.filter((r) => p.assemblies.includes(r.name.split('.')[1] ?? ''))]));
  }

  #tick(key: string, title: string): Tick {
    const readings = this.parts.get(key) ?? [];
    const known = readings.filter((r) => r.sample);
    const w = worst(readings.map((r) => r.breach));
    const state = this.quiet
      ? 'quiet'
      : known.length > 0 && known.every((r) => r.fresh === 'fresh')
        ? known.some((r) => r.quality === 'bad')
          ? 'bad'
          : 'normal'
        : 'stale';
    return { key, title, state, breach: state === 'stale' || state === 'quiet' ? null : w };
  }
}

const known = new Map<string, Scope>();

/** The one Scope of an asset. */
export function scopeOf(asset: Asset): Scope {
  const before = known.get(asset.name);
  if (before?.asset === asset) return before;
  const made = lasting(() => new Scope(asset));
  known.set(asset.name, made);
  return made;
}

/** The outermost of some broken limits. */
export function worst(breaches: readonly (Breach | null)[]): Breach | null {
  return breaches.reduce<Breach | null>((w, b) => (b && (!w || rank(b) < rank(w)) ? b : w), null);
}

/** The points of one telescope that the Array page watches. */
export const scopePoints = (name: string): string[] => SCOPE_POINTS.map((p) => `${name}.${p}`);
