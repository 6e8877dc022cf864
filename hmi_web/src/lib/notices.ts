/** What the platform says of itself, worst first: the lines of the shell's notice field. Pure. */

import type { Pipeline, ServiceState, Source } from '../api/types';
import { natural } from './order';
import type { Micros } from './time';

export interface Notice {
  /** What it is about, for the key and the link. */
  subject: string;
  text: string;
  /** Since when; null where it is not known. */
  since: Micros | null;
  page: string;
  /** 0 is worst. */
  rank: number;
}

const BAD: Partial<Record<ServiceState, number>> = { FAILED: 0, DEGRADED: 3, STOPPED: 2, STOPPING: 4, STARTING: 5 };

export interface Facts {
  sources: readonly Source[];
  pipeline: Pipeline | null;
  problems: Iterable<readonly [string, string]>;
  daysLeft: number | null;
  revision: { revision: number; newest: number };
}

export function notices(f: Facts): Notice[] {
  const out: Notice[] = [];
  for (const s of f.pipeline?.services ?? []) {
    const rank = BAD[s.state];
    if (rank === undefined) continue;
    const why = s.lastError ? `: ${s.lastError}` : '';
    out.push({
      subject: s.name,
      text: `service ${s.state.toLowerCase()}${why}`,
      since: Math.max(0, ...s.instances.map((i) => i.started)) || null,
      page: 'pipeline',
      rank,
    });
  }
  for (const s of f.sources) {
    if (s.enabled && s.connected === false)
      out.push({
        subject: s.name,
        text: `source disconnected${s.detail ? `: ${s.detail}` : ''}`,
        since: s.since,
        page: 'pipeline',
        rank: 1,
      });
    else if (s.enabled && s.connected === null)
      out.push({ subject: s.name, text: 'source not heard of yet', since: null, page: 'pipeline', rank: 6 });
  }
  if (f.daysLeft !== null && f.daysLeft < 14)
    out.push({ subject: 'archive', text: `disk full in ${f.daysLeft.toFixed(1)} days`, since: null, page: 'pipeline', rank: 2 });
  for (const [subject, text] of f.problems) out.push({ subject: `this window, ${subject}`, text, since: null, page: '', rank: 1 });
  if (f.revision.newest > f.revision.revision)
    out.push({
      subject: 'configuration',
      text: `revision ${f.revision.newest.toString()} published, ${f.revision.revision.toString()} still in force`,
      since: null,
      page: 'configuration',
      rank: 5,
    });
  return out.sort((a, b) => a.rank - b.rank || (b.since ?? 0) - (a.since ?? 0) || natural(a.subject, b.subject));
}
