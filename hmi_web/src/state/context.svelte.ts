/** What surrounds a trend: limits as they were over the range, and what happened meanwhile. Renewed with the range, and by the minute. */

import { gql } from '../api/http';
import { ANNOTATIONS, LIMITS_HISTORY } from '../api/queries';
import type { Limits } from '../lib/judge';
import type { Annotation } from '../lib/marks';
import { MINUTE, type Micros } from '../lib/time';
import type { LimitStep } from '../ui/plot/paint';
import { clock } from './clock.svelte';
import { link } from './link.svelte';
import { nav } from './nav.svelte';
import { notes } from './notes.svelte';
import { observatory } from './observatory.svelte';

export interface HistoryStep extends LimitStep {
  revision: number;
  since: Micros;
  author: string;
  comment: string;
  limits: Limits;
}

const RENEW_MS = 30_000;

export class Context {
  annotations = $state.raw<Annotation[]>([]);
  complete = $state(true);
  #steps = $state.raw<ReadonlyMap<string, HistoryStep[]>>(new Map());

  /** Limits of a point step by step; null while not known. */
  steps(name: string): HistoryStep[] | null {
    return this.#steps.get(name) ?? null;
  }

  /** Asks now and again until stopped. Reads the time in view and the revision in force: to be run in an effect. */
  run(names: readonly string[]): () => void {
    const time = nav.route.time;
    void link.openings;
    void observatory.revision.revision;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.hidden || !names.length) return;
      const to = time.mode === 'fixed' ? time.to : Math.round(clock.exact());
      const from = time.mode === 'fixed' ? time.from : to - time.span;
      try {
        const [{ limitsHistory }, { annotations }] = await Promise.all([
          gql<{ limitsHistory: { point: string; steps: HistoryStep[] }[] }>(
            LIMITS_HISTORY,
            { points: names, from, to: to + MINUTE },
            abort.signal,
          ),
          gql<{ annotations: { complete: boolean; nodes: Annotation[] } }>(ANNOTATIONS, { from, to }, abort.signal),
        ]);
        this.#steps = new Map(limitsHistory.map((h) => [h.point, early(h.steps)]));
        this.annotations = annotations.nodes;
        this.complete = annotations.complete;
        notes.solved('history');
      } catch (error) {
        notes.problem('history', error);
      }
    };
    void ask();
    const timer = time.mode === 'live' ? setInterval(() => void ask(), RENEW_MS) : undefined;
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }
}

/** What was recorded before the first revision of a point is judged by that revision's limits: there were no others. */
function early(steps: HistoryStep[]): HistoryStep[] {
  return steps.map((s, i) => (i === 0 && s.revision <= 1 ? { ...s, since: 0 } : s));
}
