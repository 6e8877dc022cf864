import { describe, expect, it } from 'vitest';
import { breach, broken, freshness, quality, rank, staleAfter, type Limits } from '../src/lib/judge';
import { SECOND } from '../src/lib/time';
import { median, ODD, robustZ } from '../src/lib/stats';

const L: Limits = { lolo: 2, lo: 5, hi: 18, hihi: 20 };

describe('limits', () => {
  it.each([
    [21, 'HIHI'],
    [20, 'HI'],
    [18, null],
    [10, null],
    [5, null],
    [4.9, 'LO'],
    [1.9, 'LOLO'],
  ])('%d breaks %s', (v, b) => {
    expect(breach(v, L)).toBe(b);
  });
  it('are not broken by NaN, text, null or where there are none', () => {
    expect([breach(Number.NaN, L), breach('21', L), breach(null, L), breach(21, null)]).toEqual([null, null, null, null]);
    expect(breach(Number.POSITIVE_INFINITY, L)).toBe('HIHI');
  });
  it('know their rank and what was broken', () => {
    expect([rank('HIHI'), rank('LO')]).toEqual([2, 3]);
    expect(broken('LO', L)).toEqual({ value: 5, sign: '<' });
  });
});

describe('freshness', () => {
  const after = staleAfter(1);
  it('is never without a sample, stale after three intervals and the way here', () => {
    expect(freshness(null, 0, after)).toBe('never');
    expect(freshness(0, after, after)).toBe('fresh');
    expect(freshness(0, after + 1, after)).toBe('stale');
  });
  it('allows for an agreed silence', () => {
    expect(staleAfter(10, 60)).toBe((30 + 60 + 2) * SECOND);
  });
});

it('quality: an unknown code is bad', () => {
  expect([0, 1, 2, 7, null].map((q) => quality(q))).toEqual(['good', 'uncertain', 'bad', 'bad', 'bad']);
});

describe('the odd one out', () => {
  it('is found, whatever the others do', () => {
    const z = robustZ([208.61, 208.6, 208.61, 208.61, null, 208.6, 206.17, 208.61, 208.61], 0.05);
    expect(z.map((x) => x !== null && Math.abs(x) >= ODD)).toEqual([false, false, false, false, false, false, true, false, false]);
  });
  it('is not called for differences below the floor, or among fewer than five', () => {
    expect(robustZ([1, 1, 1, 1, 1.01], 0.05).every((x) => x !== null && Math.abs(x) < ODD)).toBe(true);
    expect(robustZ([1, 1, 9, null], 0.1)).toEqual([null, null, null, null]);
  });
  it('leaves a median', () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });
});
