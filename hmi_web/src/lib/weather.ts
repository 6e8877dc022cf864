/** The two weather masts: what they measure, and when they disagree. */

import { turn } from './rose';

export interface Quantity {
  title: string;
  /** The point after `weather.` or `mast2.`. */
  point: string;
  /** The greatest difference between healthy instruments some hundred metres apart, in the unit of the point. */
  agree: number;
  digits?: number;
}

/** Tolerances: sum of the usual instrument classes (WMO-No. 8) and the scatter of gusts between two masts. */
export const QUANTITIES: readonly Quantity[] = [
  { title: 'Wind', point: 'wind_speed', agree: 10 },
  { title: 'Gust', point: 'wind_gust', agree: 15 },
  { title: 'Direction', point: 'wind_direction', agree: 45, digits: 0 },
  { title: 'Humidity', point: 'humidity', agree: 8 },
  { title: 'Rain', point: 'rain', agree: 0.5 },
  { title: 'Dust, PM10', point: 'dust', agree: 25 },
  { title: 'Sky temp', point: 'sky_temperature', agree: 5 },
  { title: 'Air temp', point: 'air_temperature', agree: 1.5 },
  { title: 'Dew point', point: 'dew_point', agree: 2 },
  { title: 'Pressure', point: 'pressure', agree: 1.5 },
];

export const MASTS = ['weather', 'mast2'] as const;

/** Below this wind, km/h, a vane tells no direction. */
export const CALM = 3;

/** The difference of the second mast from the first; a direction's is the turn between them. Null where one is not sound. */
export function difference(q: Quantity, a: number | null, b: number | null): number | null {
  if (a === null || b === null) return null;
  return q.point === 'wind_direction' ? turn(a, b) : b - a;
}

/** Whether the masts disagree: beyond the tolerance, and not because a vane turns freely in no wind. */
export function disagree(q: Quantity, d: number | null, wind: number | null): boolean {
  if (d === null || (q.point === 'wind_direction' && (wind === null || wind < CALM))) return false;
  return Math.abs(d) > q.agree;
}

/** The sixteen points of the compass. */
export function compass(degrees: number): string {
  const names = ['N', 'NNE', 'NE', 'ENE', 'E', 'ESE', 'SE', 'SSE', 'S', 'SSW', 'SW', 'WSW', 'W', 'WNW', 'NW', 'NNW'];
  return names[Math.floor((((degrees % 360) + 360) % 360) / 22.5 + 0.5) % 16] ?? 'N';
}
