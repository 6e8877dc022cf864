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

/** What happened to several within a second, as one. */
export interface Event extends Annotation {
  /** All of it, for whoever wants to know. */
  all: string;
}

/** Notes in their order; neighbours that say the same of another asset within a second become one: `ast1.opcua and 9 more connected`. */
export function together(notes: readonly Annotation[]): Event[] {
  const found: { notes: Annotation[]; said: string }[] = [];
  for (const note of notes) {
    const said = `${note.kind} ${String(note.ok)} ${note.user ?? ''} ${note.title.split(' ').slice(1).join(' ')}`;
    const last = found.at(-1);
    const first = last?.notes[0];
    if (last && first && said === last.said && note.asset !== null && Math.abs(note.time - first.time) < 1_000_000) last.notes.push(note);
    else found.push({ notes: [note], said });
  }
  return found.map(({ notes }) => {
    const [first] = notes as [Annotation];
    const [name, ...rest] = first.title.split(' ');
    const title = notes.length === 1 ? first.title : `${name ?? ''} and ${String(notes.length - 1)} more ${rest.join(' ')}`;
    return { ...first, title, all: notes.map((n) => `${n.title} ${n.detail} ${n.user ?? ''}`.trim()).join('\n') };
  });
}
