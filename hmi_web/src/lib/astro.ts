/**
 * Sidereal time, Sun and Moon for the clocks of the shell. Low-precision series: Sun 0.01° (Meeus, Astronomical Algorithms, 2nd ed., ch. 25),
 * Moon 0.3° (The Astronomical Almanac, section D, low-precision formulae); UT is taken for TT, which costs less than 0.01°.
 */

import { DAY, HOUR, MINUTE, type Micros } from './time';

export interface Place {
  /** Degrees north. */ latitude: number;
  /** Degrees east. */ longitude: number;
  /** Seconds the sky runs ahead of UTC: 0 but in a demo that shows a night by day. */ skyShift?: number;
}

/** The moment whose sky is over a place; what is found for it is told in true UTC. */
export const skyTime = (t: Micros, place: Place): Micros => t + (place.skyShift ?? 0) * 1e6;

interface Equatorial {
  /** Right ascension, degrees. */ ra: number;
  /** Declination, degrees. */ dec: number;
}

const RAD = Math.PI / 180;
const sin = (deg: number): number => Math.sin(deg * RAD);
const cos = (deg: number): number => Math.cos(deg * RAD);
const turn = (deg: number): number => ((deg % 360) + 360) % 360;

/** Days since J2000.0 (2000-01-01 12:00). */
export const daysJ2000 = (t: Micros): number => t / DAY - 10_957.5;

/** Greenwich mean sidereal time, degrees (Meeus 12.4). */
export function gmst(t: Micros): number {
  const d = daysJ2000(t);
  const T = d / 36_525;
  return turn(280.46061837 + 360.98564736629 * d + 0.000387933 * T * T - (T * T * T) / 38_710_000);
}

/** Local mean sidereal time, hours in [0, 24). */
export const lst = (t: Micros, place: Place): number => turn(gmst(skyTime(t, place)) + place.longitude) / 15;

/** `05:12:40`. */
export function hms(hours: number): string {
  const s = Math.floor(hours * 3600 + 1e-6) % 86_400;
  return [s / 3600, (s / 60) % 60, s % 60].map((x) => String(Math.floor(x)).padStart(2, '0')).join(':');
}

const obliquity = (T: number): number => 23.439291 - 0.0130042 * T;

function toEquatorial(lambda: number, beta: number, eps: number): Equatorial {
  const ra = Math.atan2(sin(lambda) * cos(eps) - Math.tan(beta * RAD) * sin(eps), cos(lambda)) / RAD;
  return { ra: turn(ra), dec: Math.asin(sin(beta) * cos(eps) + cos(beta) * sin(eps) * sin(lambda)) / RAD };
}

/** Apparent ecliptic longitude of the Sun, degrees. */
export function sunLongitude(t: Micros): number {
  const T = daysJ2000(t) / 36_525;
  const L = 280.46646 + 36_000.76983 * T + 0.0003032 * T * T;
  const M = 357.52911 + 35_999.05029 * T - 0.0001537 * T * T;
  const C = (1.914602 - 0.004817 * T) * sin(M) + (0.019993 - 0.000101 * T) * sin(2 * M) + 0.000289 * sin(3 * M);
  return turn(L + C - 0.00569 - 0.00478 * sin(125.04 - 1934.136 * T));
}

export const sun = (t: Micros): Equatorial => toEquatorial(sunLongitude(t), 0, obliquity(daysJ2000(t) / 36_525));

function moonEcliptic(t: Micros): { lambda: number; beta: number; parallax: number } {
  const T = daysJ2000(t) / 36_525;
  const lambda =
    218.32 +
    481_267.881 * T +
    6.29 * sin(135.0 + 477_198.87 * T) -
    1.27 * sin(259.3 - 413_335.36 * T) +
    0.66 * sin(235.7 + 890_534.22 * T) +
    0.21 * sin(269.9 + 954_397.74 * T) -
    0.19 * sin(357.5 + 35_999.05 * T) -
    0.11 * sin(186.5 + 966_404.03 * T);
  const beta =
    5.13 * sin(93.3 + 483_202.02 * T) +
    0.28 * sin(228.2 + 960_400.89 * T) -
    0.28 * sin(318.3 + 6003.15 * T) -
    0.17 * sin(217.6 - 407_332.21 * T);
  const parallax =
    0.9508 +
    0.0518 * cos(135.0 + 477_198.87 * T) +
    0.0095 * cos(259.3 - 413_335.36 * T) +
    0.0078 * cos(235.7 + 890_534.22 * T) +
    0.0028 * cos(269.9 + 954_397.74 * T);
  return { lambda: turn(lambda), beta, parallax };
}

