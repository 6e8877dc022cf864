import { describe, expect, it } from 'vitest';
import { diffLines, hunks } from '../src/lib/diff';
import { KeyMachine } from '../src/lib/keys';
import { notices, type Facts } from '../src/lib/notices';
import { grouped, lostWithoutConsent, received, vitals } from '../src/lib/pipeline';
import { fit, scaleBar, spread } from '../src/lib/plan';
import { formatRoute, parseRoute, type Route } from '../src/lib/route';
import { firstSet, readSet, titleOf, writeSet } from '../src/lib/trendset';
import { pieces } from '../src/lib/yaml';
import type { Hop, ServiceStatus, Source } from '../src/api/types';
import { BINDINGS } from '../src/shell/bindings';

describe('address', () => {
  const routes: Route[] = [
    { page: 'array', subject: '', params: {}, time: { mode: 'live', span: 3600e6 } },
    { page: 'point', subject: 'ast3.camera.pdm07.temperature', params: {}, time: { mode: 'live', span: 600e6 } },
    {
      page: 'trends',
      subject: '',
      params: { points: 'a.b.c,d.e.f+g.h.i', a: '5' },
      time: { mode: 'fixed', from: 1_795_000_000_000_000, to: 1_795_000_123_456_789 },
    },
    { page: 'configuration', subject: 'templates/astri.yaml', params: { rev: '3' }, time: { mode: 'live', span: 86_400e6 } },
  ];
  it.each(routes)('$page comes back as it was', (r) => {
    expect(parseRoute(formatRoute(r))).toEqual(r);
  });
  it('of nothing or nonsense is the Array page, live', () => {
    for (const hash of ['', '#', '#/', '#?from=x&to=y', '#array?from=2026-11-22T10:00&to=2026-11-22T09:00'])
      expect(parseRoute(hash)).toEqual(routes[0]);
  });
});

describe('keys', () => {
  it('know sequences, forget after a while, and let a wrong second key count for itself', () => {
    const m = new KeyMachine(BINDINGS);
    expect([m.feed('g', 0), m.feed('t', 500)]).toEqual([null, 'page:trends']);
    expect([m.feed('g', 1000), m.feed('t', 4000)]).toEqual([null, null]);
    expect([m.feed('g', 5000), m.feed('p', 5100)]).toEqual([null, 'palette']);
    expect([m.feed('g', 6000), m.feed('g', 6100), m.feed('7', 6200)]).toEqual([null, null, 'telescope:7']);
    expect(m.feed('y', 7000)).toBeNull();
  });
  it('are all different', () => {
    expect(new Set(BINDINGS.map((b) => b.keys)).size).toBe(BINDINGS.length);
  });
});

describe('differences', () => {
  it('of lines', () => {
    const d = diffLines('a\nb\nc\nd\n', 'a\nx\nc\nd\ne\n');
    expect(d.map((l) => [l.kind, l.text])).toEqual([
      ['same', 'a'],
      ['gone', 'b'],
      ['new', 'x'],
      ['same', 'c'],
      ['same', 'd'],
      ['new', 'e'],
    ]);
    expect(d.map((l) => [l.old, l.fresh])).toEqual([
      [1, 1],
      [2, null],
      [null, 2],
      [3, 3],
      [4, 4],
      [null, 5],
    ]);
  });
  it('of nothing and something', () => {
    expect(diffLines('', 'a\n')).toEqual([{ kind: 'new', text: 'a', old: null, fresh: 1 }]);
    expect(diffLines('a\n', 'a\n').every((l) => l.kind === 'same')).toBe(true);
  });
  it('leave out what is far from a change', () => {
    const before = Array.from({ length: 40 }, (_, i) => `line ${i.toString()}`).join('\n');
    const shown = hunks(diffLines(before, before.replace('line 20', 'other')), 2);
    expect(shown.filter((l) => l === null).length).toBe(2);
    expect(shown.filter((l) => l !== null).length).toBe(6);
  });
});

describe('site plan', () => {
  const places = [
    [-330, 150],
    [-310, -170],
    [-90, 240],
    [-80, -80],
    [60, 110],
    [150, -200],
    [260, 240],
    [300, -60],
    [430, 80],
  ] as const;
  const area = { left: 60, top: 60, right: 920, bottom: 440 };
  it('is true to scale and within its area', () => {
    const { scale, x0, y0 } = fit(places, area);
    for (const [e, n] of places) {
      expect(x0 + e * scale).toBeGreaterThanOrEqual(area.left - 0.01);
      expect(x0 + e * scale).toBeLessThanOrEqual(area.right + 0.01);
      expect(y0 - n * scale).toBeGreaterThanOrEqual(area.top - 0.01);
      expect(y0 - n * scale).toBeLessThanOrEqual(area.bottom + 0.01);
    }
  });
  it('moves labels apart', () => {
    const { scale, x0, y0 } = fit(places, area);
    const boxes = spread(
      places.map(([e, n]) => ({ x: x0 + e * scale, y: y0 - n * scale, w: 196, h: 140 })),
      { left: 0, top: 0, right: 1063, bottom: 512 },
    );
    boxes.forEach((a, i) => {
      for (const b of boxes.slice(i + 1)) expect(Math.abs(a.x - b.x) > 194 || Math.abs(a.y - b.y) > 138).toBe(true);
    });
  });
  it('has a round scale bar and stands one telescope', () => {
    expect(scaleBar(0.82, 170)).toEqual({ metres: 200, px: 164 });
    expect(Number.isFinite(fit([[0, 0]], area).scale)).toBe(true);
  });
});

