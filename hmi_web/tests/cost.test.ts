/** The cost meter, the examples of the API page, views and windows. */

import { buildSchema, parse, validate } from 'graphql';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { lastNight } from '../src/lib/astro';
import { estimate } from '../src/lib/cost';
import { examples } from '../src/lib/examples';
import { HOUR } from '../src/lib/time';

describe('cost', () => {
  it('counts points times buckets, twice for extremes, ten for a value of a moment', () => {
    const q = `query Q($p: [String!]!) {
      a: series(points: $p, from: "now-1d", to: "now", resample: { method: MINMAX, buckets: 500 }) { columns }
      b: series(points: ["x", "y"], from: "now-1d", to: "now", limit: 1000) { columns }
      c: valuesAt(points: ["x"], at: "now") { columns }
      d: lastValues(points: ["x", "y"]) { columns }
    }`;
    expect(estimate(q, { p: ['x', 'y', 'z'] }).parts.map((p) => p.samples)).toEqual([3000, 2000, 10, 2]);
    expect(estimate('{ me { user } }', {}).samples).toBe(0);
  });
  it('takes a resample from the variables', () => {
    const q = 'query Q($r: Resample) { series(points: ["x"], from: "now-1d", to: "now", resample: $r) { columns } }';
    expect(estimate(q, { r: { method: 'MEAN', buckets: 60 } }).samples).toBe(60);
  });
});

describe('examples of the API page', () => {
  const schema = buildSchema(readFileSync(new URL('../../hmi_backend/schema.graphql', import.meta.url), 'utf8'));
  it.each(examples('site', 'ast1').map((e) => [e.title, e.query] as const))('%s fits the schema', (_, query) => {
    expect(validate(schema, parse(query))).toEqual([]);
  });
});

describe('the last night', () => {
  const teide = { latitude: 28.3, longitude: -16.51, height: 2390 };
  it('lies between the end of one day and the beginning of the next, around local midnight', () => {
    const noon = Date.UTC(2026, 10, 24, 13) * 1000;
    const night = lastNight(noon, teide);
    if (!night) throw new Error('no night');
    expect(night.to).toBeLessThan(noon);
    expect((night.to - night.from) / HOUR).toBeGreaterThan(10);
    expect((night.to - night.from) / HOUR).toBeLessThan(14);
    const middle = new Date((night.from + night.to) / 2000);
    expect([0, 1]).toContain(middle.getUTCHours());
  });
  it('during a night it is this one', () => {
    const at = Date.UTC(2026, 10, 24, 3) * 1000;
    const night = lastNight(at, teide);
    expect(night && night.from < at && night.to > at).toBe(true);
  });
});
