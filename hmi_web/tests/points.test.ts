// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LiveBatch } from '../src/api/types';

const fake = vi.hoisted(() => {
  return {
    queries: [] as { query: string; variables: Record<string, unknown> }[],
    feeds: [] as { points: string[]; next: (d: { live: LiveBatch }) => void; ended: boolean }[],
    fail: 0,
    gaps: [] as { start: number; end: number | null }[],
    /** What comes with the definitions: nothing received yet, unless a test says so. */
    first: [] as (number | null)[],
    table: (names: string[]) => ({
      revision: 1,
      serverTime: 0,
      points: names,
      definitions: {
        type: names.map(() => 0),
        asset: names.map(() => 'a'),
        device: names.map(() => 'd'),
        address: names.map(() => ''),
        types: [{ unit: '°C', kind: 'DOUBLE', sampling: 1, limits: { lolo: null, lo: null, hi: 18, hihi: 20 }, labels: [] }],
      },
      columns: {
        t: names.map((_, i) => (fake.first[i] == null ? null : 7)),
        v: names.map((_, i) => fake.first[i] ?? null),
        q: names.map((_, i) => (fake.first[i] == null ? null : 0)),
      },
    }),
  };
});

vi.mock('../src/api/http', () => ({
  ApiError: class extends Error {},
  whenUnauthenticated: () => undefined,
  gql: (query: string, variables: Record<string, unknown>) => {
    if (fake.fail-- > 0) return Promise.reject(new Error('no answer'));
    fake.queries.push({ query, variables });
    const names = variables['names'] as string[] | undefined;
    if (names) return Promise.resolve({ pointTable: fake.table(names.filter((n) => !n.endsWith('unknown'))) });
    const points = variables['points'] as string[];
    if (query.includes('GapsAt')) return Promise.resolve({ series: points.map((point) => ({ point, gaps: fake.gaps })) });
    return Promise.resolve({
      valuesAt: {
        seq: 0,
        serverTime: 0,
        points,
        columns: { t: points.map(() => 5), v: points.map(() => 50), q: points.map(() => 0) },
        dropped: 0,
      },
    });
  },
}));
vi.mock('../src/state/link.svelte', () => ({
  link: {
    word: 'ok',
    open: true,
    follow: (_subject: string, _query: string, variables: { points: string[] }, next: (d: { live: LiveBatch }) => void) => {
      const feed = { points: variables.points, next, ended: false };
      fake.feeds.push(feed);
      return () => {
        feed.ended = true;
      };
    },
  },
}));

const { points } = await import('../src/state/points.svelte');
const { clock } = await import('../src/state/clock.svelte');
const { notes } = await import('../src/state/notes.svelte');

const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(2100);
const batch = (names: string[], t: (number | null)[], v: (number | null)[], q: (number | null)[]): { live: LiveBatch } => ({
  live: { seq: 0, serverTime: Date.now() * 1000, points: names, columns: { t, v, q }, dropped: 0 },
});
const open = (): typeof fake.feeds => fake.feeds.filter((f) => !f.ended);

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(async () => {
  points.show(null);
  await settle();
  vi.useRealTimers();
});

describe('points in sight', () => {
  it('are followed once, whoever watches, and let go when nobody does', async () => {
    const ends = [points.watch(['a.b.c', 'd.e.f']), points.watch(['a.b.c'])];
    await settle();
    expect(open().map((f) => f.points)).toEqual([['a.b.c', 'd.e.f']]);
    ends[0]?.();
    await settle();
    expect(open().map((f) => f.points)).toEqual([['a.b.c']]);
    ends[1]?.();
    await settle();
    expect(open()).toEqual([]);
  });

  it('that do not exist are never asked for, and known as such', async () => {
    const end = points.watch(['a.b.unknown', 'a.b.c']);
    await settle();
    expect(open()[0]?.points).toEqual(['a.b.c']);
    expect(points.of('a.b.unknown').def).toBeNull();
    expect(points.of('a.b.unknown').text()).toBe('–');
    end();
  });

  it('are judged: limits, quality, age', async () => {
    const end = points.watch(['a.b.c', 'd.e.f']);
    await settle();
    const now = clock.exact();
    open()[0]?.next(batch(['a.b.c', 'd.e.f'], [now, null], [21, null], [0, null]));
    clock.now = now;
    const r = points.of('a.b.c');
    expect([r.breach, r.quality, r.fresh, r.text()]).toEqual(['HIHI', 'good', 'fresh', '21.0']);
    expect(points.of('d.e.f').fresh).toBe('never');
    open()[0]?.next(batch(['a.b.c'], [now], [21], [2]));
    expect([points.of('a.b.c').breach, points.of('a.b.c').quality]).toEqual([null, 'bad']);
    open()[0]?.next(batch(['a.b.c'], [now - 60e6], [21], [0]));
    expect([points.of('a.b.c').fresh, points.of('a.b.c').breach]).toEqual(['stale', null]);
    end();
  });

  it('have the values that came with their definitions until the subscription tells newer ones', async () => {
    fake.first = [17];
    const end = points.watch(['first.b.c']);
    await vi.advanceTimersByTimeAsync(100);
    expect(points.of('first.b.c').value).toBe(17);
    open()[0]?.next(batch(['first.b.c'], [clock.exact()], [18], [0]));
    expect(points.of('first.b.c').value).toBe(18);
    await points.refresh();
    expect(points.of('first.b.c').value).toBe(18);
    fake.first = [];
    end();
  });

  it('show the archive while the time is held, and nothing is followed', async () => {
    const end = points.watch(['a.b.c']);
    await settle();
    points.show(1234);
    await settle();
    expect(open()).toEqual([]);
    expect(fake.queries.find((q) => q.query.includes('ValuesAt'))?.variables).toEqual({ points: ['a.b.c'], at: 1234 });
    expect(points.of('a.b.c').value).toBe(50);
    points.show(null);
    await settle();
    expect(open().length).toBe(1);
    end();
  });

  it('are let go while the window is hidden', async () => {
    const end = points.watch(['a.b.c']);
    await settle();
    points.sleep(true);
    await vi.advanceTimersByTimeAsync(3100);
    expect(open()).toEqual([]);
    points.sleep(false);
    await settle();
    expect(open().length).toBe(1);
    end();
  });

  it('are asked for again after a failure, which is told meanwhile', async () => {
    fake.fail = 1;
    const end = points.watch(['x.y.z']);
    await vi.advanceTimersByTimeAsync(100);
    expect(notes.problems.get('points')).toBe('no answer');
    await vi.advanceTimersByTimeAsync(3100);
    expect(open().map((f) => f.points)).toEqual([['x.y.z']]);
    end();
  });
});