const hop = (h: Partial<Hop>): Hop => ({
  name: 'x',
  source: '',
  in: 0,
  out: 0,
  lost: [],
  lostTotal: 0,
  inside: 0,
  rateIn: 0,
  rateOut: 0,
  last: null,
  age: null,
  lag: null,
  ...h,
});

describe('ledger', () => {
  const hops = [
    hop({ name: 'dispatcher.store', rateIn: 9, out: 5, lost: [{ cause: 'late_rejected', count: 2 }] }),
    hop({ name: 'collector.receive', source: 'ast10.opcua', rateIn: 3, in: 10, lag: 2, age: 4, lost: [{ cause: 'deadband', count: 7 }] }),
    hop({ name: 'collector.receive', source: 'ast2.opcua', rateIn: 4, in: 20, lag: 1, age: 9, lost: [{ cause: 'overflow', count: 1 }] }),
  ];
  it('adds what came in and what was lost without being asked for', () => {
    expect(received(hops)).toBe(7);
    expect(lostWithoutConsent(hops)).toBe(3);
  });
  it('groups in the order of the flow; lag is the worst, age the freshest', () => {
    const g = grouped(hops);
    expect(g.map((x) => x.name)).toEqual(['collector.receive', 'dispatcher.store']);
    expect(g[0]?.parts.map((p) => p.source)).toEqual(['ast2.opcua', 'ast10.opcua']);
    expect(g[0]?.total).toMatchObject({ in: 30, lag: 2, age: 4 });
  });
});

describe('notices', () => {
  const source = (s: Partial<Source>): Source => ({
    name: 's',
    protocol: 'opcua',
    url: '',
    asset: '',
    enabled: true,
    points: 1,
    connected: true,
    since: null,
    detail: '',
    ...s,
  });
  const service = (name: string, state: ServiceStatus['state']): ServiceStatus => ({
    name,
    system: '',
    state,
    lastError: 'full',
    instances: [],
    rateIn: 0,
    rateOut: 0,
  });
  const calm: Facts = { sources: [source({})], pipeline: null, problems: [], daysLeft: null, revision: { revision: 1, newest: 1 } };
  it('are none when all is well', () => {
    expect(notices(calm)).toEqual([]);
  });
  it('put the worst first; disabled sources are silent', () => {
    const found = notices({
      sources: [
        source({ name: 'a', connected: false, since: 5 }),
        source({ name: 'b', enabled: false, connected: false }),
        source({ name: 'c', connected: null }),
      ],
      pipeline: {
        time: 0,
        hops: [],
        systems: [],
        services: [service('hmi', 'RUNNING'), service('dispatcher', 'FAILED'), service('collector', 'DEGRADED')],
        topics: [],
        revision: 1,
      },
      problems: [['trend', 'no answer']],
      daysLeft: 3,
      revision: { revision: 1, newest: 2 },
    });
    expect(found.map((n) => n.subject)).toEqual(['dispatcher', 'a', 'this window, trend', 'archive', 'collector', 'configuration', 'c']);
    expect(found[0]?.text).toBe('service failed: full');
  });
});

describe('set of trends', () => {
  it('comes back from the address, without doubles and within bounds', () => {
    expect(readSet(writeSet([['a.b', 'c.d'], ['e.f']]))).toEqual([['a.b', 'c.d'], ['e.f']]);
    expect(readSet('a+a,,b')).toEqual([['a'], ['b']]);
    expect(readSet(undefined)).toEqual([]);
    expect(readSet(Array.from({ length: 30 }, (_, i) => `p${i.toString()}`).join(',')).length).toBe(20);
  });
  it('has a first one for any array', () => {
    expect(firstSet('site', ['ast1', 'ast2']).every((p) => p.every((n) => /^(site|ast[12])\./.test(n)))).toBe(true);
  });
  it('is titled by what its traces share', () => {
    expect(titleOf(['ast1.mount.azimuth', 'ast9.mount.azimuth'])).toBe('ast1…9.mount.azimuth');
    expect(titleOf(['ast1.a', 'ast2.b'])).toBe('ast1.a and 1 more');
  });
});

describe('YAML pieces', () => {
  it('lose no character', () => {
    for (const line of [
      '# all',
      'a: 1  # why',
      '  "{weather,mast2}":',
      'x: "a # b"',
      '- {unit: °C, range: [0, 1]}',
      '',
      'url: opc.tcp://{host}:4840',
    ])
      expect(
        pieces(line)
          .map((p) => p.text)
          .join(''),
      ).toBe(line);
  });
  it('find keys and comments, not within quotes', () => {
    expect(pieces('a: "x # y" # c').map((p) => p.kind)).toEqual(['key', 'plain', 'comment']);
    expect(pieces('url: opc.tcp://h:1')[1]?.text).toBe(' opc.tcp://h:1');
  });
});

describe('memory and age of a service', () => {
  const at = (pid: number, rss: number) => ({ host: 'vm', pid, rss, started: 0 });
  it('are those of its process', () => {
    expect(vitals([at(1, 424.4e6)], 19 * 60e6)).toBe('424 MB, up 19 min');
    expect(vitals([], 0)).toBe('');
  });
  it('count a process once, however many instances it has', () => {
    expect(vitals([at(1, 400e6), at(1, 400e6), at(2, 100e6)], 60e6)).toBe('500 MB, 2 processes');
  });
});
