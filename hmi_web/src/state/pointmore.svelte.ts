/** What else is known of one point: its way here, who depends on it, and its limits over time. */

import { gql } from '../api/http';
import { LIMITS_HISTORY, POINT_MORE } from '../api/queries';
import { DAY, type Micros } from '../lib/time';
import { clock } from './clock.svelte';
import type { HistoryStep } from './context.svelte';
import { notes } from './notes.svelte';
import { observatory } from './observatory.svelte';

export interface Latency {
  time: Micros | null;
  age: number | null;
  skew: number | null;
  hops: { hop: 'COLLECTOR' | 'BUS' | 'HOT_QUEUE' | 'ARCHIVE' | 'NOW'; seconds: number | null; basis: 'SAMPLE' | 'SERVICE' }[];
}

export interface Uses {
  derivedFrom: string | null;
  uses: { kind: 'STATISTICS' | 'VIEW'; name: string; detail: string; id: string | null }[];
  sameGroup: string[];
}

export class PointMore {
  latency = $state.raw<Latency | null>(null);
  uses = $state.raw<Uses | null>(null);
  history = $state.raw<HistoryStep[]>([]);

  /** Asks every five seconds until stopped. To be run in an effect. */
  run(name: string): () => void {
    void observatory.revision.revision;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      try {
        const { point } = await gql<{ point: { latency: Latency; whoUsesMe: Uses } | null }>(POINT_MORE, { name }, abort.signal);
        this.latency = point?.latency ?? null;
        this.uses = point?.whoUsesMe ?? null;
        notes.solved('point');
      } catch (error) {
        notes.problem('point', error);
      }
    };
    const once = async (): Promise<void> => {
      const to = Math.round(clock.exact());
      try {
        const { limitsHistory } = await gql<{ limitsHistory: { steps: HistoryStep[] }[] }>(
          LIMITS_HISTORY,
          { points: [name], from: to - 365 * DAY, to },
          abort.signal,
        );
        this.history = (limitsHistory[0]?.steps ?? []).toReversed();
      } catch (error) {
        notes.problem('point', error);
      }
    };
    [this.latency, this.uses, this.history] = [null, null, []];
    void ask();
    void once();
    const timer = setInterval(() => void ask(), 5000);
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }
}
