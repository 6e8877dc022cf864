/**
 * A trend that keeps itself: loads its range, takes live samples in, fills the gap after a lost link, loads anew when the range changes.
 * Its memory is one ring of buckets per point, one bucket per pixel or two.
 */

import { gql } from '../api/http';
import { BAND } from '../api/queries';
import type { Gap, SeriesBlock } from '../api/types';
import { BandRing, broken, row, type BandColumns } from '../lib/band';
import { drawable, readColumns } from '../lib/columns';
import { Pace } from '../lib/pace';
import { SECOND, type Micros } from '../lib/time';
import { clock } from './clock.svelte';
import { link } from './link.svelte';
import { nav } from './nav.svelte';
import { notes } from './notes.svelte';
import { points } from './points.svelte';

const NOTHING: BandColumns = { t: [], lo: [], hi: [], mean: [] };

export interface View {
  columns: BandColumns;
  gaps: Gap[];
  method: string;
  complete: boolean;
}

/** The range a trend shows; `live` when its end is now. */
export interface Span {
  from: Micros;
  to: Micros;
  live: boolean;
}

export class Trend {
  /** What is to be drawn, by point. */
  views = $state.raw<ReadonlyMap<string, View>>(new Map());
  /** In which the views lie. */
  from = $state<Micros>(0);
  to = $state<Micros>(1);
  loading = $state(false);
  #rings = new Map<string, BandRing>();
  #blocks = new Map<string, { gaps: Gap[]; method: string; complete: boolean }>();

  constructor(readonly buckets = 400) {}

  view(name: string): View {
    return this.views.get(name) ?? { columns: NOTHING, gaps: [], method: '', complete: true };
  }

  /** Follows points over a time. To be run in an effect: it reads what must make it start anew. */
  run(
    names: readonly string[],
    time: { mode: 'live'; span: Micros } | { mode: 'fixed'; from: Micros; to: Micros } = nav.route.time,
  ): () => void {
    void link.openings;
    const abort = new AbortController();
    const live = time.mode === 'live';
    const span = live ? time.span : time.to - time.from;
    const end = live ? clock.exact() : time.to;
    [this.from, this.to] = [end - span, end];
    const early: [string, Micros, number][] = [];
    let loaded = false;
    const bucket = span / this.buckets / 1000;
    const pace = new Pace(Math.min(1000, Math.max(250, bucket)), () => {
      if (loaded) this.#draw(names, live ? clock.exact() : end, span);
    });
    const untap = live
      ? points.tap((name, s) => {
          const v = drawable(s.v);
          if (v === null || s.q === 2) return;
          if (loaded) {
            if (this.#rings.get(name)?.push(s.t, v)) pace.ask();
          } else if (names.includes(name)) early.push([name, s.t, v]);
        })
      : () => undefined;
    // Without news the axis moves on all the same, by a bucket at a time.
    const timer = live
      ? setInterval(
          () => {
            pace.ask();
          },
          Math.max(pace.ms, bucket),
        )
      : undefined;
    void this.#load(names, Math.round(end - span), Math.round(end), abort.signal).then((ok) => {
      if (!ok) return;
      for (const [name, t, v] of early) this.#rings.get(name)?.push(t, v);
      loaded = true;
      this.#draw(names, live ? clock.exact() : end, span);
    });
    return () => {
      clearInterval(timer);
      pace.stop();
      untap();
      abort.abort();
    };
  }

  async #load(names: readonly string[], from: Micros, to: Micros, signal: AbortSignal): Promise<boolean> {
    if (!names.length) {
      this.views = new Map();
      return false;
    }
    this.loading = true;
    try {
      const { extremes, mean, before } = await gql<{
        extremes: SeriesBlock[];
        mean: SeriesBlock[];
        before: { points: string[]; columns: unknown };
      }>(BAND, { points: names, from, to, buckets: this.buckets }, signal);
      this.#rings = new Map(extremes.map((x, i) => [x.point, fill(new BandRing(to - from, this.buckets + 4), x, mean[i])]));
      const held = readColumns(before.columns);
      before.points.forEach((name, i) => {
        const v = drawable(held.v[i]);
        if (held.t[i] !== null && v !== null) this.#rings.get(name)?.begin(v);
      });
      this.#blocks = new Map(extremes.map((x) => [x.point, { gaps: x.gaps, method: x.method, complete: x.complete }]));
      notes.solved('trend');
      return true;
    } catch (error) {
      notes.problem('trend', error);
      return false;
    } finally {
      if (!signal.aborted) this.loading = false;
    }
  }

  #draw(names: readonly string[], to: Micros, span: Micros): void {
    const views = new Map<string, View>();
    for (const name of names) {
      const block = this.#blocks.get(name);
      const def = points.of(name).def;
      const steps = def?.kind === 'ENUM' || def?.kind === 'BOOL';
      const columns = this.#rings.get(name)?.columns(to - span, to, 6 * (def?.sampling ?? 1) * SECOND, steps) ?? NOTHING;
      const gaps = (block?.gaps ?? []).filter((g) => g.start < to && (g.end ?? to) > to - span);
      views.set(name, {
        columns: held(broken(columns, gaps), name, to),
        gaps,
        method: block?.method ?? '',
        complete: block?.complete ?? true,
      });
    }
    this.views = views;
    [this.from, this.to] = [to - span, to];
  }
}

/** Draws on to now where silence means unchanged: the last value of a source that is connected still holds. */
function held(c: BandColumns, name: string, to: Micros): BandColumns {
  const last = c.t.length - 1;
  const v = c.mean[last] ?? null;
  const reading = points.of(name);
  if (last < 0 || v === null || !nav.live || reading.fresh !== 'fresh' || (c.t[last] ?? 0) * 1e6 > to) return c;
  const value = reading.number ?? v;
  const from = Math.min(to / 1e6, (c.t[last] ?? 0) + 1e-3);
  if (to / 1e6 - (c.t[last] ?? 0) > 6 * (reading.def?.sampling ?? 1)) row(c, from, value, value, value);
  row(c, to / 1e6, value, value, value);
  return c;
}

/** Extremes with their own times and means of buckets become rows; raw samples are simply pushed. */
function fill(ring: BandRing, extremes: SeriesBlock, mean: SeriesBlock | undefined): BandRing {
  const x = readColumns(extremes.columns);
  x.t.forEach((t, i) => {
    const v = drawable(x.v[i]);
    if (t !== null && v !== null && x.q[i] !== 2) ring.push(t, v);
  });
  if (mean && mean.method !== 'RAW') {
    const m = readColumns(mean.columns);
    m.t.forEach((t, i) => {
      const v = drawable(m.v[i]);
      if (t !== null && v !== null) ring.settle(t, v);
    });
  }
  return ring;
}
