import { describe, expect, it } from 'vitest';
import { marksOf, together, type Annotation } from '../src/lib/marks';

const SECOND = 1_000_000;
const note = (asset: string | null, time: number, title: string, more: Partial<Annotation> = {}): Annotation => ({
  id: `${title}${String(time)}`,
  kind: 'CONNECTED',
  time,
  end: null,
  title,
  detail: '',
  user: null,
  asset,
  revision: null,
  ok: true,
  ...more,
});

describe('together', () => {
  it('makes one of what happened to several within a second', () => {
    const found = together([
      note('ast2', 5 * SECOND, 'ast2.opcua connected', { detail: 'after 0.4 s' }),
      note('ast1', 4.5 * SECOND, 'ast1.opcua connected'),
      note('site', 4.2 * SECOND, 'site.opcua connected'),
    ]);
    expect(found.map((e) => e.title)).toEqual(['ast2.opcua and 2 more connected']);
    expect(found[0]?.all).toBe('ast2.opcua connected after 0.4 s\nast1.opcua connected\nsite.opcua connected');
  });

  it('keeps apart what is a second away, says something else, or is of somebody else', () => {
    const notes = [
      note('ast1', 9 * SECOND, 'ast1.opcua connected'),
      note('ast2', 8 * SECOND, 'ast2.opcua connected'),
      note('ast2', 7.9 * SECOND, 'ast2.opcua disconnected', { kind: 'DISCONNECTED' }),
      note(null, 7.8 * SECOND, 'revision 4', { kind: 'CONFIGURATION', user: 'ada' }),
      note(null, 7.7 * SECOND, 'revision 4', { kind: 'CONFIGURATION', user: 'bob' }),
    ];
    expect(together(notes).map((e) => e.title)).toEqual(notes.map((n) => n.title));
  });
});

describe('marksOf', () => {
  it('gives a plot the marks of its assets and of all', () => {
    const notes = [note('ast1', 1, 'a'), note('ast2', 2, 'b'), note(null, 3, 'c', { kind: 'ACTION' })];
    expect(marksOf(notes, ['ast1']).map((m) => m.letter)).toEqual(['U', 'A']);
  });
});
