import { describe, expect, it } from 'vitest';
import { BandRing, broken, valueAt } from '../src/lib/band';
import { drawable, merge, readColumns } from '../src/lib/columns';
import { SECOND } from '../src/lib/time';

describe('columns', () => {
  it('are read, or refused as a whole', () => {
    expect(readColumns({ t: [1], v: ['a'], q: [0] })).toEqual({ t: [1], v: ['a'], q: [0] });
    for (const wrong of [null, {}, { t: [1], v: [], q: [0] }, { t: 1, v: 1, q: 1 }]) expect(() => readColumns(wrong)).toThrow(TypeError);
  });
  it('merge by time; the later source wins', () => {
    expect(merge({ t: [1, 3], v: [10, 30], q: [0, 0] }, { t: [2, 3], v: [20, 31], q: [0, 1] })).toEqual({
      t: [1, 2, 3],
      v: [10, 20, 31],
      q: [0, 0, 1],
    });
  });
  it('draw numbers and booleans only', () => {
    expect([drawable(1.5), drawable(true), drawable('x'), drawable(null), drawable(Number.NaN)]).toEqual([1.5, 1, null, null, null]);
  });
});

describe('ring of buckets', () => {
  const ring = (): BandRing => new BandRing(100 * SECOND, 100);
  const all = [0, 1000 * SECOND] as const;

  it('keeps both extremes and the mean of a bucket', () => {
    const r = ring();
    for (const v of [5, 1, 9]) r.push(10 * SECOND + v, v);
    expect(r.columns(...all)).toEqual({ t: [10.5], lo: [1], hi: [9], mean: [5] });
  });
  it('knows at once what holds in a range without samples', () => {
    const now = 1_795_000_000 * SECOND;
    const r = new BandRing(SECOND, 400);
    r.begin(7);
    expect(r.columns(now, now + SECOND)).toEqual({ t: [now / 1e6], lo: [7], hi: [7], mean: [7] });
    r.push(now, 3);
    expect(r.columns(now + 86_400 * SECOND, now + 86_401 * SECOND).mean).toEqual([3]);
  });
  it('holds the last value through a long silence, and draws a line through a short one', () => {
    const r = ring();
    r.push(10 * SECOND, 1);
    r.push(11 * SECOND, 7);
    r.push(11 * SECOND + 1, 2);
    r.push(30 * SECOND, 3);
    expect(r.columns(0, 1000 * SECOND, 5 * SECOND)).toEqual({
      t: [10.5, 11.5, 12, 30, 30.5],
      lo: [1, 2, 2, 2, 3],
      hi: [1, 7, 2, 2, 3],
      mean: [1, 4.5, 2, 2, 3],
    });
    expect(r.columns(0, 1000 * SECOND).mean).toEqual([1, 4.5, 3]);
  });
  it('is broken by gaps that last, not by a refusal', () => {
    const c = { t: [1, 5], lo: [1, 2], hi: [1, 2], mean: [1, 2] };
    expect(broken(c, [{ start: 3e6, end: 3e6 }])).toEqual(c);
    expect(broken(c, [{ start: 3e6, end: 4e6 }]).mean).toEqual([1, 1, null, 2]);
    expect(broken(c, [{ start: 3e6, end: null }]).mean).toEqual([1, 1, null, 2]);
  });
  it('forgets the oldest and never grows', () => {
    const r = ring();
    for (let s = 0; s < 1000; s++) r.push(s * SECOND, s);
    const c = r.columns(0, 2000 * SECOND);
    expect(c.t.length).toBe(101);
    expect(c.mean.slice(0, 2)).toEqual([899, 900]); // what was in force when the oldest bucket began, then that bucket
    expect(r.push(5 * SECOND, 1)).toBe(false);
  });
  it('takes late samples that still fit, and a jump empties what lies between', () => {
    const r = ring();
    r.push(50 * SECOND, 5);
    r.push(40 * SECOND, 4);
    expect(r.columns(0, 1000 * SECOND).mean).toEqual([4, 5]);
    r.push(500 * SECOND, 50);
    expect(r.columns(0, 1000 * SECOND).mean).toEqual([5, 50]);
  });
  it('begins with the value in force, and follows the last value where states are drawn', () => {
    const r = ring();
    r.begin(3);
    r.push(20 * SECOND, 1);
    r.push(20 * SECOND + 1, 2);
    expect(r.columns(10 * SECOND, 30 * SECOND, Infinity, true)).toEqual({ t: [10, 20.5], lo: [3, 1], hi: [3, 2], mean: [3, 2] });
    expect(r.columns(25 * SECOND, 30 * SECOND, Infinity, true)).toEqual({ t: [25], lo: [2], hi: [2], mean: [2] });
  });
  it('settles a known mean within the extremes', () => {
    const r = ring();
    r.push(10 * SECOND, 0);
    r.push(10 * SECOND + 1, 10);
    r.settle(10 * SECOND, 2);
    expect(r.columns(...all).mean).toEqual([2]);
    r.settle(10 * SECOND, 99);
    expect(r.columns(...all).mean).toEqual([10]);
    r.settle(20 * SECOND, 1);
    expect(r.columns(...all).t.length).toBe(1);
  });
  it('gives the value in force at a moment, none within a break', () => {
    const c = { t: [1, 2, 3, 4], lo: [1, 2, null, 4], hi: [1, 2, null, 4], mean: [1, 2, null, 4] };
    expect([valueAt(c, 0.5), valueAt(c, 1), valueAt(c, 2.9), valueAt(c, 3.5), valueAt(c, 9)]).toEqual([null, 1, 2, null, 4]);
  });
});
