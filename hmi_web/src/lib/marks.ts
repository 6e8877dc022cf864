/** What happened within a range, as letters on a time axis. */

import type { Micros } from './time';

export type MarkKind = 'CONFIGURATION' | 'CONNECTED' | 'DISCONNECTED' | 'LOSS' | 'ACTION';

export interface Annotation {
  id: string;
  kind: MarkKind;
  time: Micros;
  end: Micros | null;
  title: string;
  detail: string;
  user: string | null;
  asset: string | null;
  revision: number | null;
  ok: boolean;
}

export interface Mark {
  time: Micros;
  kind: MarkKind;
  letter: string;
}

/** Configuration, up, down, gap, action. */
export const LETTER: Record<MarkKind, string> = { CONFIGURATION: 'C', CONNECTED: 'U', DISCONNECTED: 'D', LOSS: 'G', ACTION: 'A' };

/** The marks that concern a plot: those of its assets, and those that concern all. */
export function marksOf(notes: readonly Annotation[], assets: readonly string[]): Mark[] {
  return notes
    .filter((n) => n.asset === null || assets.includes(n.asset))
    .map((n) => ({ time: n.time, kind: n.kind, letter: LETTER[n.kind] }));
}