/** Illuminated fraction of the Moon's disc, 0 to 1. */
export function moonFraction(t: Micros): number {
  const m = moonEcliptic(t);
  const elongation = Math.acos(cos(m.beta) * cos(m.lambda - sunLongitude(t)));
  return (1 - Math.cos(elongation)) / 2;
}

/** Altitude above the horizon, degrees, without refraction. */
export function altitude(body: Equatorial, t: Micros, place: Place): number {
  const h = gmst(t) + place.longitude - body.ra;
  return Math.asin(sin(place.latitude) * sin(body.dec) + cos(place.latitude) * cos(body.dec) * cos(h)) / RAD;
}

export function sunAltitude(t: Micros, place: Place): number {
  const sky = skyTime(t, place);
  return altitude(sun(sky), sky, place);
}

/** Altitude of the Moon's centre, degrees, corrected for its parallax. */
export function moonAltitude(t: Micros, place: Place): number {
  const sky = skyTime(t, place);
  const m = moonEcliptic(sky);
  const alt = altitude(toEquatorial(m.lambda, m.beta, obliquity(daysJ2000(sky) / 36_525)), sky, place);
  return alt - m.parallax * cos(alt);
}

/** The next moment within `within` at which f crosses zero, to a second; null when it does not. */
export function nextCrossing(f: (t: Micros) => number, from: Micros, within: number = DAY): Micros | null {
  const step = 10 * MINUTE;
  for (let a = from; a < from + within; a += step) {
    const fa = f(a);
    if (fa === 0 || fa > 0 === f(a + step) > 0) continue;
    let [lo, hi] = [a, a + step];
    while (hi - lo > 1e6) {
      const mid = (lo + hi) / 2;
      if (f(mid) > 0 === fa > 0) lo = mid;
      else hi = mid;
    }
    return Math.round(hi);
  }
  return null;
}

export type Light = 'day' | 'twilight' | 'night';

/** Day above −0.833° (upper limb and refraction), astronomical night below −18°. */
export const light = (sunAlt: number): Light => (sunAlt > -0.833 ? 'day' : sunAlt > -18 ? 'twilight' : 'night');

/** What light it is and until when; `until` is null where it does not change within a day. */
export function lightUntil(t: Micros, place: Place): { light: Light; until: Micros | null } {
  const now = light(sunAltitude(t, place));
  const edges = now === 'day' ? [-0.833] : now === 'night' ? [-18] : [-0.833, -18];
  const times = edges.map((e) => nextCrossing((x) => sunAltitude(x, place) - e, t)).filter((x) => x !== null);
  return { light: now, until: times.length ? Math.min(...times) : null };
}

/** Whether the Moon is up and when that changes next. */
export function moonUntil(t: Micros, place: Place): { up: boolean; until: Micros | null } {
  const f = (x: Micros): number => moonAltitude(x, place) + 0.57 + 0.27;
  return { up: f(t) > 0, until: nextCrossing(f, t, 26 * HOUR) };
}

/** The light of a span as runs, for the night scale of the time bar. */
export function lightRuns(from: Micros, to: Micros, place: Place): { light: Light; from: Micros; to: Micros }[] {
  const runs: { light: Light; from: Micros; to: Micros }[] = [];
  let t = from;
  while (t < to) {
    const { light: now, until } = lightUntil(t, place);
    const end = Math.min(until ?? to, to);
    runs.push({ light: now, from: t, to: end });
    t = Math.max(end, t + MINUTE / 60) + 1e6;
  }
  return runs;
}

/** The last night that has begun before a moment: from the end of the day to the next one, at most a day back. Null where it does not get dark. */
export function lastNight(at: Micros, place: Place): { from: Micros; to: Micros } | null {
  const runs = lightRuns(at - 36 * 60 * MINUTE, at + 24 * 60 * MINUTE, place);
  const nights = runs.flatMap((r, i) => {
    if (r.light !== 'day' || r.to > at) return [];
    const next = runs.slice(i + 1).find((x) => x.light === 'day');
    return next ? [{ from: r.to, to: next.from }] : [];
  });
  return nights.at(-1) ?? null;
}
