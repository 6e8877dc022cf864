/** Numbers as operators read them: a true minus sign, tabular figures, digits that suit the unit. */

const DECIMALS: Record<string, number> = {
  '°': 2,
  arcsec: 1,
  '°/s': 3,
  A: 2,
  '°C': 1,
  Hz: 0,
  'MB/s': 1,
  V: 1,
  kHz: 2,
  µm: 1,
  kW: 1,
  '%': 1,
  min: 1,
  ns: 1,
  ms: 2,
  'Mbit/s': 1,
  'km/h': 1,
  'mm/h': 1,
  'µg/m³': 0,
  hPa: 1,
  µs: 1,
  s: 1,
};

/** Digits that show every step a point can make: those of its unit, or more where its deadband is finer. */
export function fine(u: string | null | undefined, deadband: number | null | undefined): number {
  const step = deadband && deadband > 0 ? Math.ceil(-Math.log10(deadband) - 1e-9) : 0;
  return Math.min(6, Math.max(decimals(u), step));
}

export type Value = number | boolean | string | null;

export interface ValueType {
  kind: string;
  unit?: string | null;
  labels?: readonly { value: number; label: string }[] | null;
}

/** Digits after the point for a unit; 2 where the unit is unknown. */
export const decimals = (unit: string | null | undefined): number => DECIMALS[unit ?? ''] ?? 2;

/** A number with a minus sign; thin spaces in thousands; exponent beyond 1e9; `∞`, `NaN` as they are. */
export function number(x: number, digits: number): string {
  if (Number.isNaN(x)) return 'NaN';
  if (!Number.isFinite(x)) return x > 0 ? '∞' : '−∞';
  const size = Math.abs(x);
  if (size >= 1e9 || (size > 0 && size < 0.5 * 10 ** -digits && size < 1e-4))
    return x.toExponential(2).replace('-', '−').replace('e+', 'e');
  const [whole = '', part] = size.toFixed(digits).split('.');
  const text = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ' ') + (part ? `.${part}` : '');
  return x < 0 && Number(size.toFixed(digits)) !== 0 ? `−${text}` : text;
}

/** The least number of digits, six at most, that writes every multiple of `step` as it is: 2.5 needs one, 0.25 two. */
export function digitsOf(step: number): number {
  for (let d = 0; d < 6; d++) {
    const scaled = step * 10 ** d;
    if (Math.round(scaled) !== 0 && Math.abs(scaled - Math.round(scaled)) < 1e-6 * scaled) return d;
  }
  return 6;
}

/** With its sign, also a plus; zero has none. */
export function signed(x: number, digits: number): string {
  const text = number(x, digits);
  return x > 0 && Number(x.toFixed(digits)) !== 0 ? `+${text}` : text;
}

/** An angle between two directions, given in degrees: in arc seconds while tracking, in degrees while slewing; at most eight characters. */
export function apart(degrees: number): string {
  const seconds = Math.abs(degrees) * 3600;
  if (seconds < 999.5) return `${number(degrees * 3600, seconds < 99.95 ? 1 : 0)} ″`;
  return `${number(degrees, Math.abs(degrees) < 9.995 ? 2 : 1)} °`;
}

/** A robust score: one digit after the point up to 100, none beyond, and from 1000 on only that it is so far: never more than six characters. */
export function score(z: number, digits: (x: number, digits: number) => string = number): string {
  if (Math.abs(z) >= 999.5) return z > 0 ? '> 999' : '< −999';
  return digits(z, Math.abs(z) < 99.95 ? 1 : 0);
}

/** A count, rounded: `12 345`. */
export const count = (x: number): string => number(Math.round(x), 0);

/** A short count: `950`, `12.3 k`, `4.1 M`. */
export function compact(x: number): string {
  const size = Math.abs(x);
  for (const [limit, sign] of [
    [1e9, 'G'],
    [1e6, 'M'],
    [1e4, 'k'],
  ] as const) {
    if (size >= limit) return `${number(x / (sign === 'k' ? 1e3 : limit), 1)} ${sign}`;
  }
  return number(x, size < 10 && size % 1 !== 0 ? 1 : 0);
}

/** Bytes in powers of 1000. */
export function bytes(x: number): string {
  for (const [limit, sign] of [
    [1e12, 'TB'],
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'kB'],
  ] as const)
    if (x >= limit) return `${number(x / limit, 1)} ${sign}`;
  return `${count(x)} B`;
}

/** The text of a value without its unit: enumeration labels, yes and no, numbers by unit; null is `–`. */
export function value(v: Value | undefined, type: ValueType, digits?: number): string {
  if (v === null || v === undefined) return '–';
  if (typeof v === 'string') return v;
  if (typeof v === 'boolean') return v ? 'yes' : 'no';
  if (type.kind === 'enum') return type.labels?.find((l) => l.value === v)?.label ?? `state ${v.toString()}`;
  if (type.kind === 'bool') return v ? 'yes' : 'no';
  return number(v, type.kind === 'long' ? 0 : (digits ?? decimals(type.unit)));
}

const UNITS: Record<string, string> = { arcsec: '″' };

/** The unit as it is drawn. */
export const unit = (u: string | null | undefined): string => UNITS[u ?? ''] ?? u ?? '';

const ABBREVIATIONS: ReadonlySet<string> = new Set(['UPS']);

/** `TRACKING` and `TAKING_DATA` as words: `Tracking`, `Taking data`; abbreviations stay. */
export function words(label: string): string {
  if (ABBREVIATIONS.has(label)) return label;
  const text = label.replaceAll('_', ' ').toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
