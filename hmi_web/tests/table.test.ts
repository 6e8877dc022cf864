import { describe, expect, it } from 'vitest';
import { natural } from '../src/lib/order';
import { definitions } from '../src/lib/table';
import { ARRAY_GROUPS } from '../src/lib/telescope';
import type { PointTable } from '../src/api/types';

const TYPE = { unit: '°', kind: 'DOUBLE', limits: { lolo: null, lo: null, hi: 1, hihi: null } } as PointTable['definitions']['types'][0];
const table = (type: number[]): Pick<PointTable, 'points' | 'definitions'> => ({
  points: ['ast1.a', 'ast2.a'],
  definitions: { type, asset: ['ast1', 'ast2'], device: ['d1', 'd2'], address: ['', 'ns=2'], types: [TYPE] },
});

describe('a table of points', () => {
  it('gives each point its own place and the type it shares', () => {
    const [a, b] = definitions(table([0, 0]));
    expect([a?.name, a?.device, b?.asset, b?.address, b?.unit]).toEqual(['ast1.a', 'd1', 'ast2', 'ns=2', '°']);
    expect(a?.limits).toBe(b?.limits);
  });
  it('without a type is refused', () => {
    expect(() => definitions(table([0, 1]))).toThrow('no type of ast2.a');
  });
  it('of the Array page asks for each quantity once', () => {
    expect(new Set(ARRAY_GROUPS).size).toBe(ARRAY_GROUPS.length);
    expect(ARRAY_GROUPS).toContain('mount.azimuth');
    expect(ARRAY_GROUPS).toContain('power.feeder9');
  });
});

describe('natural order', () => {
  it('counts', () => {
    expect(['ast10', 'ast2.b', 'ast2', 'ast1', 'b', 'ast02'].sort(natural)).toEqual(['ast1', 'ast02', 'ast2', 'ast2.b', 'ast10', 'b']);
    expect(natural('ast1', 'ast1')).toBe(0);
  });
});
