import { describe, expect, it } from 'vitest';
import { gmst, hms, light, lightRuns, lightUntil, lst, moonAltitude, moonFraction, moonUntil, sun, sunAltitude } from '../src/lib/astro';
import { DAY, HOUR, MINUTE } from '../src/lib/time';

const us = (...d: [number, number, number, number?, number?, number?]): number =>
  Date.UTC(d[0], d[1] - 1, d[2], d[3] ?? 0, d[4] ?? 0, d[5] ?? 0) * 1000;
const TEIDE = { latitude: 28.3, longitude: -16.51 };

describe('the sky of a demo', () => {
  it('is shifted, and what it does is told in true UTC', () => {
    const t = us(2026, 11, 24, 10);
    const demo = { ...TEIDE, skyShift: 36_000 };
    expect(sunAltitude(t, demo)).toBeCloseTo(sunAltitude(t + 10 * 3600e6, TEIDE), 9);
    expect(lst(t, demo)).toBeCloseTo(lst(t + 10 * 3600e6, TEIDE), 9);
    expect(lightUntil(t, demo).light).toBe('night');
    expect((lightUntil(t, demo).until ?? 0) + 10 * 3600e6).toBe(lightUntil(t + 10 * 3600e6, TEIDE).until);
  });
});

describe('sidereal time', () => {
  it('agrees with Meeus, examples 12.a and 12.b', () => {
    expect(gmst(us(1987, 4, 10)) / 15).toBeCloseTo(13 + 10 / 60 + 46.3668 / 3600, 6);
    expect(gmst(us(1987, 4, 10, 19, 21, 0))).toBeCloseTo(128.7378734, 5);
  });
  it('is later in the east by an hour for 15°', () => {
    const t = us(2026, 11, 22, 2, 14, 37);
    const ahead = lst(t, { latitude: 0, longitude: 15 }) - lst(t, { latitude: 0, longitude: 0 });
    expect((ahead + 24) % 24).toBeCloseTo(1, 9);
  });
  it('is written like a clock', () => {
    expect(hms(5 + 12 / 60 + 40 / 3600)).toBe('05:12:40');
  });
});

describe('Sun', () => {
  it('agrees with Meeus, example 25.a: 1992 October 13', () => {
    const { ra, dec } = sun(us(1992, 10, 13));
    expect(ra).toBeCloseTo(198.38083, 1);
    expect(dec).toBeCloseTo(-7.78507, 1);
  });
  it('stands in the zenith at the tropic on the solstice, and is down at midnight', () => {
    const noon = us(2026, 6, 21, 12, 2);
    expect(sunAltitude(noon, { latitude: 23.44, longitude: 0 })).toBeGreaterThan(89.3);
    expect(sunAltitude(us(2026, 11, 22, 1), TEIDE)).toBeLessThan(-70);
  });
  it('rises and sets on the equator about six hours from noon', () => {
    const from = us(2026, 3, 20, 12);
    const { light: now, until } = lightUntil(from, { latitude: 0, longitude: 0 });
    expect(now).toBe('day');
    expect(Math.abs((until ?? 0) - us(2026, 3, 20, 18, 10))).toBeLessThan(5 * MINUTE);
  });
  it('never sets above the polar circle in June', () => {
    expect(lightUntil(us(2026, 6, 21), { latitude: 80, longitude: 0 })).toEqual({ light: 'day', until: null });
  });
  it('gives day, twilight and night by its altitude', () => {
    expect([light(10), light(-0.5), light(-6), light(-17.9), light(-18.1)]).toEqual(['day', 'day', 'twilight', 'twilight', 'night']);
  });
});

describe('Moon', () => {
  it.each([
    ['new, total solar eclipse of 2026-08-12', us(2026, 8, 12, 17, 37), 0, 0.004],
    ['full, lunar eclipse of 2026-03-03', us(2026, 3, 3, 11, 38), 0.996, 1],
    ['half, 2026-11-17 last of the first quarter', us(2026, 11, 17, 11, 48), 0.48, 0.52],
  ])('%s', (_, t, low, high) => {
    expect(moonFraction(t)).toBeGreaterThanOrEqual(low);
    expect(moonFraction(t)).toBeLessThanOrEqual(high);
  });
  it('is where Meeus, example 47.a, has it: declination 13.77°, right ascension 134.69°', () => {
    const t = us(1992, 4, 12);
    const zenith = { latitude: 13.768, longitude: 134.688 - gmst(t) };
    expect(moonAltitude(t, zenith)).toBeGreaterThan(89);
  });
  it('changes between up and down within a day', () => {
    const t = us(2026, 11, 24);
    const first = moonUntil(t, TEIDE);
    expect(first.until).not.toBeNull();
    expect(moonUntil((first.until ?? 0) + MINUTE, TEIDE).up).toBe(!first.up);
  });
});

describe('runs of light', () => {
  it('cover the span without holes, in the order of a night', () => {
    const from = us(2026, 11, 22, 12);
    const runs = lightRuns(from, from + DAY, TEIDE);
    expect(runs.map((r) => r.light)).toEqual(['day', 'twilight', 'night', 'twilight', 'day']);
    expect(runs[0]?.from).toBe(from);
    expect(runs.at(-1)?.to).toBe(from + DAY);
    for (const [i, r] of runs.entries()) if (i) expect(r.from - (runs[i - 1]?.to ?? 0)).toBeLessThan(HOUR / 1000);
  });
});
