import { describe, expect, it } from 'vitest';
import { clock, covered, DAY, dateTime, HOUR, MINUTE, parse, parseSpan, SECOND, shortTime, span, spanCode, ticks } from '../src/lib/time';

const T = Date.UTC(2026, 10, 22, 2, 14, 37, 610) * 1000;

describe('clock', () => {
  it('is UTC and cuts, so that it never runs ahead', () => {
    expect(dateTime(T)).toBe('2026-11-22 02:14:37');
    expect(clock(T, 1)).toBe('02:14:37.6');
    expect(clock(T + 389_999, 3)).toBe('02:14:37.999');
  });
  it('is short on the same day and dated before it', () => {
    expect(shortTime(T, T + HOUR)).toBe('02:14:37');
    expect(shortTime(T, T + DAY)).toBe('11-22 02:14');
  });
});

describe('span', () => {
  it.each([
    [0, '0.0 s'],
    [400_000, '0.4 s'],
    [39 * SECOND, '39 s'],
    [12 * MINUTE, '12 min'],
    [3 * HOUR + 2 * MINUTE, '3 h 02'],
    [5 * DAY, '5 d'],
    [-5, '0.0 s'],
  ])('%d µs reads %s', (us, text) => {
    expect(span(us)).toBe(text);
  });
  it.each([10 * MINUTE, HOUR, DAY, 90 * SECOND])('code of %d comes back', (us) => {
    expect(parseSpan(spanCode(us))).toBe(us);
  });
  it('refuses what is none', () => {
    expect(parseSpan('ten')).toBeNull();
    expect(parseSpan('10')).toBeNull();
  });
});

describe('parse', () => {
  it.each([
    ['2026-11-22 02:14:37', Date.UTC(2026, 10, 22, 2, 14, 37) * 1000],
    ['2026-11-22T02:14Z', Date.UTC(2026, 10, 22, 2, 14) * 1000],
    ['02:14', Date.UTC(2026, 10, 22, 2, 14) * 1000],
    ['2026-11-22T02:14:37.000001', Date.UTC(2026, 10, 22, 2, 14, 37) * 1000 + 1],
  ])('reads %s', (text, t) => {
    expect(parse(text, T)).toBe(t);
  });
  it.each(['2026-02-30 10:00', '25:00', '10:61', 'yesterday', '', '2026-11-22'])('refuses %s', (text) => {
    expect(parse(text, T)).toBeNull();
  });
});

describe('ticks', () => {
  it('are round, in range and few', () => {
    const found = ticks(T, T + HOUR, 6);
    expect(found.map((t) => t.text)).toEqual(['02:20', '02:30', '02:40', '02:50', '03:00', '03:10']);
    expect(found.every((t) => t.at >= T && t.at <= T + HOUR)).toBe(true);
  });
  it('name the day at midnight', () => {
    expect(ticks(T - DAY, T, 6).find((t) => t.at % DAY === 0)?.text).toBe('11-22');
  });
  it('of seconds show seconds', () => {
    expect(ticks(T, T + 10 * SECOND, 4)[0]?.text).toBe('02:14:40');
  });
});

describe('covered', () => {
  it('counts overlaps once and cuts at the range; an open end lasts', () => {
    expect(
      covered(
        [
          { start: 0, end: 10 },
          { start: 5, end: 20 },
          { start: 90, end: null },
        ],
        2,
        100,
      ),
    ).toBe(28);
    expect(covered([], 0, 100)).toBe(0);
    expect(covered([{ start: 200, end: null }], 0, 100)).toBe(0);
  });
});
