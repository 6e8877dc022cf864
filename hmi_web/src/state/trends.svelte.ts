/** Short histories for sparklines: one request for all points of a page, renewed every half minute, with the live value as last point. */

import { gql } from '../api/http';
import { SERIES } from '../api/queries';
import type { SeriesBlock } from '../api/types';
import { drawable, readColumns } from '../lib/columns';
import { lasts, type Micros } from '../lib/time';
import { clock } from './clock.svelte';
import { link } from './link.svelte';
import { nav } from './nav.svelte';
import { notes } from './notes.svelte';

export interface Short {
  t: number[];
  v: (number | null)[];
}

const EMPTY: Short = { t: [], v: [] };
const RENEW_MS = 30_000;

/** Histories of `span` in `buckets` means. Create it in a component and call `run` in an effect. */
export class Shorts {
  blocks = $state.raw<ReadonlyMap<string, Short>>(new Map());
  from = $state<Micros>(0);
  to = $state<Micros>(1);

  constructor(
    readonly span: Micros,
    readonly buckets: number,
  ) {}

  of(name: string): Short {
    return this.blocks.get(name) ?? EMPTY;
  }

  /** Asks now and again until stopped: silence is drawn as the value it means, states by their last. Reads the time in view, so that an effect runs it anew when that changes. */
  run(names: readonly string[], method: 'MEAN' | 'LAST' = 'MEAN'): () => void {
    const fixed = nav.route.time.mode === 'fixed' ? nav.route.time.to : null;
    void link.openings;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      if (!names.length || document.hidden) return;
      const to = Math.round(fixed ?? clock.exact());
      try {
        const { series } = await gql<{ series: SeriesBlock[] }>(
          SERIES,
          { points: names, from: to - this.span, to, resample: { method, buckets: this.buckets, fill: 'PREVIOUS' } },
          abort.signal,
        );
        [this.from, this.to] = [to - this.span, to];
        this.blocks = new Map(series.map((b) => [b.point, short(b, this.span / this.buckets)]));
        notes.solved('trends');
      } catch (error) {
        notes.problem('trends', error);
      }
    };
    void ask();
    const timer = fixed === null ? setInterval(() => void ask(), RENEW_MS) : undefined;
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }
}

/** A line through the means, broken by every explained gap. */
function short(block: SeriesBlock, width: Micros): Short {
  const { t, v } = readColumns(block.columns);
  const out: Short = { t: [], v: [] };
  let before: Micros | null = null;
  t.forEach((at, i) => {
    if (at === null) return;
    const since = before;
    if (since !== null && block.gaps.some((g) => lasts(g) && g.start < at && (g.end ?? Infinity) > since + width)) {
      out.t.push(at);
      out.v.push(null);
    }
    out.t.push(at);
    out.v.push(drawable(v[i]));
    before = at;
  });
  return out;
}
