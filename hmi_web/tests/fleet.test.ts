/** Rules of Compare, Weather and the gestures of plots. */

import { describe, expect, it } from 'vitest';
import { commonScale, fleetBand } from '../src/lib/fleet';
import { slope, timeToLimit } from '../src/lib/forecast';
import { NO_LIMITS } from '../src/lib/judge';
import { marksOf, type Annotation } from '../src/lib/marks';
import { fit } from '../src/lib/plan';
import { rose, turn } from '../src/lib/rose';
import { HOUR, MINUTE } from '../src/lib/time';
import { compass, difference, disagree, QUANTITIES, type Quantity } from '../src/lib/weather';
import { zoomed } from '../src/ui/plot/gestures';

const flat = (v: number): { t: number[]; lo: number[]; hi: number[]; mean: number[] } => ({
  t: [0, 5, 10],
  lo: [v, v, v],
  hi: [v, v, v],
  mean: [v, v, v],
});

describe('fleet band', () => {
  it('is median and quartiles, and nothing where fewer than three are known', () => {
    const band = fleetBand([1, 2, 3, 4, 100].map(flat), 0, 10, 2);
    expect(band.mid).toEqual([3, 3, 3]);
    expect(band.lo).toEqual([2, 2, 2]);
    expect(band.hi).toEqual([4, 4, 4]);
    expect(fleetBand([1, 2].map(flat), 0, 10, 2).mid).toEqual([null, null, null]);
  });
  it('does not go on after the last sample of a member', () => {
    const band = fleetBand([1, 2, 3].map(flat), 0, 40, 4);
    expect(band.mid).toEqual([2, 2, 2, null, null]);
  });
  it('one scale holds all extremes, with little room below zero for positive values', () => {
    const [low, high] = commonScale([flat(0.1), flat(10)], 0.1) ?? [0, 0];
    expect(low).toBeCloseTo(-0.3 * 9.9 * 0.08, 9);
    expect(high).toBeCloseTo(10 + 9.9 * 0.08, 9);
    expect(commonScale([], 1)).toBeNull();
  });
});

describe('time to a limit', () => {
  const t = Array.from({ length: 60 }, (_, i) => i * MINUTE);
  const limits = { ...NO_LIMITS, hi: 50, hihi: 60 };
  it('follows a steady rise to the nearest limit ahead, whatever an outlier says', () => {
    const v = t.map((_, i) => 20 + i * 0.1);
    v[30] = 500;
    expect(slope(t, v)?.slope).toBeCloseTo(0.1 / 60, 8);
    const found = timeToLimit(t, v, 26, limits);
    expect(found?.name).toBe('HI');
    expect((found?.after ?? 0) / HOUR).toBeCloseTo(4, 3);
  });
  it('says nothing of noise, of a fall away from limits, or of what lies beyond six hours', () => {
    expect(
      timeToLimit(
        t,
        t.map((_, i) => 30 + (i % 2 ? 5 : -5)),
        30,
        limits,
      ),
    ).toBeNull();
    expect(
      timeToLimit(
        t,
        t.map((_, i) => 40 - i * 0.1),
        34,
        limits,
      ),
    ).toBeNull();
    expect(
      timeToLimit(
        t,
        t.map((_, i) => 20 + i * 0.01),
        20.6,
        limits,
      ),
    ).toBeNull();
  });
});

describe('wind', () => {
  it('a rose counts sectors around north and leaves calms apart', () => {
    const r = rose([359, 1, 90, 180, null], [5, 15, 25, 1, 9], [10, 20], 3);
    expect(r.count).toBe(4);
    expect(r.calm).toBe(0.25);
    expect(r.shares[0]).toEqual([0.25, 0.25, 0]);
    expect(r.shares[4]).toEqual([0, 0, 0.25]);
  });
  it('directions turn the short way', () => {
    expect(turn(350, 10)).toBe(20);
    expect([compass(0), compass(348.9), compass(225)]).toEqual(['N', 'N', 'SW']);
  });
  it('masts disagree beyond the tolerance, and not about a direction in no wind', () => {
    const of = (p: string): Quantity => QUANTITIES.find((q) => q.point === p) ?? { title: '', point: '', agree: 0 };
    const [humidity, direction] = [of('humidity'), of('wind_direction')];
    expect(disagree(humidity, difference(humidity, 50, 58.5), 0)).toBe(true);
    expect(disagree(humidity, difference(humidity, 50, 57.5), 0)).toBe(false);
    expect(disagree(direction, difference(direction, 10, 100), 20)).toBe(true);
    expect(disagree(direction, difference(direction, 10, 100), 1)).toBe(false);
    expect(difference(humidity, null, 5)).toBeNull();
  });
});

describe('marks and gestures', () => {
  it('a plot shows what concerns its assets and what concerns all', () => {
    const note = (asset: string | null, kind: Annotation['kind']): Annotation => ({
      id: '',
      kind,
      time: 1,
      end: null,
      title: '',
      detail: '',
      user: null,
      asset,
      revision: null,
      ok: true,
    });
    const marks = marksOf([note(null, 'CONFIGURATION'), note('ast1', 'LOSS'), note('ast2', 'DISCONNECTED')], ['ast1']);
    expect(marks.map((m) => m.letter)).toEqual(['C', 'G']);
  });
  it('the wheel zooms about the pointer and back', () => {
    const out = zoomed([0, 1_000_000], 0.25, 1);
    expect(out).toEqual([-50_000, 1_150_000]);
    expect(zoomed(out, 0.25, -1)).toEqual([0, 1_000_000]);
    const [a, b] = zoomed([0, 10_000], 0.5, -5);
    expect(b - a).toBe(10_000);
  });
});

describe('a plan that is not shown', () => {
  it('has a scale all the same', () => {
    expect(
      fit(
        [
          [-300, 100],
          [400, -200],
        ],
        { left: 50, right: -150, top: 60, bottom: -80 },
      ).scale,
    ).toBeGreaterThan(0);
  });
});
