/** Statistics of equal telescopes over the range in view, from the platform: renewed while LIVE. */

import { gql } from '../api/http';
import { FLEET, GROUPS } from '../api/queries';
import type { PointKind } from '../api/types';
import type { Micros } from '../lib/time';
import { clock } from './clock.svelte';
import { link } from './link.svelte';
import { nav } from './nav.svelte';
import { notes } from './notes.svelte';

export interface Group {
  group: string;
  description: string;
  unit: string;
  kind: PointKind;
  members: number;
}

export interface Member {
  point: string;
  asset: string;
  title: string;
  time: Micros | null;
  value: number | string | null;
  label: string | null;
  count: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  std: number | null;
  z: number | null;
  odd: boolean;
}

export interface FleetStats {
  group: string;
  unit: string;
  count: number;
  min: number | null;
  max: number | null;
  mean: number | null;
  median: number | null;
  std: number | null;
  mad: number | null;
  members: Member[];
}

const RENEW_MS = 5000;

export class Fleet {
  stats = $state.raw<FleetStats | null>(null);

  /** Asks now and again until stopped. Reads the time in view: to be run in an effect. */
  run(group: string): () => void {
    const time = nav.route.time;
    void link.openings;
    const abort = new AbortController();
    const ask = async (): Promise<void> => {
      if (document.hidden) return;
      const to = time.mode === 'fixed' ? time.to : Math.round(clock.exact());
      const from = time.mode === 'fixed' ? time.from : to - time.span;
      try {
        this.stats = (await gql<{ fleetStats: FleetStats }>(FLEET, { group, from, to }, abort.signal)).fleetStats;
        notes.solved('fleet');
      } catch (error) {
        notes.problem('fleet', error);
      }
    };
    if (this.stats?.group !== group) this.stats = null;
    void ask();
    const timer = time.mode === 'live' ? setInterval(() => void ask(), RENEW_MS) : undefined;
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }
}

/** Quantities that can be compared, the best first. */
export async function findGroups(search: string): Promise<Group[]> {
  return (await gql<{ groups: Group[] }>(GROUPS, { search: search || null })).groups;
}
